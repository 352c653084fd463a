"""Say who handles a stage in one session, whatever the registry's order says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from idse_orchestrator.app.ledger_values import Draft
from idse_orchestrator.app.show_status import no_ledger
from idse_orchestrator.domain.events import ASSIGNED
from idse_orchestrator.domain.pipeline_artifacts import STAGES
from idse_orchestrator.domain.registry_changes import known_agent
from idse_orchestrator.domain.text import encodable, near
from idse_orchestrator.errors import UnknownNameError

if TYPE_CHECKING:
    from idse_orchestrator.app.agents.change_registry import RegistryKeeper
    from idse_orchestrator.app.ports import SessionKey, SessionTip


@dataclass(frozen=True, slots=True)
class Assignment:
    """Who shall handle `stage` ("" : whoever the registry names), and why."""

    stage: str
    agent: str
    reason: str = ""


def assign_stage(keeper: RegistryKeeper, key: SessionKey, wish: Assignment) -> bool:
    """Record `wish` in the session's ledger; False when it stood so already."""
    check_stage(wish.stage)
    look = keeper.ledgers.look(*key)
    if look is None:
        raise no_ledger(key)
    if wish.agent:
        known_agent(look.registry, wish.agent)
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


def check_stage(stage: str) -> str:
    """`stage` if it is one; UnknownNameError with the one that looks like it if not."""
    if stage in STAGES:
        return stage
    raise UnknownNameError(
        f"there is no stage {stage!r}",
        cause="stages: " + ", ".join(STAGES),
        fix=tuple(f"did you mean {each}?" for each in near(stage, STAGES)),
    )
