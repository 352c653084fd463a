"""Whatever is written passes the check: what that would refuse is refused before, and nothing is written."""

from __future__ import annotations

import json

import pytest

from here import discover, ledger_writer
from idse_orchestrator.base.text import is_past
from idse_orchestrator.errors import UnfitEventError
from idse_orchestrator.ledger.events import Draft
from idse_orchestrator.sync.published_refs import RefMove
from idse_orchestrator.wiring.ledgers import git_guard

REF = "refs/idse/sessions/portal/login"
CREATED = Draft("created", {"project": "portal", "session": "login"})
YEAR_10000 = 253_402_300_800


def writer_at(repo, seconds):
    return ledger_writer(discover(str(repo.path)), "", lambda: seconds)


def appended(repo, draft, seconds=1_767_225_600):
    return writer_at(repo, seconds).append("portal", "login", lambda _tip: draft)


def refused(repo, draft, seconds=1_767_225_600):
    before = repo.git("for-each-ref")
    with pytest.raises(UnfitEventError) as caught:
        appended(repo, draft, seconds)
    assert repo.git("for-each-ref") == before
    return caught.value


@pytest.mark.parametrize("seconds", [YEAR_10000, 10**15, -1, -(10**12)])
def test_a_clock_that_is_wrong_records_nothing(repo, seconds):
    assert "clock" in refused(repo, CREATED, seconds).message


@pytest.mark.parametrize("seconds", [2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**32 + 5, YEAR_10000 - 1])
def test_a_late_date_does_not_wrap_and_passes_every_check(repo, seconds):
    appended(repo, CREATED, seconds)
    appended(repo, Draft("described", {"title": "Late"}), seconds)
    assert repo.git("log", "--format=%at %ct", REF).splitlines() == [f"{seconds} {seconds}"] * 2
    assert repo.idse("fsck").returncode == 0
    moves = [RefMove(REF, "", repo.git("rev-parse", REF))]
    assert git_guard(discover(str(repo.path))).incoming(moves, None, ()) == {}


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("described", {"title": "\udcff"}),
        ("described", {"reason": "x" * (256 * 1024)}),
        ("described", {"title": "x", "notes": "y" * (4 * 1024 * 1024)}),
    ],
)
def test_what_a_check_refuses_is_not_written(repo, kind, body):
    appended(repo, CREATED)
    error = refused(repo, Draft(kind, body))
    assert error.cause
    assert error.words
    assert repo.idse("fsck").returncode == 0


@pytest.mark.parametrize("form", ["title", "owner"])
def test_a_title_fits_into_a_line(loop, form):
    done = loop.idse("session", "set", f"--{form}", "x" * 130_000)
    assert done.returncode == 2
    assert "is too long" in done.stderr
    assert "the limit is 10,000" in done.stderr
    before = loop.git("for-each-ref")
    assert loop.idse("spawn", "login", f"--{form}", "x" * 10_001).returncode == 2
    assert not (loop.path / ".idse/projects/portal/sessions/login").exists()
    assert loop.git("for-each-ref") == before
    loop.does("session", "set", f"--{form}", "x" * 10_000)


def test_a_long_reason_is_kept_and_passes(loop):
    reason = "words " * 20_000
    loop.edit("intent.md", "# Intent\n")
    loop.does("save", "-m", reason)
    loop.does("fsck")


@pytest.mark.parametrize(
    ("day", "today", "past"),
    [
        ("2026-01-31", "2026-01-31", False),
        ("2026-01-30", "2026-01-31", True),
        ("2026-12-31", "10000-01-01", True),
        ("9999-12-31", "10000-01-01", True),
        ("zzzz", "2026-01-31", True),
        ("", "2026-01-31", True),
        ("2026-1-31", "2026-01-01", True),
    ],
)
def test_days_are_compared_as_days(day, today, past):
    assert is_past(day, today) is past


def test_a_waiver_until_no_day_does_not_count_for_ever(loop):
    loop.finish("intent")
    body = {"rule": "IDSE402", "reason": "why", "expires": "zzzz"}
    writer = ledger_writer(discover(str(loop.path)), "", lambda: 1_767_225_600)
    writer.append("portal", "__blueprint__", lambda _tip: Draft("approved", body))
    loop.edit("intent.md", loop.text("intent.md") + "\nmore\n")
    found = json.loads(loop.idse("validate", "--json").stdout)["data"]["findings"]
    assert [each["waiver"] for each in found if each["rule"] == "IDSE402"] == [None]
