"""Looks at a session as the store has it: its findings, or those of a gate, by the rules in force there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from idse_orchestrator.base.records import picked
from idse_orchestrator.constitution.report_data import report_data
from idse_orchestrator.ledger.refs import session_ref
from idse_orchestrator.server.judgement.promises import Promises
from idse_orchestrator.server.judgement.pushed import SEALED, Pushed
from idse_orchestrator.server.judgement.rules import Rulebook, place_of
from idse_orchestrator.server.judgement.waivers import Register, why_not
from idse_orchestrator.server.model.examination import Examined

if TYPE_CHECKING:
    from idse_orchestrator.constitution.in_force import InstalledChecks
    from idse_orchestrator.pipeline.stage_state_model import Waiver
    from idse_orchestrator.server.model.examination import Examination


_TOLD = "id name article family applies_to check severity gate message hint origin"


def examine(
    examination: Examination,
    *,
    checks: InstalledChecks | None = None,
    environment: Mapping[str, str] = SEALED,
) -> Examined:
    """Returns what the rules say of a session. Waivers that do not count excuse nothing.

    Raises InvalidConfigurationError where the Agency's rules cannot be used.
    """
    client, repository = place_of(examination.git_dir)
    book = Rulebook(examination.home, client, checks)
    pushed = Pushed(examination.git_dir, examination.objects, environment=environment)
    project = examination.project
    rules = book.of_project(pushed, repository, project) if project else book.without_project()
    if not examination.session:
        told = [picked(rule, _TOLD) for rule in rules.constitution.rules]
        return Examined(types=rules.constitution.types, rules=told)
    key = (examination.project, examination.session)
    ref = session_ref(*key)
    register = Register(pushed, examination.git_dir)

    def counts(waiver: Waiver) -> tuple[str, str]:
        return why_not(book.policy, waiver, register.find(ref, waiver))

    promises = Promises(pushed, key, rules, book.policy, examination.today)
    report = promises.report(examination.tip, examination.stage, counts)
    data = report_data(report, rules.constitution.by_id)
    if rules.broken is not None:
        said = f"the rules of project {key[0]} do not count as they are: {rules.broken.message}"
        data["notes"] = [*report.notes, said]
    return Examined({**data, "evidence": report.evidence})
