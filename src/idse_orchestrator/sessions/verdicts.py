"""Record in a session's ledger what validation said, and the exceptions from rules that people make."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from idse_orchestrator.base.text import did_you_mean, encodable, is_past, one_line
from idse_orchestrator.constitution.rules import WORKSPACE_PATHS, Constitution, Rule
from idse_orchestrator.documents.project_workspace import session_folder
from idse_orchestrator.errors import UnknownNameError, UsageError
from idse_orchestrator.ledger.events import APPROVED, VALIDATED, Draft, SessionKey
from idse_orchestrator.pipeline.stage_state_model import FAILING, PASSING, waived_places
from idse_orchestrator.sessions.status import no_ledger, refuse_deleted

if TYPE_CHECKING:
    from idse_orchestrator.constitution.rules import Finding, Report
    from idse_orchestrator.pipeline.ports import LedgerReader
    from idse_orchestrator.pipeline.stage_state_model import Waiver
    from idse_orchestrator.pipeline.values import SessionPlan, SessionTip
    from idse_orchestrator.pipeline.writer import LedgerWriter
    from idse_orchestrator.sessions.views import Views


@dataclass(frozen=True, slots=True)
class RecordedVerdict:
    """What was written for one session: its ``project/session`` name, and its status before and now."""

    session: str
    before: str
    now: str


def record_verdicts(report: Report, writer: LedgerWriter, views: Views) -> tuple[RecordedVerdict, ...]:
    """Appends a ``validated`` event to every judged session whose verdict, or whose rules, changed.

    Sessions without a ledger are left out. The views of this work tree follow.
    """
    own: dict[str, list[Finding]] = {name: [] for name in report.sessions}
    for finding in report.findings:
        own.get(f"{finding.project}/{finding.session}", []).append(finding)
    recorded = [_recorded(writer, name, report.constitution, found) for name, found in own.items()]
    for project in sorted({verdict.session.partition("/")[0] for verdict in recorded if verdict}):
        views.refresh(project)
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
        if tip is None or tip.state.is_deleted:
            return None  # a verdict is no work: it does not bring a session back
        if (tip.state.validation.status, tip.state.validation.constitution) == (status, constitution):
            return None
        before.append(tip.state.validation.status)
        return Draft(VALIDATED, {"status": status, "constitution": constitution, **counts})

    project, _, session = name.partition("/")
    writer.append(project, session, plan)
    return RecordedVerdict(name, before[0], status) if before else None


_NEAR = 3
"""So many ids are offered for one that does not exist."""


@dataclass(frozen=True, slots=True)
class Waivers:
    """Holds what waiving needs. `today` is an ISO date (UTC).

    `findings` are all that the rules say of a session now, those of the gates of its open stages with them.
    """

    findings: Callable[[SessionKey], Iterable[Finding]]
    constitution: Constitution
    ledgers: LedgerReader
    writer: LedgerWriter
    views: Views
    today: str


@dataclass(frozen=True, slots=True)
class WaiverChange:
    """The waiver that stands now, or that stood until now; `changed` tells whether an event was written."""

    waiver: Waiver | None
    rule: str
    changed: bool


def waive_rule(
    context: Waivers, key: SessionKey, rule_id: str, reason: str, expires: str | None = None
) -> WaiverChange:
    """Records that what the rule finds now does not block the session, up to and including `expires`.

    That is an ISO date. The same waiver twice is one. UnknownNameError for a rule or session that is not
    there, UsageError without a reason, for a day that has passed, for rules that no waiver can reach, and
    where the rule finds nothing that could be waived.
    """
    rule = _waivable(context.constitution, rule_id)
    reason = _checked(reason, f'idse rule waive {rule.id} -m "why"')
    if expires is not None and is_past(expires, context.today):
        raise UsageError(
            f"{expires} has passed, so the waiver would never count",
            cause=f"today is {context.today} (UTC)",
            fix=("name a later day, or leave --until out",),
        )

    _known(context.ledgers.session(*key), key)
    places = places_of(context.findings(key), key, rule.id)
    if not places:
        raise UsageError(
            f"{rule.id} finds nothing in {'/'.join(key)}",
            cause="a waiver covers the places that a rule finds now, and no other",
            fix=("idse validate",),
        )

    def plan(tip: SessionTip | None) -> Draft | None:
        same = _standing(_known(tip, key), rule.id)
        told = (reason, expires, waived_places(places))
        if same is not None and (same.reason, same.expires, same.places) == told:
            return None
        body = {"rule": rule.id, "reason": reason, "expires": expires, "places": places}
        return Draft(APPROVED, body)

    before, after = _appended(context, key, plan)
    return WaiverChange(_standing(after, rule.id), rule.id, changed=before != after.commit)


def places_of(findings: Iterable[Finding], key: SessionKey, rule_id: str) -> dict[str, list[str]]:
    """Returns marks of all places that a rule finds, by path in the session's folder."""
    folder = f"{session_folder(*key)}/"
    found: dict[str, set[str]] = {}
    for finding in findings:
        if finding.rule == rule_id and finding.path.startswith(folder):
            found.setdefault(finding.path.removeprefix(folder), set()).update(finding.places)
    return {path: sorted(marks) for path, marks in sorted(found.items())}


