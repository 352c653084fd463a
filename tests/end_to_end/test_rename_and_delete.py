"""A session with another name is meant by it everywhere; one that was deleted is nowhere, and comes back."""

from __future__ import annotations

import json

import pytest

LOGIN = ".idse/projects/portal/sessions/login"
REF = "refs/idse/sessions/portal/login"


def does(repo, *words, code=0):
    done = repo.idse(*words)
    assert done.returncode == code, done.stdout + done.stderr
    return done


def data(repo, *words):
    return json.loads(does(repo, *words, "--json").stdout)["data"]


def completed(repo, line):
    words = line.split(" ")
    asked = {"_IDSE_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    return [each.removeprefix("plain,") for each in repo.idse(env=asked).stdout.splitlines()]


@pytest.fixture
def renamed(begun, once):
    """`login` is called sign-in; the blueprint is current."""

    def make():
        does(begun, "session", "rename", "sign-in", "--title", "Sign in by mail")
        does(begun, "switch", "__blueprint__")

    once(begun, make)
    return begun


NAMING = [
    ("status", "sign-in"),
    ("status", "--session", "portal/sign-in"),
    ("log", "sign-in"),
    ("session", "show", "sign-in"),
    ("instructions", "--session", "sign-in"),
    ("validate", "sign-in"),
    ("validate", "--commit", "HEAD", "sign-in"),
    ("trace", "sign-in"),
    ("show", "sign-in@{0}"),
    ("save", "sign-in"),
    ("restore", "sign-in"),
    ("diff", "--session", "sign-in"),
    ("session", "set", "sign-in", "--owner", "Ada"),
    ("agents", "assign", "spec", "codex", "--session", "sign-in"),
    ("session", "archive", "sign-in"),
    ("session", "new", "other", "--parent", "sign-in"),
    ("switch", "sign-in"),
    ("prime", "sign-in"),
]


@pytest.mark.parametrize("words", NAMING, ids=" ".join)
def test_every_command_takes_the_other_name(renamed, words):
    if words[0] == "agents":
        does(renamed, "agents", "add", "codex", "--stage", "spec")
    does(renamed, *words)


def test_what_it_is_called_shows_and_what_it_was_called_stays(renamed):
    assert does(renamed, "status", "login").stdout.startswith(
        "portal/sign-in (login)  feature, active  Sign in by mail\n"
    )
    assert "  sign-in (login)  ▶" in does(renamed, "session", "list").stdout
    assert "portal/sign-in (login)" in does(renamed, "report").stdout
    assert (
        "[sign-in] renamed: sign-in; described: title 'Sign in by mail'"
        in does(renamed, "log", "--all").stdout
    )
    assert "portal/sign-in (login)" in does(renamed, "log", "login", "--format", "full").stdout
    for words in (("status", "login"), ("log", "login")):
        found = data(renamed, *words)
        entry = found["entries"][0] if "entries" in found else found
        assert (entry["session"], entry["alias"]) == ("login", "sign-in")
    assert {each["alias"] for each in data(renamed, "report")["sessions"]} == {None, "sign-in"}
    assert (renamed.path / LOGIN).is_dir()
    assert renamed.git("rev-parse", "--verify", REF)
    assert completed(renamed, "idse switch s") == ["sign-in"]
    assert "did you mean sign-in?" in does(renamed, "switch", "sing-in", code=2).stderr


def test_a_name_that_is_given_back_is_free(renamed):
    does(renamed, "session", "rename", "login", "enter")
    does(renamed, "status", "sign-in", code=2)
    does(renamed, "spawn", "sign-in")
    does(renamed, "session", "rename", "enter", "login")
    assert data(renamed, "status", "login")["alias"] is None
    assert "nothing changed" in does(renamed, "session", "rename", "login", "login").stderr
    does(renamed, "status", "enter", code=2)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("session", "rename", "search", "sign-in"),
            "taken by session portal/login, which is called 'sign-in'",
        ),
        (("session", "rename", "search", "Sign-In"), "differs from 'sign-in' only in case"),
        (("session", "rename", "search", "login"), "taken by session portal/login"),
        (("session", "rename", "search", "LOGIN"), "differs from 'login' only in case"),
        (("session", "rename", "search", "a/b"), "'a/b'"),
        (("session", "rename", "search", "__blueprint__"), "and no other, is called __blueprint__"),
        (("session", "rename", "a", "b", "c"), "one session is renamed at a time"),
        (("spawn", "sign-in"), "idse session rename login login"),
        (("spawn", "SIGN-in"), "only in case"),
        (("session", "delete", "search"), "needs a reason"),
        (("session", "delete", "__blueprint__", "-m", "no"), "the blueprint session is not deleted"),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, tuple) else "",
)
def test_a_name_means_one_session(renamed, words, said):
    does(renamed, "session", "new", "search")
    done = renamed.idse(*words)
    assert said in done.stderr
    assert done.returncode == (3 if "taken by" in said or words[0:2] == ("spawn", "sign-in") else 2)


