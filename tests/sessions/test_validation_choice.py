"""What is judged when nothing, a project, or a session was named."""

from __future__ import annotations

import pytest

from here import discover, ledger_writer
from idse_orchestrator.constitution.rules import Report
from idse_orchestrator.constitution.scope import EVERYTHING, Changes, Scope
from idse_orchestrator.errors import AmbiguousError, InvalidNameError, UnknownNameError
from idse_orchestrator.ledger.events import Draft
from idse_orchestrator.pipeline.reader import GitLedgerReader
from idse_orchestrator.sessions.choice import (
    COMMIT,
    LEDGER,
    WORKTREE,
    default_scope,
    named_scope,
    refuse_unknown_project,
    within,
)
from idse_orchestrator.sessions.resolve import Asking
from idse_orchestrator.worktree.workspace import GitWorkspace

LOGIN = Scope("portal", "login")


@pytest.fixture
def repository(repo):
    return discover(str(repo.path))


@pytest.fixture
def asking(repository):
    def asking(prefix="", wish=""):
        return Asking(GitLedgerReader(repository), GitWorkspace(repository), prefix, wish)

    return asking


@pytest.fixture
def folder(repo):
    """``folder("portal", "login")``: a session's folder, as a clone has it."""
    return lambda project, session: repo.write(f".idse/projects/{project}/sessions/{session}/spec.md", "#\n")


@pytest.fixture
def ledger(repository):
    """``ledger("portal", "login")``: a session's ledger, worked on now."""

    def ledger(project, session):
        writer = ledger_writer(repository)
        writer.append_to_project(project, lambda _tip: Draft("created", {}))
        writer.append(project, session, lambda _tip: Draft("created", {}))
        GitWorkspace(repository).set_current(project, session)

    return ledger


def test_with_nothing_to_go_by_everything_is_judged(asking, folder):
    assert default_scope(asking(), None) == EVERYTHING
    folder("portal", "login")
    assert default_scope(asking(), None) == EVERYTHING


def test_the_session_worked_on_is_judged(asking, ledger):
    ledger("portal", "login")
    ledger("shop", "cart")
    assert default_scope(asking(), None) == Scope("shop", "cart")
    assert default_scope(asking(), "portal") == LOGIN
    assert default_scope(asking(wish="portal"), None) == LOGIN
    assert default_scope(asking(prefix=".idse/projects/portal/"), None) == LOGIN


def test_the_folder_we_stand_in_goes_before_the_session_worked_on(asking, ledger, folder):
    ledger("portal", "login")
    folder("portal", "search")
    inside = ".idse/projects/portal/sessions/search/feedback/"
    assert default_scope(asking(prefix=inside), None) == Scope("portal", "search")
    assert default_scope(asking(prefix=inside), "other") == Scope("other")


def test_a_current_session_that_is_gone_does_not_count(asking, ledger, repo):
    ledger("portal", "login")
    repo.git("update-ref", "-d", "refs/idse/sessions/portal/login")
    assert default_scope(asking(), None) == EVERYTHING


def test_a_session_of_a_clone_without_ledgers_is_found_by_its_folder(asking, folder):
    folder("portal", "login")
    assert named_scope(asking(), WORKTREE, None, "login") == LOGIN
    assert named_scope(asking(), WORKTREE, None, "portal/login") == LOGIN
    with pytest.raises(UnknownNameError) as caught:
        named_scope(asking(), WORKTREE, None, "logn")
    assert caught.value.words[0] == "did you mean login?"


def test_a_ledger_must_exist_to_be_judged(asking, folder, ledger):
    ledger("portal", "login")
    folder("portal", "search")
    assert named_scope(asking(), LEDGER, None, "login") == LOGIN
    with pytest.raises(UnknownNameError):
        named_scope(asking(), LEDGER, None, "search")


def test_a_commit_may_hold_what_is_nowhere_else_but_no_impossible_name(asking, folder):
    folder("portal", "login")
    assert named_scope(asking(), COMMIT, None, "old") == Scope("portal", "old")
    assert named_scope(asking(), COMMIT, None, "past/old") == Scope("past", "old")
    for name in ("a b", "../x", "past/a b"):
        with pytest.raises(InvalidNameError):
            named_scope(asking(), COMMIT, None, name)


def test_a_session_without_its_project_is_ambiguous_among_several(asking, folder):
    folder("portal", "login")
    folder("shop", "login")
    with pytest.raises(AmbiguousError):
        named_scope(asking(), WORKTREE, None, "login")
    assert named_scope(asking(), WORKTREE, "shop", "login") == Scope("shop", "login")


def test_changes_can_be_narrowed_to_a_project():
    mine, other = ".idse/projects/portal/x", ".idse/projects/portal2/x"
    changes = Changes((mine, other, "specs/a.md"), frozenset({("portal", "a"), ("portal2", "b")}))
    assert within(changes, None) == changes
    assert within(changes, "portal") == Changes((mine,), frozenset({("portal", "a")}))


def test_judging_nothing_of_an_unknown_project_is_an_error(asking, folder):
    folder("portal", "login")
    nothing = Report("index", "c1")
    refuse_unknown_project(asking(), EVERYTHING, nothing)
    refuse_unknown_project(asking(), Scope("portal"), nothing)
    with pytest.raises(UnknownNameError):
        refuse_unknown_project(asking(), Scope("portl"), nothing)