def unwaive_rule(context: Waivers, key: SessionKey, rule_id: str, reason: str) -> WaiverChange:
    """Records that the waiver of a rule is withdrawn; where none stands, nothing is written.

    A waiver of a rule that no constitution has any more can be withdrawn too.
    """
    tip = _known(context.ledgers.session(*key), key)
    waived = next((waiver for waiver in tip.state.waivers if waiver.rule == rule_id.upper()), None)
    name = waived.rule if waived else known_rule(context.constitution, rule_id).id
    reason = _checked(reason, f'idse rule unwaive {name} -m "why"')

    def plan(tip: SessionTip | None) -> Draft | None:
        if _standing(_known(tip, key), name) is None:
            return None
        return Draft(APPROVED, {"rule": name, "withdrawn": True, "reason": reason})

    before, after = _appended(context, key, plan)
    return WaiverChange(waived, name, changed=before != after.commit)


def known_rule(constitution: Constitution, rule_id: str) -> Rule:
    """Returns the rule of that id, in any case.

    UnknownNameError, with the nearest ids, where there is none.
    """
    rule = constitution.rule(rule_id)
    if rule is not None:
        return rule
    asked = rule_id.upper()
    family = [each for each in constitution.by_id if each[:-2] == asked[:-2]]
    by_name = [rule.id for rule in constitution.rules if rule.name == rule_id.lower()]
    longer = [name for name in constitution.by_id if asked and name.startswith(asked)][:_NEAR]
    certain = by_name or longer
    question = did_you_mean(asked, family or constitution.by_id, _NEAR)
    if certain:
        question = (f"did you mean {', '.join(certain)}?",)
    raise UnknownNameError(f"there is no rule {one_line(rule_id)!r}", fix=(*question, "idse rule list"))


def is_waivable(rule: Rule) -> bool:
    """Tests whether a waiver can reach the rule: one about places in the repository belongs to no session."""
    return rule.applies_to != (WORKSPACE_PATHS,)


def _waivable(constitution: Constitution, rule_id: str) -> Rule:
    rule = known_rule(constitution, rule_id)
    if is_waivable(rule):
        return rule
    raise UsageError(
        f"{rule.id} cannot be waived",
        cause="it judges where files stand in the repository, and a waiver is kept by one session",
        fix=(f"idse rule show {rule.id}",),
    )


def _checked(reason: str, fix: str) -> str:
    text = encodable(reason).strip()
    if not text:
        raise UsageError("the reason is empty", cause="every report shows it", fix=(fix,))
    return text


def _known(tip: SessionTip | None, key: SessionKey) -> SessionTip:
    if tip is None:
        raise no_ledger(key)
    refuse_deleted(tip.state)
    return tip


def _standing(tip: SessionTip, rule_id: str) -> Waiver | None:
    return next((waiver for waiver in tip.state.waivers if waiver.rule == rule_id), None)


def _appended(context: Waivers, key: SessionKey, plan: SessionPlan) -> tuple[str, SessionTip]:
    """Returns the commit before the last attempt, and the tip afterwards."""
    seen: list[str] = []

    def watched(tip: SessionTip | None) -> Draft | None:
        seen.append(tip.commit if tip else "")
        return plan(tip)

    after = _known(context.writer.append(*key, watched), key)
    context.views.refresh(key[0])
    return seen[-1], after
