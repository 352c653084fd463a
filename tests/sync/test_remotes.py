"""Which Agency a repository has, and which git settings keep it from syncing."""

from __future__ import annotations

import json
import os

import pytest

from idse_orchestrator.errors import InvalidConfigurationError, NoAgencyError, UnsafeRemoteError, UsageError
from idse_orchestrator.sync.agency import resolve_agency
from idse_orchestrator.sync.setup_agency import setup_agency
from idse_orchestrator.wiring.application import Application

FETCH = "+refs/idse/*:refs/idse-local/remotes/agency/*"
PUSH = "refs/idse/*:refs/idse/*"


@pytest.fixture
def agency_of(monkeypatch):
    """``agency_of(repo, folder="")``: the Agency of a repository, or the error."""

    def find(repo, folder=""):
        monkeypatch.chdir(repo.path / folder)
        return resolve_agency(Application(os.getcwd(), os.environ).sync.parts)

    return find


@pytest.fixture
def setup(monkeypatch):
    """``setup(repo, url, remote="agency")``: write down the Agency of a repository."""

    def do(repo, url, remote="agency"):
        monkeypatch.chdir(repo.path)
        return setup_agency(Application(os.getcwd(), os.environ).sync.parts, str(url), remote)

    return do


def settings(repo):
    return repo.git("config", "--local", "--list")


# --- which one ---


def test_without_a_word_there_is_no_agency_and_origin_is_none(repo, agency_of, bare_remote):
    repo.git("remote", "add", "origin", str(bare_remote.path))
    with pytest.raises(NoAgencyError) as caught:
        agency_of(repo)
    assert any("idse sync setup URL" in fix for fix in caught.value.fix)


def test_each_source_goes_before_the_next(repo, agency_of, sealed, monkeypatch):
    (sealed / ".idseconfig.json").write_text(json.dumps({"agency": {"url": "https://home.example/a"}}))
    assert agency_of(repo)[:2] == ("https://home.example/a", "")
    repo.git("remote", "add", "agency", "https://remote.example/a")
    assert agency_of(repo)[:2] == ("https://remote.example/a", "agency")
    monkeypatch.setenv("IDSE_AGENCY_URL", "https://variable.example/a")
    assert agency_of(repo)[:2] == ("https://variable.example/a", "")
    assert agency_of(repo).origin == "IDSE_AGENCY_URL"


def test_a_setting_and_a_remote_that_lead_to_two_places_are_an_error_that_says_both(repo, agency_of):
    repo.git("config", "idse.agency.url", "https://one.example/a")
    assert agency_of(repo)[:2] == ("https://one.example/a", "")
    repo.git("remote", "add", "agency", "https://two.example/a")
    with pytest.raises(InvalidConfigurationError) as caught:
        agency_of(repo)
    assert "one.example" in caught.value.message
    assert "two.example" in caught.value.message
    repo.git("remote", "set-url", "agency", "https://one.example/a.git/")
    assert agency_of(repo).remote == "agency"


def test_the_remote_may_have_another_name(repo, agency_of):
    repo.git("remote", "add", "hub", "https://hub.example/a")
    repo.git("config", "idse.agency.remote", "hub")
    assert agency_of(repo)[:2] == ("https://hub.example/a", "hub")


def test_a_variable_that_names_the_place_of_the_remote_uses_the_remote(repo, agency_of, monkeypatch):
    repo.git("remote", "add", "agency", "git@forge.example:team/ledgers.git")
    monkeypatch.setenv("IDSE_AGENCY_URL", "ssh://git@forge.example/team/ledgers")
    assert agency_of(repo).remote == "agency"


def test_a_path_is_taken_from_where_the_user_stands(repo, agency_of, bare_remote, monkeypatch):
    (repo.path / "below").mkdir()
    monkeypatch.setenv("IDSE_AGENCY_URL", "../../remote.git")
    assert agency_of(repo, "below").url == str(bare_remote.path)


def test_a_relative_path_in_the_home_is_refused(repo, agency_of, sealed):
    (sealed / ".idseconfig.json").write_text(json.dumps({"agency": {"url": "../remote.git"}}))
    with pytest.raises(InvalidConfigurationError):
        agency_of(repo)


@pytest.mark.parametrize("where", ["variable", "git"])
def test_a_password_in_the_url_is_refused_and_not_repeated(repo, agency_of, monkeypatch, where):
    url = "https://me:geheim@host.example/a"
    if where == "git":
        repo.git("config", "idse.agency.url", url)
    else:
        monkeypatch.setenv("IDSE_AGENCY_URL", url)
    with pytest.raises(UnsafeRemoteError) as caught:
        agency_of(repo)
    assert "geheim" not in f"{caught.value.message}{caught.value.where}{caught.value.cause}{caught.value.fix}"
    assert any("credential" in fix for fix in caught.value.fix)