@pytest.fixture
def clones(begun, bare_remote):
    """Two clones of one project that sync with one Agency."""
    does(begun, "session", "new", "search")
    begun.commit("search")
    does(begun, "sync", "setup", str(bare_remote.path))
    does(begun, "sync", "push")
    other = begun.clone("other")
    does(other, "init", "--agency", str(bare_remote.path))
    return begun, other


def sync(*clones):
    for repo in (*clones, clones[0]):
        does(repo, "sync", "push")


def test_one_name_given_in_two_clones_is_told_with_both(clones):
    one, other = clones
    does(one, "session", "rename", "login", "enter")
    does(other, "session", "rename", "search", "enter")
    sync(one, other)
    for repo in clones:
        told = does(repo, "status", "enter", code=2).stderr
        assert "2 sessions of project 'portal' are called 'enter'" in told
        assert "login, search" in told
        assert "idse session rename login NEW-NAME" in told
    does(one, "session", "rename", "login", "entry")
    assert data(one, "status", "enter")["session"] == "search"


def test_deleted_is_seen_nowhere_but_in_the_whole_list(renamed):
    does(renamed, "switch", "login")
    told = does(renamed, "session", "delete", "-m", "Twice the same").stderr
    assert f"git rm -r {LOGIN}" in told
    assert "switched to portal/__blueprint__" in told
    for words in (("session", "list"), ("status", "--all"), ("report",), ("validate", "--all"), ("next",)):
        shown = does(renamed, *words)
        assert "login" not in shown.stdout + shown.stderr, words
    before = renamed.git("rev-parse", REF)
    does(renamed, "validate", "--all", "--record")
    does(renamed, "validate", "login", "--record")
    assert renamed.git("rev-parse", REF) == before, "a verdict is no work"
    assert completed(renamed, "idse switch ") == ["__blueprint__"]
    (row,) = (each for each in data(renamed, "session", "list", "--all")["sessions"] if each["alias"])
    assert row["status"] == "deleted"
    assert "sign-in (login)" in does(renamed, "session", "list", "--all").stdout
    assert (renamed.path / LOGIN / "intent.md").is_file()
    does(renamed, "fsck")


def test_nothing_is_done_to_it_until_it_is_back(renamed):
    does(renamed, "session", "delete", "login", "-m", "Twice the same")
    for words, code in {
        ("stage", "complete", "intent", "--session", "login"): 1,
        ("agents", "route", "intent", "--session", "login"): 2,
        ("session", "set", "login", "--owner", "Ada"): 2,
        ("session", "archive", "login"): 2,
        ("session", "rename", "login", "enter"): 2,
        ("rule", "waive", "IDSE301", "-m", "why", "--session", "login"): 2,
    }.items():
        told = does(renamed, *words, code=code).stderr
        assert "session 'sign-in' was deleted" in told, words
        assert "idse session delete sign-in --undo" in told
    assert "the session was deleted" in does(renamed, "next", "login").stdout
    assert "idse session delete login --undo" in does(renamed, "spawn", "login", code=3).stderr
    does(renamed, "session", "delete", "sign-in", "--undo")
    assert data(renamed, "status", "login")["status"] == "active"
    assert "not applied" not in does(renamed, "log", "login").stdout
    assert "nothing changed" in does(renamed, "session", "delete", "login", "--undo").stderr


