"""What validation said, in the ledgers of the sessions it is about."""

from __future__ import annotations

import pytest

from here import discover, ledger_writer
from idse_orchestrator.constitution.rules import Finding, Report
from idse_orchestrator.ledger.events import Draft
from idse_orchestrator.pipeline.reader import GitLedgerReader
from idse_orchestrator.pipeline.stage_state_model import Waiver
from idse_orchestrator.sessions.verdicts import RecordedVerdict, record_verdicts
from idse_orchestrator.sessions.views import Views
from idse_orchestrator.worktree.workspace import GitWorkspace


@pytest.fixture
def ledgers(repo):
    repository = discover(str(repo.path))
    writer = ledger_writer(repository)
    for session in ("login", "search"):
        writer.append("portal", session, lambda _tip: Draft("created", {}))
    reader = GitLedgerReader(repository)
    return reader, writer, Views(reader, GitWorkspace(repository))


def finding(session, severity="error", waiver=None):
    return Finding(
        "IDSE301", severity, "spec.md", 1, 1, "left", "", project="portal", session=session, waiver=waiver
    )


def report(*findings, constitution="c1", sessions=("portal/login", "portal/search")):
    return Report("worktree", constitution, sessions, findings)


def verdicts(ledgers):
    keys = [("portal", "login"), ("portal", "search")]
    return [state.validation.status for state in ledgers[0].states(keys).values()]


def test_every_judged_session_gets_its_own_verdict(ledgers):
    recorded = record_verdicts(report(finding("search"), finding("login", "warning")), *ledgers[1:])
    assert recorded == (
        RecordedVerdict("portal/login", "unknown", "passing"),
        RecordedVerdict("portal/search", "unknown", "failing"),
    )
    assert verdicts(ledgers) == ["passing", "failing"]


def test_an_equal_verdict_under_the_same_rules_writes_nothing(ledgers):
    record_verdicts(report(), *ledgers[1:])
    tip = ledgers[0].session("portal", "login").commit
    assert record_verdicts(report(), *ledgers[1:]) == ()
    assert ledgers[0].session("portal", "login").commit == tip


def test_the_same_verdict_under_other_rules_is_another_verdict(ledgers):
    record_verdicts(report(), *ledgers[1:])
    recorded = record_verdicts(report(constitution="c2"), *ledgers[1:])
    assert recorded[0] == RecordedVerdict("portal/login", "passing", "passing")
    assert ledgers[0].session("portal", "login").state.validation.constitution == "c2"


def test_a_waived_error_does_not_fail_a_session(ledgers):
    waiver = Waiver("IDSE301", "login", "why", None, "somebody", "01J")
    record_verdicts(report(finding("login", waiver=waiver)), *ledgers[1:])
    assert verdicts(ledgers) == ["passing", "passing"]


def test_a_session_that_was_not_judged_or_has_no_ledger_is_left_alone(ledgers):
    recorded = record_verdicts(
        report(finding("search"), sessions=("portal/login", "portal/new")), *ledgers[1:]
    )
    assert [verdict.session for verdict in recorded] == ["portal/login"]
    assert verdicts(ledgers) == ["passing", "unknown"]
    assert ledgers[0].session("portal", "new") is None
