"""The handoffs that rules ask for by themselves when a stage is complete.

They are requests like any other: nothing runs, nobody accepts in anybody's name, and where a rule
requires approval a person still has to give it. They are appended together with the completion, so that
nobody who is killed in between leaves the one without the others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from idse_orchestrator.app.ledger_values import Draft
from idse_orchestrator.domain.agents.handoff_fold import REQUEST
from idse_orchestrator.domain.agents.ide_agent_routing import automatic_rules
from idse_orchestrator.domain.events import HANDOFF

if TYPE_CHECKING:
    from idse_orchestrator.domain.agents.registry import AgentRegistry, HandoffRule
    from idse_orchestrator.domain.stage_state_model import SessionState


def fired_rules(state: SessionState, registry: AgentRegistry, stage: str, agent: str) -> tuple[Draft, ...]:
    """The requests that follow when `agent` ("" : a person) completes `stage` of the session in `state`.

    None where the addressee has the stage, or the offer of it, already.
    """
    offers = {(each.stage, each.to_agent) for each in state.handoffs} | set(state.assigned.items())
    rules = automatic_rules(registry, stage, agent, state.assigned.get(stage, ""))
    return tuple(_request(rule) for rule in rules if (rule.to_stage, rule.to_agent) not in offers)


def _request(rule: HandoffRule) -> Draft:
    return Draft(
        HANDOFF,
        {
            "action": REQUEST,
            "stage": rule.to_stage,
            "from": rule.from_agent,
            "to": rule.to_agent,
            "after": rule.from_stage,
            "approval": rule.requires_approval,
            "reason": f"{rule.from_stage} is complete",
        },
    )