def test_a_commit_brings_it_back_and_one_that_takes_the_folder_away_does_not(begun):
    does(begun, "switch", "__blueprint__")
    does(begun, "session", "delete", "login", "-m", "Twice the same")
    before = begun.git("rev-parse", REF)
    begun.git("rm", "-rq", LOGIN)
    begun.commit("without")
    assert begun.git("rev-parse", REF) == before
    begun.git("revert", "--no-edit", "HEAD")
    assert begun.git("rev-parse", REF) == before, "the same documents are no work on it"
    begun.write(f"{LOGIN}/intent.md", begun.read(f"{LOGIN}/intent.md").decode() + "\nMore.\n")
    begun.git("add", "-A")
    told = begun.run("git", "commit", "-m", "more").stderr
    assert "portal/login was deleted; this commit edits it, so it is back" in told
    assert data(begun, "status", "login")["status"] == "active"
    assert "worked on elsewhere meanwhile, or since" in does(begun, "log", "login").stdout


def test_saving_brings_it_back(begun):
    does(begun, "session", "delete", "login", "-m", "Twice the same")
    begun.write(f"{LOGIN}/intent.md", begun.read(f"{LOGIN}/intent.md").decode() + "\nMore.\n")
    assert "this brings it back" in does(begun, "save", "login").stderr
    assert data(begun, "status", "login")["status"] == "active"


def _edits(repo):
    repo.write(f"{LOGIN}/intent.md", repo.read(f"{LOGIN}/intent.md").decode() + "\nMore.\n")
    repo.commit("more")


MEANWHILE = {
    "an edit": _edits,
    "a waiver": lambda repo: does(repo, "rule", "waive", "IDSE301", "-m", "why", "--session", "login"),
    "words": lambda repo: does(repo, "session", "set", "login", "--owner", "Ada"),
}


@pytest.mark.parametrize("turn", [(0, 1), (1, 0)], ids=["deleted first", "worked on first"])
@pytest.mark.parametrize("work", MEANWHILE)
def test_work_elsewhere_wins_in_either_order(clones, work, turn):
    one, other = clones
    does(one, "session", "delete", "login", "-m", "Twice the same")
    MEANWHILE[work](other)
    sync(*(clones[place] for place in turn))
    for repo in clones:
        assert data(repo, "status", "login")["status"] == "active"
        deleted = [each for each in data(repo, "log", "login")["entries"] if each["subject"] == "deleted"]
        assert [bool(each["not_applied"]) for each in deleted] == [True]
        assert "worked on" in does(repo, "log", "login").stdout
        assert "login" in does(repo, "session", "list").stdout
        does(repo, "fsck")
    assert one.git("rev-parse", REF) == other.git("rev-parse", REF)


def test_two_deletions_agree_and_travel(clones):
    one, other = clones
    does(one, "session", "delete", "login", "-m", "Twice the same")
    assert "ahead" in does(one, "sync", "status").stdout
    does(other, "session", "delete", "login", "-m", "Nobody wants it")
    sync(one, other)
    for repo in clones:
        assert data(repo, "status", "login")["status"] == "deleted"
        assert "portal/login" not in does(repo, "sync", "status", "--all").stdout
        assert "not applied" not in does(repo, "log", "login").stdout


def test_an_older_commit_that_arrives_later_does_not_bring_it_back(clones):
    one, other = clones
    _edits(one)
    does(one, "session", "delete", "login", "-m", "Twice the same")
    does(one, "sync", "push")
    does(other, "sync", "pull")
    other.git("pull", "-q", str(one.path), "main")
    assert data(other, "status", "login")["status"] == "deleted"


def test_only_a_ledger_that_uses_it_is_raised(renamed):
    formats = {
        each["session"]: json.loads(
            renamed.git("show", f"refs/idse/sessions/portal/{each['session']}:state.json")
        )
        for each in data(renamed, "session", "list")["sessions"]
    }
    assert {name: state["format"] for name, state in formats.items()} == {"__blueprint__": 1, "login": 3}
