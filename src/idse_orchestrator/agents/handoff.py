"""An open handoff: a stage that an agent was asked to go on with, and that it has not answered yet."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from idse_orchestrator.documents.project_workspace import STAGES
from idse_orchestrator.ledger.events import something_happened
from idse_orchestrator.pipeline.values import part_of, with_part

if TYPE_CHECKING:
    from collections.abc import Iterable

    from idse_orchestrator.ledger.events import Event
    from idse_orchestrator.pipeline.stage_state_model import SessionState


class Handoff(NamedTuple):
    """`id` is that of the event that asked; `at` and `by` are its date and who asked.

    `from_agent` is who had the stage ("" : a person), `after` the stage that was completed where a rule
    asked by itself. With `needs_approval` nobody can accept before a person approved: `approved_by`.
    """

    id: str
    stage: str
    from_agent: str
    to_agent: str
    reason: str = ""
    at: str = ""
    by: str = ""
    after: str = ""
    needs_approval: bool = False
    approved_by: str = ""

    @property
    def waits_for_approval(self) -> bool:
        """Whether a person has to say yes first."""
        return self.needs_approval and not self.approved_by


def handoff_to_dict(handoff: Handoff) -> dict[str, Any]:
    """`handoff` as plain JSON values."""
    return {
        "id": handoff.id,
        "stage": handoff.stage,
        "from": handoff.from_agent,
        "to": handoff.to_agent,
        "reason": handoff.reason,
        "at": handoff.at,
        "by": handoff.by,
        "after": handoff.after,
        "approval": handoff.needs_approval,
        "approved_by": handoff.approved_by,
    }


def handoff_from_dict(raw: Mapping[str, Any]) -> Handoff:
    """The handoff in `raw`, as `handoff_to_dict` made it."""
    return Handoff(
        raw["id"],
        raw["stage"],
        raw["from"],
        raw["to"],
        raw["reason"],
        raw["at"],
        raw["by"],
        raw["after"],
        raw["approval"],
        raw["approved_by"],
    )


HANDOFFS = "handoffs"
"""The part of a session's state that is kept here."""


def handoffs_of(state: SessionState) -> tuple[Handoff, ...]:
    """Returns the open handoffs of a session. CorruptLedgerError where its state holds something else."""
    return part_of(state, HANDOFFS, lambda raw: tuple(map(handoff_from_dict, raw)), ())


def with_handoffs(state: SessionState, handoffs: Iterable[Handoff]) -> SessionState:
    """Returns `state` with these open handoffs and no others."""
    return with_part(state, HANDOFFS, [handoff_to_dict(handoff) for handoff in handoffs])


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
    handoff = next((open_ for open_ in handoffs_of(state) if open_.id == event.body.get("handoff")), None)
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
    there = handoffs_of(state)
    if any((known.stage, known.to_agent) == (handoff.stage, handoff.to_agent) for known in there):
        return f"{handoff.stage} was offered to {handoff.to_agent} already"
    return with_handoffs(state, (*there, handoff))


def _approve(state: SessionState, handoff: Handoff, event: Event) -> SessionState | str:
    if handoff.approved_by:
        return "it was approved already"
    approved = handoff._replace(approved_by=event.actor.label)
    return with_handoffs(state, (approved if each == handoff else each for each in handoffs_of(state)))


def _accept(state: SessionState, handoff: Handoff, event: Event) -> SessionState:
    del event  # who accepted is told by the ledger
    others = (each for each in handoffs_of(state) if each.stage != handoff.stage)
    assigned = {**state.assigned, handoff.stage: handoff.to_agent}
    return with_handoffs(state._replace(assigned=assigned), others)


def _reject(state: SessionState, handoff: Handoff, event: Event) -> SessionState:
    del event  # its reason is told by the ledger
    return with_handoffs(state, (each for each in handoffs_of(state) if each != handoff))


_ANSWERS: Mapping[str, Callable[[SessionState, Handoff, Event], SessionState | str]] = {
    APPROVE: _approve,
    ACCEPT: _accept,
    REJECT: _reject,
}


def handoff_words(body: Mapping[str, Any]) -> str:
    """Returns the subject of a ``handoff`` event; one without ``action`` tells a story."""
    if "action" not in body:
        return something_happened(body)
    arrow = f"{body.get('from') or 'a person'} → {body.get('to', '')}"
    return f"{body.get('stage', '')}: {arrow} ({_HANDED.get(body['action'], body['action'])})"


_HANDED = {
    REQUEST: "handoff asked for",
    APPROVE: "handoff approved",
    ACCEPT: "handoff accepted",
    REJECT: "handoff rejected",
}
