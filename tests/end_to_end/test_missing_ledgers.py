"""Documents whose ledgers are not here: nothing begins anew unasked, and nothing passes for checked."""

from __future__ import annotations

import json

import pytest

REF = "refs/idse/sessions/portal/__blueprint__"


@pytest.fixture
def finished(loop):
    """An intent that is complete, committed and pushed to a private Agency."""
    loop.git("init", "-q", "--bare", str(loop.path.parent / "agency.git"))
    loop.git("clone", "-q", "--bare", str(loop.path), str(loop.path.parent / "code.git"))
    loop.git("remote", "add", "origin", str(loop.path.parent / "code.git"))
    loop.finish("intent")
    loop.commit("intent")
    loop.git("push", "-q", "origin", "main")
    loop.does("sync", "setup", str(loop.path.parent / "agency.git"))
    loop.does("sync", "push")
    return loop


@pytest.fixture
def clone(finished, loop_of):
    """A clone of the code alone."""
    finished.git("clone", "-q", str(finished.path.parent / "code.git"), str(finished.path.parent / "clone"))
    return loop_of(type(finished.repo)(finished.path.parent / "clone"))


def has_no_ledger(repo):
    return repo.git("for-each-ref", "refs/idse/") == ""


class TestInit:
    def test_without_looking_nothing_is_written(self, clone, unchanged):
        with unchanged(clone):
            assert clone.idse("init", "--no-fetch").returncode == 2

    @pytest.mark.parametrize("options", [(), ("--no-fetch",), ("portal",)])
    def test_it_begins_nothing_and_says_what_to_type(self, clone, options):
        done = clone.idse("init", *options)
        assert done.returncode == 2
        assert "this branch carries portal, and this clone has no ledger of it" in done.stderr
        for option in ("--agency URL", "--remote origin", "--new-ledger"):
            assert f"idse init portal {option}" in done.stderr
        assert has_no_ledger(clone)

    def test_where_it_looked_is_told(self, clone):
        assert "code.git has none of it" in clone.idse("init").stderr

    def test_nobody_answers(self, clone):
        clone.git("remote", "set-url", "origin", str(clone.path.parent / "gone.git"))
        done = clone.idse("init")
        assert done.returncode == 2
        assert "could not be fetched" in done.stderr
        assert has_no_ledger(clone)

    def test_with_the_agency_the_finished_work_is_there(self, clone, finished):
        clone.does("init", "--agency", str(finished.path.parent / "agency.git"))
        assert clone.stage("intent")["status"] == "complete"
        assert clone.tip() == finished.tip()

    def test_with_a_remote_that_has_them(self, clone, finished):
        clone.git("remote", "add", "ledgers", str(finished.path.parent / "agency.git"))
        clone.does("init", "--remote", "ledgers")
        assert clone.tip() == finished.tip()

    def test_a_new_history_is_begun_when_asked_for(self, clone):
        clone.does("init", "--new-ledger")
        assert clone.stage("intent")["status"] != "complete"

    def test_a_new_history_that_meets_the_old_one_keeps_what_was_finished(self, clone, finished):
        clone.does("init", "--new-ledger")
        clone.does("sync", "setup", str(finished.path.parent / "agency.git"))
        clone.does("sync", "pull")
        assert clone.stage("intent")["status"] == "complete"
        clone.does("sync", "push")
        finished.does("sync", "pull")
        assert finished.tip() == clone.tip()
        assert finished.stage("intent")["status"] == "complete"
        assert finished.idse("fsck").returncode == 0

    def test_one_session_of_a_teammate_that_was_not_fetched(self, finished, clone):
        clone.does("init", "--agency", str(finished.path.parent / "agency.git"))
        finished.does("spawn", "login")
        finished.commit("login")
        finished.git("push", "-q", "origin", "main")
        clone.git("pull", "-q")
        for command in (("init", "--no-fetch"), ("spawn", "login")):
            done = clone.idse(*command)
            assert done.returncode == 2, done.stderr
            assert "portal/login" in done.stderr
            assert "idse init portal --new-ledger" in done.stderr
        assert "refs/idse/sessions/portal/login" not in clone.git("for-each-ref")
        finished.does("sync", "push")
        clone.does("init")
        assert clone.tip("refs/idse/sessions/portal/login") == finished.tip("refs/idse/sessions/portal/login")

    def test_a_folder_that_nobody_committed_is_adopted(self, loop):
        loop.write(".idse/projects/portal/sessions/by-hand/spec.md", "mine\n")
        assert "adopted session by-hand" in loop.does("init", "portal").stderr

    def test_what_a_teammate_types_is_told(self, finished):
        url = finished.path.parent / "agency.git"
        line = f"in a clone, a teammate types: idse init --agency {url}\n"
        assert line in finished.does("sync", "setup", str(url)).stderr
        assert line in finished.does("sync", "status").stderr


