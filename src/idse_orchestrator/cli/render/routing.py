"""Who should act on a stage, and which handoffs wait: a line each, or JSON values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from idse_orchestrator.base.text import few
from idse_orchestrator.cli.render.style import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from idse_orchestrator.agents.handoff import Handoff
    from idse_orchestrator.agents.ide_agent_routing import Choice, Routing
    from idse_orchestrator.pipeline.stage_state_model import SessionState
    from idse_orchestrator.sessions.status import SessionStatus

_MOST_OFFERS = 3


def routing_of(status: SessionStatus, stage: str) -> Routing | None:
    """Who should act on `stage`; None where the project has no agents and the session assigns none."""
    assigned = status.state.assigned.get(stage, "")
    if not stage or ("registry" not in status.ledger.parts and not assigned):
        return None
    from idse_orchestrator.agents.ide_agent_routing import route
    from idse_orchestrator.agents.registry import registry_of

    return route(registry_of(status.ledger), stage, assigned)


def who_lines(status: SessionStatus) -> list[str]:
    """Who should act on the stage that is next, and what is offered of it; nothing where nobody is known."""
    stage = status.next.stage
    routing = routing_of(status, stage)
    lines = []
    if routing and routing.first:
        lines.append(f"who:  {_named(routing.first)}{_others(routing)}")
    elif routing:
        lines.append(f"who:  nobody handles {stage}: idse agents suggest")
    offers = [each for each in open_handoffs(status.state) if each.stage == stage]
    return lines + [f"      {line}" for line in offer_lines(offers)]


def open_handoffs(state: SessionState) -> tuple[Handoff, ...]:
    """The open handoffs of a session; most have none, and load nothing to learn that."""
    if "handoffs" not in state.parts:
        return ()
    from idse_orchestrator.agents.handoff import handoffs_of

    return handoffs_of(state)


def offer_lines(handoffs: Sequence[Handoff]) -> list[str]:
    """A line each for the first few of `handoffs`, and how many there are besides."""
    lines = [printable(handoff_words(each)) for each in handoffs[:_MOST_OFFERS]]
    more = len(handoffs) - _MOST_OFFERS
    return lines + ([f"and {more:,} more handoff{'s' * (more > 1)}: idse handoff list"] if more > 0 else [])


def handoff_words(handoff: Handoff) -> str:
    """An open handoff in a line: what it offers to whom, and what it waits for."""
    waits = "idse handoff approve" if handoff.waits_for_approval else "idse handoff accept"
    source = handoff.from_agent or handoff.by
    return f"handoff of {handoff.stage} from {source} to {handoff.to_agent} waits: {waits}"


def routing_data(routing: Routing | None) -> list[dict[str, object]]:
    """Those who may act, in the order in which they are asked, as JSON values."""
    return [choice_data(choice) for choice in routing.choices] if routing else []


def choice_data(choice: Choice) -> dict[str, object]:
    """One of them."""
    agent = choice.agent
    return {
        "agent": agent.id,
        "role": agent.role,
        "mode": agent.mode if choice.known else None,
        "capabilities": list(agent.capabilities),
        "why": choice.why,
    }


def choice_words(choice: Choice) -> str:
    """Role, mode and capabilities of one of them, and why it."""
    agent = choice.agent
    facts = [agent.role] if agent.role else []
    facts += [agent.mode] if choice.known else []
    skills = f"  [{', '.join(agent.capabilities)}]" if agent.capabilities else ""
    return f"{', '.join([*facts, choice.why])}{skills}"


def handoffs_data(handoffs: Sequence[Handoff]) -> list[dict[str, object]]:
    """Open handoffs as JSON values."""
    if not handoffs:
        return []
    from idse_orchestrator.agents.handoff import handoff_to_dict

    return [handoff_to_dict(handoff) for handoff in handoffs]


def _named(choice: Choice) -> str:
    agent = choice.agent
    if not choice.known:
        return printable(agent.id)
    facts = ", ".join(fact for fact in (agent.role, agent.mode) if fact)
    return printable(f"{agent.id} ({facts})")


def _others(routing: Routing) -> str:
    others = [choice.agent.id for choice in routing.choices[1:]]
    return printable(f", then {few(others)}") if others else ""