def test_a_password_in_a_git_remote_stays_there(repo, agency_of):
    repo.git("remote", "add", "agency", "https://me:geheim@host.example/a")
    assert agency_of(repo)[:2] == ("https://host.example/a", "agency")


def test_origin_is_the_agency_only_where_this_repository_says_so(repo, agency_of, bare_remote, sealed):
    repo.git("remote", "add", "origin", str(bare_remote.path))
    repo.git("config", "--global", "idse.agency.remote", "origin")
    with pytest.raises(UnsafeRemoteError, match="every repository"):
        agency_of(repo)
    repo.git("config", "idse.agency.remote", "origin")
    assert agency_of(repo)[:2] == (str(bare_remote.path), "origin")


# --- what is dangerous ---


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("remote.agency.pushurl", "https://elsewhere.example/a", "elsewhere"),
        ("remote.agency.url", "https://second.example/a", "2 URLs"),
        ("url.https://evil.example/.pushInsteadOf", "https://agency.example/", "elsewhere"),
        ("remote.agency.mirror", "true", "mirror"),
        ("remote.agency.push", "refs/heads/*:refs/heads/*", "more than ledgers"),
        ("remote.agency.push", "+refs/idse/*:refs/idse/*", "only forward"),
        ("remote.agency.push", "refs/idse/*:refs/heads/*", "more than ledgers"),
        ("remote.agency.push", ":", "more than ledgers"),
        ("remote.agency.push", "HEAD", "more than ledgers"),
        ("remote.other.fetch", "+refs/*:refs/*", "write over"),
        ("remote.other.fetch", "refs/*:refs/*", "write over"),
        ("remote.other.fetch", "+refs/heads/*:refs/idse/heads/*", "write over"),
        ("remote.agency.fetch", "refs/idse/*:refs/idse/*", "write over"),
    ],
)
def test_a_dangerous_setting_is_refused_with_the_line_to_look_at(repo, agency_of, key, value, said):
    repo.git("config", "remote.agency.url", "https://agency.example/a")
    repo.git("config", "--add", key, value)
    with pytest.raises(UnsafeRemoteError) as caught:
        agency_of(repo)
    assert said in f"{caught.value.message} {caught.value.cause}"
    looks = [fix for fix in caught.value.fix if fix.startswith("git config --show-origin")]
    assert any(repo.run("sh", "-c", look).stdout for look in looks)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("url.https://agency.example/.insteadOf", "agency:"),
        ("remote.agency.fetch", FETCH),
        ("remote.agency.push", PUSH),
        ("remote.agency.push", "^refs/idse/notes/*"),
        ("remote.other.fetch", "+refs/heads/*:refs/remotes/other/*"),
        ("remote.other.fetch", "refs/idse/notes/commits"),
        ("remote.agency.mirror", "false"),
        ("remote.agency.pushurl", "https://agency.example/a.git"),
    ],
)
def test_a_harmless_setting_is_left_in_peace(repo, agency_of, key, value):
    repo.git("config", "remote.agency.url", "https://agency.example/a")
    repo.git("config", "--add", key, value)
    assert agency_of(repo).remote == "agency"


def test_origin_as_agency_may_push_code_as_before_and_never_ledgers_by_force(repo, agency_of, bare_remote):
    repo.git("remote", "add", "origin", str(bare_remote.path))
    repo.git("config", "idse.agency.remote", "origin")
    repo.git("config", "remote.origin.push", "+refs/heads/*:refs/heads/*")
    assert agency_of(repo).remote == "origin"
    repo.git("config", "--add", "remote.origin.push", "+refs/*:refs/*")
    with pytest.raises(UnsafeRemoteError):
        agency_of(repo)


# --- setup ---


def test_setup_writes_a_normal_remote_once(repo, setup, bare_remote):
    done = setup(repo, "../remote.git")
    assert done.agency[:2] == (str(bare_remote.path), "agency")
    assert len(done.written) == 6
    before = settings(repo)
    assert repo.git("config", "--get-all", "remote.agency.fetch") == FETCH
    assert repo.git("config", "--get-all", "remote.agency.push") == PUSH
    again = setup(repo, bare_remote.path)
    assert (again.written, again.agency) == ((), done.agency)
    assert settings(repo) == before


