"""Ask for the handoffs that rules ask for by themselves, now that a stage is complete.

They are requests like any other: nothing runs, nobody accepts in anybody's name, and where a rule
requires approval a person still has to give it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from idse_orchestrator.app.ledger_values import Draft
from idse_orchestrator.domain.events import HANDOFF
from idse_orchestrator.domain.handoff_fold import REQUEST
from idse_orchestrator.domain.ide_agent_routing import automatic_rules

if TYPE_CHECKING:
    from idse_orchestrator.app.handoffs.desk import HandoffDesk
    from idse_orchestrator.app.ports import SessionKey, SessionTip
    from idse_orchestrator.domain.agent_registry import AgentRegistry, HandoffRule
    from idse_orchestrator.domain.handoff import Handoff


def fire_rules(
    desk: HandoffDesk, key: SessionKey, stage: str, registry: AgentRegistry, assigned: str
) -> tuple[Handoff, ...]:
    """The handoffs that were asked for; `assigned` is whom the session assigns `stage` to, or ""."""
    made: list[Handoff] = []
    for rule in automatic_rules(registry, stage, desk.agent, assigned):
        made += _ask(desk, key, rule)
    return tuple(made)


def _ask(desk: HandoffDesk, key: SessionKey, rule: HandoffRule) -> list[Handoff]:
    """Nothing where the addressee has the stage, or the offer of it, already."""
    asked = False

    def plan(tip: SessionTip | None) -> Draft | None:
        nonlocal asked
        if tip is None:
            return None
        offers = [(each.stage, each.to_agent) for each in tip.state.handoffs]
        has_it = tip.state.assigned.get(rule.to_stage) == rule.to_agent
        asked = not has_it and (rule.to_stage, rule.to_agent) not in offers
        return Draft(HANDOFF, _body(rule)) if asked else None

    tip = desk.writer.append(*key, plan)
    return [tip.state.handoffs[-1]] if asked and tip else []


def _body(rule: HandoffRule) -> dict[str, object]:
    return {
        "action": REQUEST,
        "stage": rule.to_stage,
        "from": rule.from_agent,
        "to": rule.to_agent,
        "after": rule.from_stage,
        "approval": rule.requires_approval,
        "reason": f"{rule.from_stage} is complete",
    }
