"""idse in a bare repository: ledgers are read, judged and synced there; what needs documents says so."""

from __future__ import annotations

import json

import pytest

from idse_orchestrator.git.libgit2 import open_repository
from idse_orchestrator.ledger.entries import Span
from idse_orchestrator.ledger.events import Actor, Draft
from idse_orchestrator.ledger.fsck import check_ledgers
from idse_orchestrator.ledger.log import GitLedgerHistory
from idse_orchestrator.ledger.refs import session_ref
from idse_orchestrator.pipeline.reader import GitLedgerReader
from idse_orchestrator.sync.published_refs import RefMove
from idse_orchestrator.wiring.ledgers import KINDS, git_guard, git_joiner, git_source, git_writer
from idse_orchestrator.worktree.work_tree import discover

LOGIN = "refs/idse/sessions/portal/login"
ANN = Actor("Ann", "ann@example.org", "claude", "01AAAAAAAAAAAAAAAAAAAAAAAA")
BEN = Actor("Ben", "ben@example.org", "", "01BBBBBBBBBBBBBBBBBBBBBBBB")


@pytest.fixture
def work(make_repo):
    """A work tree with project portal, whose sessions are __blueprint__ and login."""
    repo = make_repo("work")
    for command in (("init", "portal"), ("spawn", "login", "--title", "Log in")):
        done = repo.idse(*command)
        assert done.returncode == 0, done.stderr
    repo.commit("start")
    return repo


@pytest.fixture
def bare(work, make_repo):
    """A bare repository with all refs of `work`."""
    folder = work.path.parent / "mirror"
    work.git("clone", "--quiet", "--mirror", str(work.path), str(folder))
    return type(work)(folder)


def does(repo, *words):
    done = repo.idse(*words)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def data(repo, *words):
    return json.loads(does(repo, *words, "--json"))["data"]


def snapshot(repo):
    """Every file of the repository and what it holds."""
    return {path: path.read_bytes() for path in sorted(repo.path.rglob("*")) if path.is_file()}


# --- what works ---


def test_the_history_of_a_session_is_the_same_as_in_a_work_tree(work, bare):
    assert does(bare, "log", "portal/login") == does(work, "log", "portal/login")
    newest = data(bare, "log", "portal/login")["entries"][0]
    assert does(bare, "show", newest["commit"][:10]) == does(work, "show", newest["commit"][:10])


def test_sessions_are_listed(bare):
    assert {each["session"] for each in data(bare, "session", "list")["sessions"]} == {
        "__blueprint__",
        "login",
    }


def test_ledgers_are_checked_and_a_bad_one_is_found(bare):
    assert data(bare, "fsck")["sound"] is True
    bare.git("update-ref", LOGIN, "HEAD")
    done = bare.idse("fsck")
    assert done.returncode == 1
    assert LOGIN in done.stdout


def test_a_ledger_and_a_commit_are_judged_as_in_a_work_tree(work, bare):
    for words in (("--ledger", "portal/login"), ("--commit", "HEAD", "portal/login")):
        there, here_too = work.idse("validate", *words), bare.idse("validate", *words)
        assert (here_too.returncode, here_too.stdout) == (there.returncode, there.stdout)
        assert "IDSE3" in here_too.stdout or "no findings" in here_too.stdout or here_too.returncode == 0


def test_a_bare_repository_syncs_with_an_agency(work, bare, bare_remote):
    """As a mirror that fetches and publishes for others does."""
    bare.git("remote", "remove", "origin")
    bare.git("config", "idse.agency.url", str(bare_remote.path))
    work.git("config", "idse.agency.url", str(bare_remote.path))
    before = {row["ref"]: row["standing"] for row in data(bare, "sync", "status")["refs"]}
    assert before[LOGIN] == "ahead"
    does(bare, "sync", "push")
    assert bare_remote.git("rev-parse", LOGIN) == bare.git("rev-parse", LOGIN)
    does(work, "session", "archive", "login")
    does(work, "sync", "push")
    does(bare, "sync", "pull")
    assert bare.git("rev-parse", LOGIN) == work.git("rev-parse", LOGIN)
    after = {row["ref"]: row["standing"] for row in data(bare, "sync", "status")["refs"]}
    assert after[LOGIN] == "equal"


