"""Assigns a stage to an agent, asks for handoffs, and answers them: each is one event of a session."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from idse_orchestrator.agents.handoff import (
    ACCEPT,
    APPROVE,
    REJECT,
    Handoff,
    handoff_draft,
    handoffs_of,
    refusal,
)
from idse_orchestrator.agents.ide_agent_routing import needs_approval
from idse_orchestrator.agents.registry import registry_of
from idse_orchestrator.agents.registry_changes import known_agent
from idse_orchestrator.base.names import check_known
from idse_orchestrator.base.text import encodable
from idse_orchestrator.documents.project_workspace import STAGES
from idse_orchestrator.errors import (
    AmbiguousError,
    HandoffClosedError,
    HandoffRefusedError,
    UnknownAgentError,
    UsageError,
)
from idse_orchestrator.ledger.events import ASSIGNED, HANDOFF, STAGE, Draft, SessionKey
from idse_orchestrator.pipeline.ports import LedgerReader
from idse_orchestrator.pipeline.stage_machine import START, out_of_order
from idse_orchestrator.pipeline.stage_state_model import ARCHIVED, PENDING, SessionState, standings
from idse_orchestrator.pipeline.values import Look, SessionTip
from idse_orchestrator.pipeline.writer import LedgerWriter
from idse_orchestrator.sessions.move_stage import stage_body
from idse_orchestrator.sessions.ports import Documents, Move
from idse_orchestrator.sessions.status import next_action, no_ledger, refuse_deleted, same_lists


@dataclass(frozen=True, slots=True)
class HandoffContext:
    """The parts that handing over needs; `agent` acts ("" : a person)."""

    ledgers: LedgerReader
    writer: LedgerWriter
    workspace: Documents
    agent: str = ""

    def look(self, key: SessionKey) -> Look:
        """Looks once at the session's ledger; UnknownNameError where it has none."""
        look = self.ledgers.look(*key)
        if look is None:
            raise no_ledger(key)
        return look

    def append(self, key: SessionKey, plan: Callable[[SessionState], Draft | None]) -> SessionState:
        """Appends what `plan` makes of the session's state; returns the state afterwards."""

        def several(state: SessionState) -> Sequence[Draft]:
            draft = plan(state)
            return () if draft is None else (draft,)

        return self.append_all(key, several)

    def append_all(self, key: SessionKey, plan: Callable[[SessionState], Sequence[Draft]]) -> SessionState:
        """Does the same with several events, in one append."""

        def checked(tip: SessionTip | None) -> Sequence[Draft]:
            if tip is None:
                raise no_ledger(key)
            return plan(tip.state)

        return self.writer.append_all(*key, checked)[-1].state


def assign_stage(context: HandoffContext, key: SessionKey, stage: str, agent: str, reason: str = "") -> bool:
    """Assigns `stage` to `agent`; "" hands it back to the registry. Returns False if it was so already.

    HandoffRefusedError where an agent assigns what a rule requires a person's approval for: an assignment
    does what an accepted handoff does.
    """
    check_known("stage", stage, STAGES)
    registry = registry_of(context.look(key))
    if agent:
        known_agent(registry, agent)
    if agent and context.agent and needs_approval(registry, stage, context.agent, agent):
        raise HandoffRefusedError(
            f"{context.agent} cannot assign {stage} to {agent}",
            cause="a handoff rule requires that a person approves it",
            fix=(f"idse handoff request --to {agent} --stage {stage} -m WHY",),
        )
    appended = False

    def plan(state: SessionState) -> Draft | None:
        nonlocal appended
        appended = state.assigned.get(stage, "") != agent
        because = {"reason": encodable(reason).strip()} if reason.strip() else {}
        return Draft(ASSIGNED, {"stage": stage, "agent": agent, **because}) if appended else None

    context.append(key, plan)
    return appended


def request_handoff(
    context: HandoffContext, key: SessionKey, to_agent: str, stage: str, why: str | None
) -> Handoff:
    """Asks `to_agent` to go on with `stage` ("" : the one that is next); returns the open handoff.

    `why` is None where none has to be given, as when the documents say all.
    UnknownAgentError for an agent the registry does not have, HandoffClosedError where the agent has the
    offer already, UsageError where it has the stage, or there is no stage to hand over, or no reason.
    """
    reason = "" if why is None else needed_reason(why, "a handoff")
    look = context.look(key)
    registry = registry_of(look)
    known_agent(registry, to_agent)
    stage = check_known("stage", stage, STAGES) if stage else _next_stage(context, key, look)

    def plan(state: SessionState) -> Draft:
        giver = context.agent or state.assigned.get(stage, "")
        _refuse_request(state, stage, giver, to_agent)
        approval = needs_approval(registry, stage, giver, to_agent)
        return handoff_draft(stage, giver, to_agent, approval=approval, reason=reason)

    return handoffs_of(context.append(key, plan))[-1]


