"""The pager: git's choice, on a terminal only, and quiet when its reader leaves."""

from __future__ import annotations

import time

import pytest

from here import discover, ledger_writer
from idse_orchestrator.ledger.events import Draft
from on_a_terminal import on_terminal


@pytest.fixture
def portal(repo):
    repository = discover(str(repo.path))
    writer = ledger_writer(repository)
    writer.append_to_project("portal", lambda _tip: Draft("created", {"project": "portal"}))
    body = {"project": "portal", "session": "login"}
    writer.append("portal", "login", lambda _tip: Draft("created", body))
    for number in range(5):
        reason = "a long reason " * 2_000
        body = {"changed": {f"{number}.md": "1"}, "reason": reason}
        writer.append("portal", "login", lambda _tip, body=body: Draft("edited", body))
    return repo


def test_on_a_terminal_the_pager_that_git_would_use_shows_it(portal):
    shown, code = on_terminal(portal, "log", "login", "--oneline", GIT_PAGER="sed s/^/seen:/", COLUMNS="80")
    assert code == 0
    assert len([line for line in shown.splitlines() if line.startswith("seen:")]) == 7  # with the heads


def test_without_a_terminal_no_pager_starts(portal):
    done = portal.idse("log", "login", "--oneline", env={"GIT_PAGER": "sed s/^/seen:/"})
    assert "seen:" not in done.stdout


def test_no_pager_prints_straight_to_the_terminal(portal):
    shown, _code = on_terminal(portal, "log", "login", "--oneline", "--no-pager", GIT_PAGER="sed s/^/seen:/")
    assert "saved 4.md" in shown
    assert "seen:" not in shown


def test_a_pager_that_does_not_exist_does_not_swallow_the_log(portal):
    shown, code = on_terminal(portal, "log", "login", "--oneline", GIT_PAGER="nosuchpager")
    assert (code, "saved 4.md" in shown) == (0, True)


def test_a_reader_who_leaves_the_pager_early_is_no_error(portal):
    shown, code = on_terminal(portal, "log", "login", GIT_PAGER="head -n 1")
    assert code == 0
    assert "rror" not in shown


def test_on_a_terminal_dates_are_relative_and_lines_fit(portal):
    shown, _code = on_terminal(portal, "log", "login", "--no-pager", COLUMNS="72", TERM="dumb")
    assert " ago" in shown
    assert time.strftime("%Y-", time.gmtime()) not in shown
    assert max(len(line) for line in shown.splitlines()) <= 72
