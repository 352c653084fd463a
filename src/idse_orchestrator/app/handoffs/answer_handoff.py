"""Approve, accept or reject an open handoff. Accepting assigns its stage to the addressee."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from idse_orchestrator.app.handoffs.desk import needed_reason, open_handoff, refuse_archived
from idse_orchestrator.app.ledger_values import Draft
from idse_orchestrator.app.show_status import no_ledger
from idse_orchestrator.domain.agents.handoff_fold import ACCEPT, APPROVE, REJECT, refusal
from idse_orchestrator.domain.events import HANDOFF
from idse_orchestrator.domain.text import encodable
from idse_orchestrator.errors import HandoffRefusedError, UnknownAgentError

if TYPE_CHECKING:
    from idse_orchestrator.app.handoffs.desk import HandoffDesk
    from idse_orchestrator.app.ports import SessionKey, SessionTip
    from idse_orchestrator.domain.agents.handoff import Handoff
    from idse_orchestrator.domain.agents.registry import AgentRegistry


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
    registry = desk.look(key).registry
    answered: list[Handoff] = []

    def plan(tip: SessionTip | None) -> Draft:
        if tip is None:
            raise no_ledger(key)
        handoff = open_handoff(tip.state.handoffs, answer.name, answer.action, desk.agent)
        _refuse(handoff, answer.action, desk.agent)
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


def _refuse(handoff: Handoff, action: str, agent: str) -> None:
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