def test_the_only_session_need_not_be_named(bare):
    bare.git("update-ref", "-d", "refs/idse/sessions/portal/__blueprint__")
    assert does(bare, "log") == does(bare, "log", "portal/login")


# --- what does not ---

NEEDS_DOCUMENTS = (
    ("status",),
    ("status", "portal/login"),
    ("next", "portal/login"),
    ("prime",),
    ("stage", "start", "intent", "--session", "portal/login"),
    ("stage", "complete", "intent", "--session", "portal/login"),
    ("save", "portal/login"),
    ("restore", "portal/login"),
    ("diff",),
    ("validate",),
    ("validate", "--staged"),
    ("log",),
    ("session", "new", "other"),
    ("spawn", "other"),
    ("switch", "login"),
    ("agents", "add", "claude"),
    ("rule", "list"),
    ("rule", "waive", "IDSE301", "--session", "portal/login", "-m", "why"),
    ("compile", "agent-spec"),
    ("init", "other"),
    ("migrate", "../work"),
    ("hooks", "install"),
    ("doctor",),
    ("doctor", "--fix"),
    ("uninstall", "--yes"),
)


def test_what_needs_a_work_tree_says_so_and_writes_nothing(work, bare):
    before = snapshot(bare)
    for words in NEEDS_DOCUMENTS:
        done = bare.idse(*words)
        assert done.returncode == 2, (words, done.stdout)
        assert "error[IDSE003]: this is a bare repository" in done.stderr, words
        assert "a clone that has a work tree" in done.stderr, words
        assert snapshot(bare) == before, words


def test_what_is_typed_instead_is_named(bare):
    assert "idse log portal/login" in bare.idse("log").stderr


# --- the library ---


@pytest.fixture
def vault(bare_remote):
    """A bare repository, found without any environment."""
    return discover(str(bare_remote.path), {})


def titled(title):
    def plan(tip):
        if tip is None:
            return Draft("created", {"project": "portal", "session": "login", "type": "feature"})
        return Draft("described", {"title": title})

    return plan


def test_ledgers_live_in_a_bare_repository(vault, bare_remote):
    """Append, replay, join, guard, fsck, judge and look back: no work tree is asked for."""
    ann, ben = (git_writer(vault, lambda who=who: who) for who in (ANN, BEN))
    ref = session_ref("portal", "login")
    ann.append("portal", "login", titled(""))
    base = vault.git.text("rev-parse", ref)
    one = ann.append("portal", "login", titled("of Ann")).commit
    bare_remote.git("update-ref", ref, base)
    other = ben.append("portal", "login", titled("of Ben")).commit
    joined = git_joiner(vault).join(ref, one, other)
    bare_remote.git("update-ref", ref, joined)

    state = GitLedgerReader(vault).session("portal", "login").state
    assert (state.title, state.events) in {("of Ann", 3), ("of Ben", 3)}
    authors = vault.git.lines("log", "--format=%an", f"{joined}^@")
    assert sorted(authors) == ["Ann", "Ann", "Ben"]
    guard = git_guard(vault)
    assert guard.outgoing([RefMove(ref, "", joined)]) == {}
    assert guard.incoming([RefMove(ref, "", joined)], None, ()) == {}
    assert not check_ledgers(git_source(vault), expected=git_joiner(vault).expected).defects
    entries = list(GitLedgerHistory(vault, KINDS.words).entries(Span((("portal", "login"),))))
    assert {drawn.entry.commit for drawn in entries} >= {one, other}
    assert open_repository(vault.common_dir).is_bare


def test_a_forged_ledger_is_refused_by_the_guard_of_a_bare_repository(vault, bare_remote):
    writer = git_writer(vault, lambda: ANN)
    first = writer.append("portal", "login", titled("")).commit
    tree = bare_remote.git("rev-parse", f"{first}^{{tree}}")
    forged = bare_remote.git("commit-tree", tree, "-p", first, "-m", "forged")
    guard = git_guard(vault)
    assert guard.outgoing([RefMove(LOGIN, first, forged)])[LOGIN]
