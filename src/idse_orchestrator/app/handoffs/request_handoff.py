"""Ask an agent to go on with a stage. Nothing runs, and nothing is assigned before it accepts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from idse_orchestrator.app.agents.assign_stage import check_stage
from idse_orchestrator.app.handoffs.desk import needed_reason, refuse_archived
from idse_orchestrator.app.ledger_values import Draft
from idse_orchestrator.app.show_status import no_ledger
from idse_orchestrator.domain.agents.handoff_fold import REQUEST
from idse_orchestrator.domain.agents.ide_agent_routing import needs_approval
from idse_orchestrator.domain.agents.registry_changes import known_agent
from idse_orchestrator.domain.events import HANDOFF
from idse_orchestrator.domain.next_action import next_action
from idse_orchestrator.domain.stage_state_model import standings
from idse_orchestrator.errors import HandoffClosedError, UsageError

if TYPE_CHECKING:
    from idse_orchestrator.app.handoffs.desk import HandoffDesk
    from idse_orchestrator.app.ledger_values import Look
    from idse_orchestrator.app.ports import SessionKey, SessionTip
    from idse_orchestrator.domain.agents.handoff import Handoff
    from idse_orchestrator.domain.stage_state_model import SessionState


@dataclass(frozen=True, slots=True)
class HandoffWish:
    """Who shall go on with `stage` ("" : the one that is next), and why."""

    to_agent: str
    stage: str
    reason: str


def request_handoff(desk: HandoffDesk, key: SessionKey, wish: HandoffWish) -> Handoff:
    """Ask; the handoff that is open then.

    UnknownAgentError for an agent the registry does not have, HandoffClosedError where the agent has the
    offer already, UsageError where it has the stage, or there is no stage to hand over, or no reason.
    """
    reason = needed_reason(wish.reason, "a handoff")
    look = desk.look(key)
    known_agent(look.registry, wish.to_agent)
    stage = check_stage(wish.stage) if wish.stage else _next_stage(desk, key, look)

    def plan(tip: SessionTip | None) -> Draft:
        if tip is None:
            raise no_ledger(key)
        giver = desk.agent or tip.state.assigned.get(stage, "")
        _refuse(tip.state, stage, giver, wish.to_agent)
        return Draft(
            HANDOFF,
            {
                "action": REQUEST,
                "stage": stage,
                "from": giver,
                "to": wish.to_agent,
                "approval": needs_approval(look.registry, stage, giver, wish.to_agent),
                "reason": reason,
            },
        )

    tip = desk.writer.append(*key, plan)
    if tip is None:
        raise no_ledger(key)
    return tip.state.handoffs[-1]


def _next_stage(desk: HandoffDesk, key: SessionKey, look: Look) -> str:
    blobs = desk.workspace.blobs(*key) or look.blobs
    stage = next_action(look.tip.state, standings(look.tip.state, blobs)).stage
    if not stage:
        raise UsageError(
            "no stage is next, so say which one to hand over", fix=("idse handoff request --stage STAGE …",)
        )
    return stage


def _refuse(state: SessionState, stage: str, giver: str, taker: str) -> None:
    refuse_archived(state)
    if giver == taker:
        raise UsageError(f"{stage} is {taker}'s already", fix=(f"idse agents route {stage}",))
    twin = next((each for each in state.handoffs if (each.stage, each.to_agent) == (stage, taker)), None)
    if twin is not None:
        raise HandoffClosedError(
            f"{stage} is offered to {taker} already",
            cause=f"handoff {twin.id} waits for an answer",
            fix=(f"idse handoff show {twin.id}",),
        )
