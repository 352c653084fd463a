"""Open handoffs from the ``handoff`` events of a session's ledger.

The cases, in the order of the code: request · approve (by a person, where it is needed) · accept (the
stage is then assigned to the addressee, and other offers of the same stage are void) · reject. The first
answer counts: a second one, made elsewhere at the same time, is kept and shown as not applied. Events
without an action tell a story, as those of older layouts do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from idse_orchestrator.domain.agents.handoff import Handoff
from idse_orchestrator.domain.pipeline_artifacts import STAGES

if TYPE_CHECKING:
    from idse_orchestrator.domain.events import Event
    from idse_orchestrator.domain.stage_state_model import SessionState

REQUEST = "request"
APPROVE = "approve"
ACCEPT = "accept"
REJECT = "reject"


def apply_handoff(state: SessionState, event: Event) -> SessionState | str:
    """The state after a ``handoff`` event; or why it does not apply."""
    if "action" not in event.body:
        return state
    action = event.body["action"]
    if action == REQUEST:
        return _request(state, event)
    answer = _ANSWERS.get(action)
    if answer is None:
        return f"this idse does not know how to {action} a handoff"
    handoff = next((open_ for open_ in state.handoffs if open_.id == event.body.get("handoff")), None)
    if handoff is None:
        return "the handoff was not open any more"
    return refusal(action, handoff, event.actor.agent) or answer(state, handoff, event)


def refusal(action: str, handoff: Handoff, agent: str) -> str:
    """Why `agent` ("" : a person) may not answer so; "" where it may."""
    if action == APPROVE:
        return "only a person can approve a handoff" if agent else ""
    allowed = (handoff.to_agent,) if action == ACCEPT else (handoff.to_agent, handoff.from_agent)
    if agent and agent not in allowed:
        return f"it is for {handoff.to_agent} to {action}, and {agent} acted"
    if action == ACCEPT and handoff.waits_for_approval:
        return "no person had approved it"
    return ""


def _request(state: SessionState, event: Event) -> SessionState | str:
    body: Mapping[str, Any] = event.body
    if body["stage"] not in STAGES:
        return f"this idse does not know the stage {body['stage']}"
    handoff = Handoff(
        id=event.id,
        stage=body["stage"],
        from_agent=body.get("from", ""),
        to_agent=body["to"],
        reason=body.get("reason", ""),
        at=event.at,
        by=event.actor.label,
        after=body.get("after", ""),
        needs_approval=bool(body.get("approval", False)),
    )
    if any((known.stage, known.to_agent) == (handoff.stage, handoff.to_agent) for known in state.handoffs):
        return f"{handoff.stage} was offered to {handoff.to_agent} already"
    return state._replace(handoffs=(*state.handoffs, handoff))


def _approve(state: SessionState, handoff: Handoff, event: Event) -> SessionState | str:
    if handoff.approved_by:
        return "it was approved already"
    approved = handoff._replace(approved_by=event.actor.label)
    return state._replace(handoffs=tuple(approved if each is handoff else each for each in state.handoffs))


def _accept(state: SessionState, handoff: Handoff, event: Event) -> SessionState:
    del event  # who accepted is told by the ledger
    return state._replace(
        handoffs=tuple(each for each in state.handoffs if each.stage != handoff.stage),
        assigned={**state.assigned, handoff.stage: handoff.to_agent},
    )


def _reject(state: SessionState, handoff: Handoff, event: Event) -> SessionState:
    del event  # its reason is told by the ledger
    return state._replace(handoffs=tuple(each for each in state.handoffs if each is not handoff))


_ANSWERS: Mapping[str, Callable[[SessionState, Handoff, Event], SessionState | str]] = {
    APPROVE: _approve,
    ACCEPT: _accept,
    REJECT: _reject,
}
