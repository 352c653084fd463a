"""Say who handles a stage in one session, whatever the registry's order says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from idse_orchestrator.agents.ide_agent_routing import needs_approval
from idse_orchestrator.agents.registry import registry_of
from idse_orchestrator.agents.registry_changes import known_agent
from idse_orchestrator.base.text import did_you_mean, encodable
from idse_orchestrator.documents.project_workspace import STAGES
from idse_orchestrator.errors import HandoffRefusedError, UnknownNameError
from idse_orchestrator.ledger.events import ASSIGNED, Draft
from idse_orchestrator.sessions.status import no_ledger

if TYPE_CHECKING:
    from idse_orchestrator.agents.change_registry import RegistryKeeper
    from idse_orchestrator.agents.registry import AgentRegistry
    from idse_orchestrator.ledger.events import SessionKey
    from idse_orchestrator.pipeline.values import SessionTip


@dataclass(frozen=True, slots=True)
class Assignment:
    """Who shall handle `stage` ("" : whoever the registry names), why, and who says so ("" : a person)."""

    stage: str
    agent: str
    reason: str = ""
    by: str = ""


def assign_stage(keeper: RegistryKeeper, key: SessionKey, wish: Assignment) -> bool:
    """Record `wish` in the session's ledger; False when it stood so already.

    HandoffRefusedError where an agent assigns what a rule requires a person's approval for.
    """
    check_stage(wish.stage)
    look = keeper.ledgers.look(*key)
    if look is None:
        raise no_ledger(key)
    if wish.agent:
        known_agent(registry_of(look), wish.agent)
        _refuse_evasion(registry_of(look), wish)
    appended = False

    def plan(tip: SessionTip | None) -> Draft | None:
        nonlocal appended
        if tip is None:
            raise no_ledger(key)
        appended = tip.state.assigned.get(wish.stage, "") != wish.agent
        because = {"reason": encodable(wish.reason).strip()} if wish.reason.strip() else {}
        return Draft(ASSIGNED, {"stage": wish.stage, "agent": wish.agent, **because}) if appended else None

    keeper.writer.append(*key, plan)
    return appended


def _refuse_evasion(registry: AgentRegistry, wish: Assignment) -> None:
    """An assignment does what an accepted handoff does, so it needs the same approval."""
    if wish.by and needs_approval(registry, wish.stage, wish.by, wish.agent):
        raise HandoffRefusedError(
            f"{wish.by} cannot assign {wish.stage} to {wish.agent}",
            cause="a handoff rule requires that a person approves it",
            fix=(f"idse handoff request --to {wish.agent} --stage {wish.stage} -m WHY",),
        )


def check_stage(stage: str) -> str:
    """`stage` if it is one; UnknownNameError with the one that looks like it if not."""
    if stage in STAGES:
        return stage
    raise UnknownNameError(
        f"there is no stage {stage!r}",
        cause="stages: " + ", ".join(STAGES),
        fix=did_you_mean(stage, STAGES),
    )
