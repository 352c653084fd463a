"""Two clones and an Agency between them: what a user does with `idse sync`, and what he relies on."""

from __future__ import annotations

import json
import os

import pytest

FOLDER = ".idse/projects/portal/sessions/login"
LEDGER = "refs/idse/sessions/portal/login"
INTENT = f"{FOLDER}/intent.md"
IN_FOLDER_17 = ("loose 134", "loose 331", "loose 1030", "loose 1099")


def published(repo):
    rows = repo.git("for-each-ref", "--format=%(refname) %(objectname)", "refs/idse").splitlines()
    return dict(row.split(" ") for row in rows)


def sync(repo, direction="push", code=0):
    done = repo.idse("sync", direction, "--json")
    assert done.returncode == code, done.stdout + done.stderr
    return json.loads(done.stdout)["data"]


def last_sync(repo):
    return json.loads(repo.idse("status", "--json").stdout)["data"]["last_sync"]


@pytest.fixture
def agency(bare_remote):
    return bare_remote


@pytest.fixture
def one(begun, agency):
    """A clone with project portal and session login, that knows the Agency."""
    assert begun.idse("sync", "setup", str(agency.path)).returncode == 0
    return begun


@pytest.fixture
def other(one, agency, make_repo):
    """Another clone of the same project, up to date with the Agency."""
    sync(one)
    two = make_repo("other")
    two.git("pull", "-q", str(one.path), "main")
    assert two.idse("sync", "setup", str(agency.path)).returncode == 0
    sync(two, "pull")
    assert two.idse("init", "portal").returncode == 0
    assert two.idse("switch", "login").returncode == 0
    return two


def edit(repo, text, name="intent.md"):
    repo.write(f"{FOLDER}/{name}", text)
    done = repo.idse("save", "login")
    assert done.returncode == 0, done.stderr


def test_a_push_takes_every_ledger_to_the_agency(one, agency):
    data = sync(one)
    assert {ref["result"] for ref in data["refs"]} == {"pushed"}
    assert published(agency) == published(one)


def test_what_one_clone_saved_another_one_pulls(one, other):
    edit(one, "# Intent\n\nOne line.\n")
    sync(one)
    sync(other, "pull")
    assert other.git("show", f"{LEDGER}:artifacts/intent.md") == "# Intent\n\nOne line."
    assert other.git("rev-parse", LEDGER) == one.git("rev-parse", LEDGER)


def test_who_never_told_git_a_name_can_pull(one, other):
    edit(one, "# Intent\n\nOne line.\n")
    sync(one)
    nobody = {"GIT_CONFIG_GLOBAL": os.devnull}
    other.git("config", "user.useConfigOnly", "true")
    pulled = other.idse("sync", "pull", env=nobody)
    assert pulled.returncode == 0, pulled.stderr
    assert other.git("rev-parse", LEDGER) == one.git("rev-parse", LEDGER)
    assert "idse" in other.git("for-each-ref", "--format=%(authorname)", "refs/idse/sync").splitlines()


def test_a_second_push_and_a_second_pull_do_nothing(one, other, agency):
    edit(one, "# Intent\n\nOne line.\n")
    for repo in (one, other, one, other):
        sync(repo)
    before = published(one), published(other), published(agency)
    for repo in (one, other):
        assert sync(repo)["sync_point"] is None
        assert sync(repo, "pull")["refs"] == []
    assert (published(one), published(other), published(agency)) == before
    assert before[0] == before[1] == before[2]


def test_two_clones_that_diverged_make_exactly_one_merge_between_them(one, other):
    edit(one, "# Intent\n\nOne line.\n")
    edit(other, "# Context\n\nAnother line.\n", "context.md")
    sync(one)
    sync(other)
    sync(one)
    assert one.git("rev-parse", LEDGER) == other.git("rev-parse", LEDGER)
    assert one.git("rev-list", "--min-parents=2", "--count", LEDGER) == "1"
    assert "One line." in one.git("show", f"{LEDGER}:artifacts/intent.md")
    assert "Another line." in one.git("show", f"{LEDGER}:artifacts/context.md")


def test_clones_that_merge_apart_from_each_other_make_the_same_commit(one, other, agency):
    edit(one, "# Intent\n\nOne line.\n")
    edit(other, "# Context\n\nAnother line.\n", "context.md")
    tips = one.git("rev-parse", LEDGER), other.git("rev-parse", LEDGER)
    agency.git("fetch", "-q", str(one.path), f"{LEDGER}:{LEDGER}")
    sync(other, "pull")
    agency.git("fetch", "-q", str(other.path), f"+{tips[1]}:refs/heads/carry")
    agency.git("update-ref", LEDGER, tips[1])
    sync(one, "pull")
    assert one.git("rev-parse", LEDGER) == other.git("rev-parse", LEDGER)
    assert one.git("rev-list", "--parents", "-1", LEDGER).split()[1:] == sorted(tips)


