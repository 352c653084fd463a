"""What handing over works with, and which open handoff somebody means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from idse_orchestrator.agents.assign_stage import check_stage
from idse_orchestrator.agents.handoff import ACCEPT, APPROVE, REJECT, REQUEST, handoffs_of, refusal
from idse_orchestrator.agents.ide_agent_routing import needs_approval
from idse_orchestrator.agents.registry import registry_of
from idse_orchestrator.agents.registry_changes import known_agent
from idse_orchestrator.base.text import encodable
from idse_orchestrator.errors import (
    AmbiguousError,
    HandoffClosedError,
    HandoffRefusedError,
    UnknownAgentError,
    UsageError,
)
from idse_orchestrator.ledger.events import HANDOFF, Draft
from idse_orchestrator.pipeline.stage_state_model import ARCHIVED, standings
from idse_orchestrator.sessions.status import next_action, no_ledger

if TYPE_CHECKING:
    from collections.abc import Sequence

    from idse_orchestrator.agents.handoff import Handoff
    from idse_orchestrator.agents.registry import AgentRegistry
    from idse_orchestrator.ledger.events import SessionKey
    from idse_orchestrator.pipeline.ports import LedgerReader
    from idse_orchestrator.pipeline.stage_state_model import SessionState
    from idse_orchestrator.pipeline.values import Look, SessionTip
    from idse_orchestrator.pipeline.writer import LedgerWriter
    from idse_orchestrator.sessions.ports import Documents


@dataclass(frozen=True, slots=True)
class HandoffDesk:
    """What the use cases of handing over work with; `agent` acts ("" : a person)."""

    ledgers: LedgerReader
    writer: LedgerWriter
    workspace: Documents
    agent: str = ""

    def look(self, key: SessionKey) -> Look:
        """One look at the session's ledger; UnknownNameError where it has none."""
        look = self.ledgers.look(*key)
        if look is None:
            raise no_ledger(key)
        return look


def _is_meant(handoff: Handoff, action: str, agent: str) -> bool:
    """Whether whoever takes `action` and names no handoff may mean this one."""
    if action == APPROVE:
        return handoff.waits_for_approval
    if action == ACCEPT:
        return agent in ("", handoff.to_agent)
    return agent in ("", handoff.to_agent, handoff.from_agent)


def needed_reason(reason: str, what: str) -> str:
    """`reason` as an event may hold it; UsageError where it says nothing. `what` needs it."""
    clean = encodable(reason).strip()
    if not clean:
        raise UsageError(f"{what} needs a reason", cause="whoever reads it has to know why", fix=("-m WHY",))
    return clean


def refuse_archived(state: SessionState) -> None:
    """Raise UsageError where nobody goes on with a session."""
    if state.status == ARCHIVED:
        raise UsageError(
            f"session {state.session!r} is archived", fix=(f"idse session archive {state.session} --undo",)
        )


def open_handoff(handoffs: Sequence[Handoff], name: str, action: str, agent: str) -> Handoff:
    """The open handoff that `name` means: an id or the beginning of one; "" : the only one.

    Of several the only one is the one that `agent` ("" : a person) can take that `action` on.
    HandoffClosedError, AmbiguousError.
    """
    found = [each for each in handoffs if each.id.startswith(name.upper())]
    if not name and len(found) > 1:
        found = [each for each in found if _is_meant(each, action, agent)] or found
    if len(found) == 1:
        return found[0]
    if not found:
        raise HandoffClosedError(
            f"there is no open handoff {name!r}" if name else "there is no open handoff",
            cause="it was answered before, or its stage went to another agent" if name else None,
            fix=("idse handoff list --all",),
        )
    raise AmbiguousError(
        f"{len(found)} handoffs are open",
        cause=", ".join(f"{each.id} ({each.stage} to {each.to_agent})" for each in found[:3]),
        fix=("name one by its id", "idse handoff list"),
    )


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
    known_agent(registry_of(look), wish.to_agent)
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
                "approval": needs_approval(registry_of(look), stage, giver, wish.to_agent),
                "reason": reason,
            },
        )

    tip = desk.writer.append(*key, plan)
    if tip is None:
        raise no_ledger(key)
    return handoffs_of(tip.state)[-1]


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
    twin = next((each for each in handoffs_of(state) if (each.stage, each.to_agent) == (stage, taker)), None)
    if twin is not None:
        raise HandoffClosedError(
            f"{stage} is offered to {taker} already",
            cause=f"handoff {twin.id} waits for an answer",
            fix=(f"idse handoff show {twin.id}",),
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """`action` on the handoff that `name` means ("" : the only one that is open), and why."""

    action: str
    name: str = ""
    reason: str = ""


def answer_handoff(desk: HandoffDesk, key: SessionKey, answer: Answer) -> Handoff:
    """Give the answer; the handoff as it was before.

    HandoffRefusedError where whoever acts may not answer so, HandoffClosedError where nothing is open,
    UsageError where it is rejected without a reason, or accepted in an archived session.
    """
    if answer.action == REJECT:
        needed_reason(answer.reason, "to reject a handoff")
    registry = registry_of(desk.look(key))
    answered: list[Handoff] = []

    def plan(tip: SessionTip | None) -> Draft:
        if tip is None:
            raise no_ledger(key)
        handoff = open_handoff(handoffs_of(tip.state), answer.name, answer.action, desk.agent)
        _refuse_answer(handoff, answer.action, desk.agent)
        if answer.action == ACCEPT:
            refuse_archived(tip.state)
            _refuse_unknown(registry, handoff)
        answered[:] = [handoff]
        return Draft(HANDOFF, _body(handoff, answer))

    desk.writer.append(*key, plan)
    return answered[0]


def _body(handoff: Handoff, answer: Answer) -> dict[str, object]:
    body: dict[str, object] = {
        "action": answer.action,
        "handoff": handoff.id,
        "stage": handoff.stage,
        "from": handoff.from_agent,
        "to": handoff.to_agent,
    }
    return {**body, **({"reason": encodable(answer.reason).strip()} if answer.reason.strip() else {})}


def _refuse_unknown(registry: AgentRegistry, handoff: Handoff) -> None:
    if registry.agent(handoff.to_agent) is None:
        raise UnknownAgentError(
            f"agent {handoff.to_agent!r} is not in the registry any more",
            fix=(f"idse handoff reject {handoff.id} -m WHY", f"idse agents add {handoff.to_agent}"),
        )


def _refuse_answer(handoff: Handoff, action: str, agent: str) -> None:
    if action == APPROVE and handoff.approved_by:
        raise HandoffRefusedError(f"{handoff.approved_by} approved it already", fix=("idse handoff list",))
    if action == APPROVE and not handoff.needs_approval:
        raise HandoffRefusedError("no rule asks for an approval of it", fix=("idse handoff accept",))
    problem = refusal(action, handoff, agent)
    if problem:
        fix = f"idse handoff approve {handoff.id}    (a person, without IDSE_AGENT)"
        raise HandoffRefusedError(
            f"you cannot {action} the handoff of {handoff.stage} to {handoff.to_agent}",
            cause=problem,
            fix=(fix,) if handoff.waits_for_approval else ("idse handoff list",),
        )
