"""A project's agents, who should act on a stage, and which handoffs wait: as lines and as JSON values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from idse_orchestrator.base.text import few, printable
from idse_orchestrator.cli.layout import PLAIN, Style, headed, labelled_prose
from idse_orchestrator.cli.render.status import routing_data
from idse_orchestrator.cli.terminal import Answer, Said
from idse_orchestrator.documents.project_workspace import STAGES
from idse_orchestrator.errors import EXIT_CHECK_FAILED, EXIT_OK

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from idse_orchestrator.agents.ide_agent_routing import Choice, Routing
    from idse_orchestrator.agents.registry import Agent, AgentRegistry, HandoffRule
    from idse_orchestrator.cli.terminal import Run


def _choice_words(choice: Choice) -> str:
    """Names role, mode and capabilities of one of them, and why it is among them."""
    agent = choice.agent
    facts = [agent.role] if agent.role else []
    facts += [agent.mode] if choice.known else []
    skills = f"  [{', '.join(agent.capabilities)}]" if agent.capabilities else ""
    return f"{', '.join([*facts, choice.why])}{skills}"


def route_answer(run: Run, stage: str, session: str | None = None) -> Answer:
    """Say who handles a stage, the one who should act first. Exit code 1 where nobody does.

    An agent that the session assigns comes before those that handle the stage by the registry.
    """
    # Free of click: agents ask it all day.
    from idse_orchestrator.agents.ide_agent_routing import route
    from idse_orchestrator.agents.registry import registry_of
    from idse_orchestrator.base.names import check_known
    from idse_orchestrator.sessions.status import no_ledger, refuse_deleted

    check_known("stage", stage, STAGES)
    key = run.session(session)
    look = run.app.reader.look(*key)
    if look is None:
        raise no_ledger(key)
    refuse_deleted(look.tip.state)
    routing = route(registry_of(look), stage, look.tip.state.assigned.get(stage, ""))
    return Answer(
        "idse.agents-route/1",
        lambda: {
            "project": key[0],
            "session": key[1],
            "stage": stage,
            "agent": routing.agent or None,
            "routing": routing_data(routing),
        },
        _routing_lines(routing),
        code=EXIT_OK if routing.first else EXIT_CHECK_FAILED,
    )


def _routing_lines(routing: Routing) -> Iterator[str]:
    rows = [(printable(each.agent.id), printable(_choice_words(each))) for each in routing.choices]
    above, lines = headed(("agent", "role, mode, why"), rows)
    yield from above + lines
    if not routing.choices:
        yield Said(f"nobody handles {routing.stage}: idse agents add NAME --stage {routing.stage}")


def agent_rows(registry: AgentRegistry) -> list[str]:
    """Returns a line for each agent: id, mode, stages, role."""
    from idse_orchestrator.agents.registry import AUTOMATIC

    rows = []
    for agent in registry.agents:
        protocol = "hands on automatically" if agent.handoff_protocol == AUTOMATIC else ""
        facts = printable("; ".join(filter(None, (agent.role, protocol))))
        rows.append((printable(agent.id), agent.mode, _stages(agent), facts))
    above, lines = headed(("agent", "mode", "stages", "role"), rows)
    return above + lines


def agent_page(agent: Agent, rules: Sequence[HandoffRule], style: Style = PLAIN) -> list[str]:
    """Returns all there is to say about one agent."""
    lines = [style.bold(printable(agent.id))]
    for label, text in (
        ("role", agent.role),
        ("stages", _stages(agent)),
        ("can", ", ".join(agent.capabilities)),
        ("mode", agent.mode),
        ("hands on", agent.handoff_protocol),
    ):
        if text:
            lines += labelled_prose(f"  {label}", printable(text), 13)
    return lines + [f"  rule       {printable(rule_line(rule))}" for rule in rules]


def rule_line(rule: HandoffRule) -> str:
    """Puts a rule on one line."""
    from idse_orchestrator.agents.registry import rule_words

    return rule_words(rule) + ("  needs approval" if rule.requires_approval else "")


def suggestion_rows(routings: Iterable[Routing], style: Style = PLAIN) -> list[str]:
    """Returns a line for each stage: who should act, and who else handles it."""
    rows = []
    for routing in routings:
        others = few([choice.agent.id for choice in routing.choices[1:]])
        who = printable(routing.agent) if routing.first else "nobody"
        why = printable(routing.first.why) if routing.first else ""
        rows.append((routing.stage, who, why + (f"; then {printable(others)}" if others else "")))
    above, lines = headed(("stage", "agent", "why"), rows)
    return above + [
        style.yellow(line) if routing[1] == "nobody" else line
        for line, routing in zip(lines, rows, strict=True)
    ]


def _stages(agent: Agent) -> str:
    """Names the stages in pipeline order; "all stages" where it handles them all."""
    handled = [stage for stage in STAGES if stage in agent.stages]
    return "all stages" if len(handled) == len(STAGES) else ", ".join(handled) or "no stage"