def test_a_conflict_is_in_the_document_and_blocks_the_gate_until_it_is_resolved(one, other):
    edit(one, "# Intent\n\nOne line.\n")
    edit(other, "# Intent\n\nAnother line.\n")
    sync(one)
    sync(other, code=3)
    assert "<<<<<<<" in other.git("show", f"{LEDGER}:artifacts/intent.md")
    assert "conflicted" in other.idse("sync", "status").stdout
    assert other.idse("restore", "--force").returncode == 0
    assert other.idse("stage", "complete", "intent").returncode == 1
    edit(other, "# Intent\n\nBoth lines.\n")
    sync(other)
    sync(one)
    assert one.git("show", f"{LEDGER}:artifacts/intent.md") == "# Intent\n\nBoth lines."
    assert "conflicted" not in one.idse("sync", "status").stdout


def test_two_clones_that_each_make_a_session_of_one_name_end_with_one_ledger(one, other):
    for repo in (one, other):
        assert repo.idse("session", "new", "pay").returncode == 0
    sync(one)
    sync(other)
    sync(one)
    ref = "refs/idse/sessions/portal/pay"
    assert one.git("rev-parse", ref) == other.git("rev-parse", ref)
    assert one.git("rev-list", "--max-parents=0", "--count", ref) == "2"
    assert one.idse("fsck").returncode == 0


def test_offline_says_so_with_its_own_exit_code_and_keeps_what_waits(one, agency):
    sync(one)
    edit(one, "# Intent\n\nOne line.\n")
    before = last_sync(one)
    moved = agency.path.rename(agency.path.with_name("gone"))
    done = one.idse("sync", "push")
    assert done.returncode == 5
    assert "error[IDSE020]" in done.stderr
    assert last_sync(one) == before
    status = one.idse("sync", "status", "--json")
    assert status.returncode == 5
    assert json.loads(status.stdout)["data"]["counts"]["ahead"] == 1
    moved.rename(agency.path)
    sync(one)
    assert agency.git("rev-parse", LEDGER) == one.git("rev-parse", LEDGER)


def test_a_dry_run_names_what_would_go_and_sends_nothing(one, agency):
    sync(one)
    edit(one, "# Intent\n\nOne line.\n")
    before = published(one), published(agency)
    done = one.idse("sync", "push", "--dry-run", "--json")
    refs = json.loads(done.stdout)["data"]["refs"]
    assert [(ref["ref"], ref["result"]) for ref in refs] == [(LEDGER, "waiting")]
    assert (published(one), published(agency)) == before


def test_a_sync_point_says_what_was_pushed_and_when(one):
    data = sync(one)
    entries = json.loads(one.idse("log", "--sync", "--json").stdout)["data"]["entries"]
    assert [entry["commit"] for entry in entries] == [data["sync_point"]]
    at = last_sync(one)
    assert at == entries[0]["at"]
    view = json.loads(one.read(".idse/projects/portal/session_state.json"))
    assert view["last_sync"] == at


def test_a_push_whose_reply_was_lost_is_known_to_have_arrived(one, agency):
    """The remote accepts everything and dies before it can say so."""
    sync(one)
    edit(one, "# Intent\n\nOne line.\n")
    hook = agency.path / "hooks" / "reference-transaction"
    hook.write_text('#!/bin/sh\n[ "$1" = committed ] && kill -9 $PPID\nexit 0\n')
    hook.chmod(0o755)
    lost = one.idse("sync", "push")
    assert lost.returncode == 5, lost.stderr
    assert "pushed" not in lost.stdout
    hook.unlink()
    arrived = published(agency)
    assert sync(one, "push")["refs"] == []
    assert published(one) == published(agency) == arrived


def test_a_copied_clone_goes_on_under_an_id_of_its_own(one, agency, tmp_path):
    import shutil

    sync(one)
    shutil.copytree(one.path, tmp_path / "copy")
    copy = type(one)(tmp_path / "copy")
    edit(one, "# Intent\n\nOne line.\n")
    edit(copy, "# Context\n\nAnother line.\n", "context.md")
    for repo in (one, copy, one, copy):
        sync(repo)
    assert published(one) == published(copy) == published(agency)
    assert one.read(".git/idse/replica") != copy.read(".git/idse/replica")
    assert one.idse("fsck").returncode == 0