class TestValidate:
    @pytest.mark.parametrize("source", [("--all",), ("--commit", "HEAD"), ("--from-ref", "HEAD~1")])
    def test_strict_is_told_that_nobody_could_look(self, clone, source):
        done = clone.idse("validate", *source, "--strict")
        assert done.returncode == 2
        assert "this branch carries portal, and this clone has no ledger of it" in done.stderr
        assert "git fetch origin 'refs/idse/*:refs/idse/*'" in done.stderr

    @pytest.mark.parametrize("by", ["git", "environment"])
    def test_so_is_a_repository_that_requires_its_ledgers(self, clone, by):
        env = {"IDSE_REQUIRE_LEDGERS": "yes"} if by == "environment" else {}
        if by == "git":
            clone.git("config", "idse.requireLedgers", "true")
        assert clone.idse("validate", "--all", env=env).returncode == 2

    def test_a_plain_run_passes_and_says_what_was_not_checked(self, clone):
        done = clone.does("validate", "--all", "--format", "github")
        assert "::notice title=idse::no ledgers in this clone: gates were not checked" in done.stdout
        found = json.loads(clone.does("validate", "--all", "--json").stdout)
        assert "gates were not checked" in found["data"]["notes"][0]

    def test_with_the_ledgers_strict_judges(self, clone, finished):
        clone.git("fetch", "-q", str(finished.path.parent / "agency.git"), "refs/idse/*:refs/idse/*")
        assert clone.idse("validate", "--all", "--strict").returncode in (0, 1)


class TestHooks:
    @pytest.fixture
    def hooked(self, clone):
        clone.does("hooks", "install")
        clone.edit("intent.md", clone.text("intent.md") + "\nMore.\n")
        clone.git("add", "-A")
        return clone

    def test_a_commit_says_what_was_not_checked_and_not_recorded(self, hooked):
        done = hooked.run("git", "commit", "-qm", "more")
        assert done.returncode == 0
        assert "idse: no ledgers in this clone: gates were not checked" in done.stderr
        assert "idse: not recorded, portal/__blueprint__ has no ledger here: idse init portal" in done.stderr

    def test_where_ledgers_are_required_it_is_blocked(self, hooked):
        hooked.git("config", "idse.requireLedgers", "true")
        done = hooked.run("git", "commit", "-qm", "more")
        assert done.returncode == 1
        assert "this clone has no ledger of it" in done.stderr


class TestEmptyRepository:
    """`idse init --agency` where no branch carries anything, and the Agency may have projects."""

    @pytest.fixture
    def url(self, finished):
        return str(finished.path.parent / "agency.git")

    def projects(self, repo):
        return repo.git("for-each-ref", "--format=%(refname:lstrip=3)", "refs/idse/projects/").split()

    def test_it_takes_over_the_one_that_is_there(self, url, make_repo):
        fresh = make_repo("elsewhere")
        done = fresh.idse("init", "--agency", url)
        assert done.returncode == 0, done.stderr
        assert self.projects(fresh) == ["portal"]
        assert "brought .idse/projects/portal/sessions/__blueprint__/ from its ledger" in done.stderr
        assert (fresh.path / ".idse/projects/portal/sessions/__blueprint__/intent.md").exists()
        assert fresh.idse("sync", "push").returncode == 0
        assert fresh.idse("status").returncode == 0
        named = make_repo("named")
        assert named.idse("init", "portal", "--agency", url).returncode == 0
        roots = {
            repo.git("rev-list", "--max-parents=0", "refs/idse/projects/portal") for repo in (fresh, named)
        }
        assert len(roots) == 1

    def test_another_one_is_begun_by_name_alone_and_then_it_has_to_be_said_which(self, url, make_repo):
        fresh = make_repo("second")
        done = fresh.idse("init", "shop", "--agency", url)
        assert done.returncode == 0, done.stderr
        assert "the Agency has other projects, too: portal" in done.stderr
        assert fresh.idse("sync", "push").returncode == 0
        third = make_repo("third")
        done = third.idse("init", "--agency", url)
        assert done.returncode == 2
        assert "the Agency has portal, shop" in done.stderr
        assert f"idse init portal --agency {url}" in done.stderr
        assert self.projects(third) == []
        assert third.idse("init", "shop", "--agency", url).returncode == 0
        assert self.projects(third) == ["portal", "shop"]

    def test_where_there_is_none_or_nobody_answers_it_is_called_like_the_folder(self, make_repo, tmp_path):
        fresh = make_repo("cart")
        done = fresh.idse("init", "--agency", str(tmp_path / "nowhere.git"))
        assert done.returncode == 0, done.stderr
        assert self.projects(fresh) == ["cart"]
        assert "nowhere.git" in done.stderr
