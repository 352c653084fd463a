"""The agents of a project as people read them, and as JSON values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from idse_orchestrator.agents.registry import AUTOMATIC
from idse_orchestrator.agents.registry_check import rule_words
from idse_orchestrator.base.text import few
from idse_orchestrator.cli.render.aligned import aligned, labelled_prose
from idse_orchestrator.cli.render.style import PLAIN, Style, printable
from idse_orchestrator.documents.pipeline_artifacts import STAGES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from idse_orchestrator.agents.ide_agent_routing import Routing
    from idse_orchestrator.agents.registry import Agent, AgentRegistry, HandoffRule


def agent_rows(registry: AgentRegistry) -> list[str]:
    """A line for each agent: id, mode, stages, role."""
    rows = [(printable(agent.id), agent.mode, _stages(agent), _facts(agent)) for agent in registry.agents]
    return aligned(rows) if rows else []


def agent_page(agent: Agent, rules: Sequence[HandoffRule], style: Style = PLAIN) -> list[str]:
    """All about one agent."""
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
    """A rule on one line."""
    return rule_words(rule) + ("  needs approval" if rule.requires_approval else "")


def suggestion_rows(routings: Iterable[Routing], style: Style = PLAIN) -> list[str]:
    """A line for each stage: who should act, and who else handles it."""
    rows = []
    for routing in routings:
        others = few([choice.agent.id for choice in routing.choices[1:]])
        who = printable(routing.agent) if routing.first else "nobody"
        why = printable(routing.first.why) if routing.first else ""
        rows.append((routing.stage, who, why + (f"; then {printable(others)}" if others else "")))
    lines = aligned(rows)
    return [
        style.yellow(line) if routing[1] == "nobody" else line
        for line, routing in zip(lines, rows, strict=True)
    ]


def _stages(agent: Agent) -> str:
    """The stages in pipeline order; "all" where it handles them all."""
    handled = [stage for stage in STAGES if stage in agent.stages]
    return "all stages" if len(handled) == len(STAGES) else ", ".join(handled) or "no stage"


def _facts(agent: Agent) -> str:
    facts = [agent.role] if agent.role else []
    return printable("; ".join([*facts, *(["hands on automatically"] if _automatic(agent) else [])]))


def _automatic(agent: Agent) -> bool:
    return agent.handoff_protocol == AUTOMATIC