def test_setup_turns_nobodys_remote_to_another_place(repo, setup):
    repo.git("remote", "add", "agency", "https://first.example/a")
    before = settings(repo)
    with pytest.raises(UsageError) as caught:
        setup(repo, "https://second.example/a")
    assert any("--remote NAME" in fix for fix in caught.value.fix)
    assert settings(repo) == before


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("remote.agency.mirror", "true"),
        ("remote.other.fetch", "+refs/*:refs/*"),
        ("idse.agency.url", "https://second.example/a"),
        ("url.https://evil.example/.pushInsteadOf", "https://"),
    ],
)
def test_setup_writes_nothing_where_it_would_not_be_safe(repo, setup, key, value):
    repo.git("config", key, value)
    before = settings(repo)
    with pytest.raises((UnsafeRemoteError, InvalidConfigurationError)):
        setup(repo, "https://first.example/a")
    assert settings(repo) == before


def test_setup_completes_a_remote_that_the_user_made(repo, setup, bare_remote):
    repo.git("remote", "add", "agency", str(bare_remote.path))
    done = setup(repo, "")
    assert done.written == (f"remote.agency.fetch = {FETCH}", f"remote.agency.push = {PUSH}")
    assert done.holds_code is False


def test_setup_of_origin_leaves_its_pushes_alone(repo, setup, bare_remote):
    repo.git("remote", "add", "origin", str(bare_remote.path))
    done = setup(repo, "", "origin")
    assert done.holds_code
    assert done.agency.remote == "origin"
    assert repo.git("config", "--get-all", "remote.origin.push", check=False) == ""
    assert repo.git("config", "idse.agency.remote") == "origin"
    assert setup(repo, "", "origin").written == ()


def test_setup_under_another_name_remembers_the_name(repo, setup, bare_remote):
    done = setup(repo, bare_remote.path, "hub")
    assert (done.agency.remote, done.holds_code) == ("hub", False)
    assert setup(repo, "", "hub").written == ()


@pytest.mark.parametrize("url", ["-x", "ext::sh -c true", "https://me:geheim@host.example/a", ""])
def test_setup_refuses_what_is_no_safe_url(repo, setup, url):
    before = settings(repo)
    with pytest.raises((UsageError, UnsafeRemoteError)):
        setup(repo, url)
    assert settings(repo) == before


def test_an_agency_that_does_not_answer_is_set_up_with_a_warning(repo):
    done = repo.idse("sync", "setup", str(repo.path / "nowhere.git"))
    assert done.returncode == 0, done.stderr
    assert "cannot be reached" in done.stderr
    assert repo.git("config", "remote.agency.url") == str(repo.path / "nowhere.git")


def test_setup_says_that_a_variable_goes_before_it(repo, setup, bare_remote, monkeypatch):
    monkeypatch.setenv("IDSE_AGENCY_URL", "https://variable.example/a")
    assert any("IDSE_AGENCY_URL" in doubt for doubt in setup(repo, bare_remote.path).doubts)


# --- plain git ---


def test_plain_git_push_and_fetch_move_ledgers_and_nothing_else(repo, bare_remote, make_repo):
    repo.write("code.py", "x\n")
    repo.commit()
    repo.git("tag", "-a", "-m", "x", "v1")
    tip = repo.git("commit-tree", "HEAD^{tree}", "-m", "x")
    repo.git("update-ref", "refs/idse/sessions/portal/login", tip)
    repo.git("update-ref", "refs/idse-local/pending/x", tip)
    assert repo.idse("sync", "setup", str(bare_remote.path)).returncode == 0
    repo.git("push", "--quiet", "agency")
    assert bare_remote.git("for-each-ref", "--format=%(refname)") == "refs/idse/sessions/portal/login"
    other = make_repo("other")
    assert other.idse("sync", "setup", str(bare_remote.path)).returncode == 0
    other.git("fetch", "--quiet", "agency")
    assert other.git("for-each-ref", "--format=%(refname)") == (
        "refs/idse-local/remotes/agency/sessions/portal/login"
    )
    bare_remote.git("update-ref", "-d", "refs/idse/sessions/portal/login")
    repo.git("fetch", "--quiet", "--prune", "agency")
    assert repo.git("rev-parse", "refs/idse/sessions/portal/login") == tip


def test_git_fetch_all_does_not_wait_for_the_agency(repo):
    assert repo.idse("sync", "setup", "https://no-such-host.invalid/a").returncode == 0
    assert repo.run("git", "fetch", "--all").returncode == 0