def _next_stage(context: HandoffContext, key: SessionKey, look: Look) -> str:
    blobs = context.workspace.blobs(*key) or look.blobs
    same = same_lists(context.ledgers, context.workspace, key)
    stage = next_action(look.tip.state, standings(look.tip.state, blobs, same)).stage
    if not stage:
        raise UsageError(
            "no stage is next, so say which one to hand over",
            fix=("idse handoff request --to AGENT --stage STAGE -m WHY",),
        )
    return stage


def _refuse_request(state: SessionState, stage: str, giver: str, taker: str) -> None:
    _refuse_archived(state)
    if giver == taker:
        raise UsageError(f"{stage} is {taker}'s already", fix=(f"idse agents route {stage}",))
    twin = next((each for each in handoffs_of(state) if (each.stage, each.to_agent) == (stage, taker)), None)
    if twin is not None:
        raise HandoffClosedError(
            f"{stage} is offered to {taker} already",
            cause=f"handoff {twin.id} waits for an answer",
            fix=(f"idse handoff show {twin.id}",),
        )


def answer_handoff(
    context: HandoffContext, key: SessionKey, action: str, name: str = "", reason: str = ""
) -> Handoff:
    """Answers the handoff that `name` means ("" : the only one that is open); returns it as it was before.

    Who accepts begins the stage, where it may start.
    HandoffRefusedError where whoever acts may not answer so, HandoffClosedError where nothing is open,
    UsageError where it is rejected without a reason, or accepted in an archived session.
    """
    if action == REJECT:
        needed_reason(reason, "to reject a handoff")
    look = context.look(key)
    registry = registry_of(look)
    answered: list[Handoff] = []
    blobs = context.workspace.blobs(*key) or look.blobs
    same = same_lists(context.ledgers, context.workspace, key)

    def plan(state: SessionState) -> Sequence[Draft]:
        handoff = open_handoff(handoffs_of(state), name, action, context.agent)
        _refuse_answer(handoff, action, context.agent)
        if action == ACCEPT:
            _refuse_archived(state)
            if registry.agent(handoff.to_agent) is None:
                raise _gone(handoff)
        answered[:] = [handoff]
        answer = Draft(HANDOFF, _body(handoff, action, reason))
        start = Move(handoff.stage, START, "", context.agent)
        waits = action == ACCEPT and state.stages[handoff.stage].status == PENDING
        if not waits or out_of_order(state, blobs, handoff.stage, same) is not None:
            return (answer,)
        return answer, Draft(STAGE, stage_body(start, state, blobs))

    context.append_all(key, plan)
    return answered[0]


def _body(handoff: Handoff, action: str, reason: str) -> dict[str, object]:
    body: dict[str, object] = {
        "action": action,
        "handoff": handoff.id,
        "stage": handoff.stage,
        "from": handoff.from_agent,
        "to": handoff.to_agent,
    }
    return {**body, **({"reason": encodable(reason).strip()} if reason.strip() else {})}


def _gone(handoff: Handoff) -> UnknownAgentError:
    return UnknownAgentError(
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
        fix = f"idse handoff approve {handoff.id}  # a person, without IDSE_AGENT"
        raise HandoffRefusedError(
            f"you cannot {action} the handoff of {handoff.stage} to {handoff.to_agent}",
            cause=problem,
            fix=(fix,) if handoff.waits_for_approval else ("idse handoff list",),
        )


def open_handoff(handoffs: Sequence[Handoff], name: str, action: str, agent: str) -> Handoff:
    """Returns the open handoff that `name` means: an id or the beginning of one; "" : the only one.

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


def _is_meant(handoff: Handoff, action: str, agent: str) -> bool:
    """Tests whether `agent` may mean this handoff by `action`, where none is named."""
    if action == APPROVE:
        return handoff.waits_for_approval
    if action == ACCEPT:
        return agent in ("", handoff.to_agent)
    return agent in ("", handoff.to_agent, handoff.from_agent)


def needed_reason(reason: str, what: str) -> str:
    """Returns `reason` as an event may hold it; UsageError where it says nothing. `what` needs it."""
    clean = encodable(reason).strip()
    if not clean:
        raise UsageError(
            f"{what} needs a reason", cause="whoever reads it has to know why", fix=("say it: -m WHY",)
        )
    return clean


def _refuse_archived(state: SessionState) -> None:
    """Raises UsageError for a session that is archived or deleted."""
    refuse_deleted(state)
    if state.status == ARCHIVED:
        raise UsageError(
            f"session {state.session!r} is archived", fix=(f"idse session archive {state.session} --undo",)
        )
