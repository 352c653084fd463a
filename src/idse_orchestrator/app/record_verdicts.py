"""Record in each session's ledger what validation said, where that changed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from idse_orchestrator.app.ports import Draft, LedgerReader, LedgerWriter, Workspace
from idse_orchestrator.app.views import refresh_views
from idse_orchestrator.domain.events import VALIDATED
from idse_orchestrator.domain.stage_state_model import FAILING, PASSING

if TYPE_CHECKING:
    from idse_orchestrator.app.ports import SessionTip
    from idse_orchestrator.domain.findings import Finding, Report


@dataclass(frozen=True, slots=True)
class RecordedVerdict:
    """What was written for one session: its ``project/session`` name, and its status before and now."""

    session: str
    before: str
    now: str


def record_verdicts(
    report: Report, ledgers: LedgerReader, writer: LedgerWriter, workspace: Workspace
) -> tuple[RecordedVerdict, ...]:
    """Append a ``validated`` event to every judged session whose verdict, or whose rules, changed.

    Sessions without a ledger are left out. The views of this work tree follow.
    """
    own: dict[str, list[Finding]] = {name: [] for name in report.sessions}
    for finding in report.findings:
        own.get(f"{finding.project}/{finding.session}", []).append(finding)
    recorded = [_recorded(writer, name, report.constitution, found) for name, found in own.items()]
    for project in sorted({verdict.session.partition("/")[0] for verdict in recorded if verdict}):
        refresh_views(ledgers, workspace, project)
    return tuple(verdict for verdict in recorded if verdict is not None)


def _recorded(
    writer: LedgerWriter, name: str, constitution: str, findings: Iterable[Finding]
) -> RecordedVerdict | None:
    blocking = [finding.blocks for finding in findings]
    status = FAILING if any(blocking) else PASSING
    counts = {"errors": blocking.count(True), "warnings": blocking.count(False)}
    before: list[str] = []

    def plan(tip: SessionTip | None) -> Draft | None:
        before.clear()
        if tip is None or (tip.state.validation.status, tip.state.validation.constitution) == (
            status,
            constitution,
        ):
            return None
        before.append(tip.state.validation.status)
        return Draft(VALIDATED, {"status": status, "constitution": constitution, **counts})

    project, _, session = name.partition("/")
    writer.append(project, session, plan)
    return RecordedVerdict(name, before[0], status) if before else None