def test_a_fresh_clone_brings_the_ledgers_that_its_origin_has(one, agency, make_repo, tmp_path):
    sync(one)
    one.git("push", "-q", "--no-verify", str(agency.path), "HEAD:refs/heads/main")
    agency.git("symbolic-ref", "HEAD", "refs/heads/main")
    one.git("clone", "-q", str(agency.path), str(tmp_path / "fresh"))
    fresh = type(one)(tmp_path / "fresh")
    done = fresh.idse("init")
    assert done.returncode == 0, done.stderr
    for ref in (LEDGER, "refs/idse/projects/portal", "refs/idse/sessions/portal/__blueprint__"):
        assert fresh.git("rev-parse", ref) == one.git("rev-parse", ref)
    assert "idse sync setup --remote origin" in done.stderr
    assert "nothing to save" in fresh.idse("save", "login").stderr


def test_a_fresh_clone_whose_origin_does_not_answer_begins_ledgers_of_its_own_when_told_to(
    one, agency, tmp_path
):
    sync(one)
    one.git("clone", "-q", str(one.path), str(tmp_path / "fresh"))
    fresh = type(one)(tmp_path / "fresh")
    fresh.git("remote", "set-url", "origin", str(tmp_path / "nowhere"))
    done = fresh.idse("init", "portal")
    assert done.returncode == 2, done.stderr
    assert "could not be fetched" in done.stderr
    assert published(fresh) == {}
    assert fresh.idse("init", "portal", "--new-ledger").returncode == 0
    assert fresh.idse("sync", "setup", str(agency.path)).returncode == 0
    for repo in (fresh, one, fresh):
        sync(repo)
    assert published(fresh) == published(one)
    assert one.idse("fsck").returncode == 0


def test_init_can_say_where_the_agency_is(repo, agency):
    assert repo.idse("init", "portal", "--agency", str(agency.path)).returncode == 0
    assert sync(repo)["remote"] == "agency"


@pytest.mark.parametrize("wanted", [True, False])
def test_git_tidies_up_after_a_sync_if_it_may(one, wanted):
    for setting in ("gc.auto=1", "gc.autoDetach=false", f"maintenance.auto={str(wanted).lower()}"):
        one.git("config", *setting.split("="))
    for text in IN_FOLDER_17:  # git guesses from this one of 256 folders whether there is much to pack
        assert one.git("hash-object", "-w", "--stdin", stdin=text).startswith("17")
    sync(one)
    assert any((one.path / ".git/objects/pack").glob("*.pack")) == wanted


def test_a_bad_ref_at_the_agency_is_named_and_everything_else_goes_on(one, other, agency):
    edit(one, "# Intent\n\nOne line.\n")
    sync(one)
    evil = "refs/idse/sessions/portal/evil"
    agency.git("fetch", "-q", str(one.path), f"HEAD:{evil}")
    agency.git("update-ref", "refs/idse/future/thing", LEDGER)
    done = other.idse("sync", "pull")
    assert done.returncode == 1
    assert "refused  portal/evil" in done.stdout
    assert "foreign-tip" in done.stdout
    assert "up to date" not in done.stderr
    assert other.git("rev-parse", LEDGER) == one.git("rev-parse", LEDGER)
    assert {evil, "refs/idse/future/thing"}.isdisjoint(published(other))
    status = json.loads(other.idse("sync", "status", "--json").stdout)["data"]
    assert [(ref["ref"], ref["standing"]) for ref in status["refs"] if ref["standing"] != "equal"] == [
        (evil, "behind")
    ]


def test_a_bundle_is_pulled_from_and_never_pushed_to(one, make_repo, tmp_path):
    bundle = str(tmp_path / "ledgers.bundle")
    one.git("bundle", "create", "-q", bundle, "--glob=refs/idse/*")
    away = make_repo("away")
    env = {"IDSE_AGENCY_URL": bundle}
    assert away.idse("sync", "pull", env=env).returncode == 0
    assert away.git("rev-parse", LEDGER) == one.git("rev-parse", LEDGER)
    assert away.idse("restore", "login").returncode == 0
    edit(away, "# Intent\n\nOne line.\n")
    assert json.loads(away.idse("status", "login", "--json").stdout)["data"]["published"] is None
    assert "Agency" not in away.idse("status", "login").stdout
    done = away.idse("sync", "push", env=env)
    assert done.returncode == 2
    assert "a bundle can be pulled from, and not pushed to" in done.stderr
