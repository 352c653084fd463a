"""Which agents handle a stage, in the order in which they are asked, and which stages nobody handles.

Also what the registry adds to the move of a stage: whom it is routed to, and the requests of its rules.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from idse_orchestrator.agents.registry import AUTOMATIC, Agent, AgentRegistry, HandoffRule
from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.documents.project_workspace import STAGES

if TYPE_CHECKING:
    from idse_orchestrator.ledger.events import Draft
    from idse_orchestrator.pipeline.stage_state_model import SessionState
    from idse_orchestrator.sessions.ports import Addition, Move

ASSIGNED = "assigned in this session"
UNKNOWN = "assigned in this session, and not in the registry"
LISTED = "handles the stage"


class Choice(NamedTuple):
    """An agent that may act, and why it."""

    agent: Agent
    why: str

    @property
    def known(self) -> bool:
        """True if the registry has it."""
        return self.why != UNKNOWN


class Routing(NamedTuple):
    """The agents that may act on `stage`: the first of `choices` should, the others stand by."""

    stage: str
    choices: tuple[Choice, ...] = ()

    @property
    def first(self) -> Choice | None:
        """The one who should act."""
        return self.choices[0] if self.choices else None

    @property
    def agent(self) -> str:
        """The id of the one who should act; "" where nobody handles the stage."""
        return self.choices[0].agent.id if self.choices else ""


def route(registry: AgentRegistry, stage: str, assigned: str = "") -> Routing:
    """Routes `stage` to the agent `assigned` in the session, then to all that handle it, in order."""
    listed = [agent for agent in registry.agents if stage in agent.stages and agent.id != assigned]
    choices = [Choice(agent, LISTED) for agent in listed]
    if assigned:
        known = registry.agent(assigned)
        choices.insert(0, Choice(known, ASSIGNED) if known else Choice(Agent(assigned), UNKNOWN))
    return Routing(stage, tuple(choices))


def suggest(registry: AgentRegistry, assigned: Mapping[str, str]) -> tuple[Routing, ...]:
    """Returns `route` of all stages in pipeline order; those that nobody handles have no choices."""
    return tuple(route(registry, stage, assigned.get(stage, "")) for stage in STAGES)


def routed_words(routing: Routing) -> str:
    """Tells why the first of `routing` was chosen, in a few words."""
    if routing.first is None:
        return "nobody handles the stage"
    others = len(routing.choices) - 1
    return routing.first.why + (f", first of {others + 1}" if others else "")


def automatic_rules(
    registry: AgentRegistry, stage: str, done_by: str, assigned: str
) -> tuple[HandoffRule, ...]:
    """Returns the rules that ask for a handoff by themselves now that `stage` is complete.

    They are those of the agent that completed it (a person stands for the agent the stage is routed
    to), if that agent hands over automatically.
    """
    known = registry.agent(done_by)
    first = route(registry, stage, assigned).first
    agent = known or (first.agent if first and not done_by else None)
    if agent is None or agent.handoff_protocol != AUTOMATIC:
        return ()
    return tuple(
        rule
        for rule in registry.handoff_rules
        if rule.from_stage == stage and rule.from_agent == agent.id and registry.agent(rule.to_agent)
    )


def needs_approval(registry: AgentRegistry, stage: str, from_agent: str, to_agent: str) -> bool:
    """Tests whether a person has to approve that `to_agent` takes over `stage` from `from_agent`.

    The rules from one to the other say so. Where there is none, those from anyone to `to_agent` do: a
    rule is not evaded by asking as somebody else.
    """
    into = [rule for rule in registry.handoff_rules if (rule.to_stage, rule.to_agent) == (stage, to_agent)]
    exact = [rule for rule in into if rule.from_agent == from_agent]
    return any(rule.requires_approval for rule in exact or into)


def additions(registry: AgentRegistry, state: SessionState, move: Move) -> Addition:
    """Returns whom `registry` routes the stage to, for the history, and the requests of its rules."""
    from idse_orchestrator.pipeline.stage_machine import FINISH
    from idse_orchestrator.sessions.ports import Addition

    assigned = state.assigned.get(move.stage, "")
    keeper = _offered(state, move.stage, move.agent) or assigned
    if not registry.agents:
        return Addition(keeper=keeper)
    routing = route(registry, move.stage, assigned)
    body = {"routed": {"agent": routing.agent, "why": routed_words(routing)}}
    fires = move.action == FINISH and registry.handoff_rules
    events = fired_rules(state, registry, move.stage, move.agent) if fires else ()
    return Addition(body, events, keeper or routing.agent)


def _offered(state: SessionState, stage: str, agent: str) -> str:
    """Returns another agent than `agent` that is offered the stage; "" where there is none."""
    if not state.parts:
        return ""
    from idse_orchestrator.agents.handoff import handoffs_of

    others = (each.to_agent for each in handoffs_of(state) if each.stage == stage and each.to_agent != agent)
    return next(others, "")


def fired_rules(state: SessionState, registry: AgentRegistry, stage: str, agent: str) -> tuple[Draft, ...]:
    """Returns the requests that follow when `agent` ("" : a person) completes `stage` of a session.

    None where the addressee has the stage, or the offer of it, already.
    """
    from idse_orchestrator.agents.handoff import handoff_draft, handoffs_of  # few projects have such rules

    offers = {(each.stage, each.to_agent) for each in handoffs_of(state)} | set(state.assigned.items())
    rules = automatic_rules(registry, stage, agent, state.assigned.get(stage, ""))
    return tuple(
        handoff_draft(
            rule.to_stage,
            rule.from_agent,
            rule.to_agent,
            approval=rule.requires_approval,
            reason=f"{rule.from_stage} is complete",
            after=rule.from_stage,
        )
        for rule in rules
        if (rule.to_stage, rule.to_agent) not in offers
    )
