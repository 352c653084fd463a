"""``idse agents list|show|route|suggest|schema``: what the registry says."""

from __future__ import annotations

import click

from idse_orchestrator.agents.ide_agent_routing import suggest
from idse_orchestrator.agents.registry import (
    AgentRegistry,
    agent_to_dict,
    registry_to_dict,
    rule_to_dict,
)
from idse_orchestrator.agents.registry import registry_of as agents_in
from idse_orchestrator.agents.registry_changes import known_agent
from idse_orchestrator.agents.registry_check import registry_troubles
from idse_orchestrator.agents.registry_view import EDITED, view_condition
from idse_orchestrator.cli import completion_values
from idse_orchestrator.cli.options import command
from idse_orchestrator.cli.render.agents import agent_page, agent_rows, suggestion_rows
from idse_orchestrator.cli.render.envelope import ascii_json, envelope
from idse_orchestrator.cli.render.routing import routing_data
from idse_orchestrator.cli.routing import run_route
from idse_orchestrator.cli.run import Run
from idse_orchestrator.documents.project_workspace import agent_registry_path
from idse_orchestrator.errors import EXIT_CHECK_FAILED, EXIT_OK, StorageError
from idse_orchestrator.sessions.status import no_ledger

agent_argument = click.argument("agent", metavar="AGENT", shell_complete=completion_values.agents)
stage_argument = click.argument("stage", metavar="STAGE", shell_complete=completion_values.stages)
session_option = click.option(
    "--session",
    metavar="NAME",
    help="Another session than the current one.",
    shell_complete=completion_values.sessions,
)


def registry_of(run: Run, project: str) -> AgentRegistry:
    """The registry of `project`; says on the side when its file holds an edit, or when it is not sound."""
    tip = run.app.reader.project(project)
    registry = agents_in(tip.state) if tip else AgentRegistry()
    path = agent_registry_path(project)
    try:
        if view_condition(run.app.reader, run.app.workspace, project, tip) == EDITED:
            run.terminal.warn(f"{path} was edited by hand: idse agents import {path}")
    except StorageError as error:
        run.terminal.warn(f"{path} cannot be read: {error.cause}")
    for trouble in registry_troubles(registry):
        run.terminal.warn(trouble.message)
    return registry


@command("list", reads=True)
def list_agents(run: Run) -> None:
    """List the project's agents, in the order in which they are asked."""
    project = run.project
    registry = registry_of(run, project)
    if run.terminal.as_json:
        data = {"project": project, **registry_to_dict(registry)}
        run.terminal.data(envelope("idse.agents-list/1", data))
        return
    for line in agent_rows(registry):
        run.terminal.data(line)
    if not registry.agents:
        run.terminal.say(f"project {project} has no agents yet: idse agents add NAME --stage STAGE")


@command("show", reads=True)
@agent_argument
def show_agent(run: Run, agent: str) -> None:
    """Show one agent: what it handles, how it works, and the rules that name it."""
    registry = registry_of(run, run.project)
    known = known_agent(registry, agent)
    rules = [rule for rule in registry.handoff_rules if known.id in (rule.from_agent, rule.to_agent)]
    if run.terminal.as_json:
        data = {**agent_to_dict(known), "handoff_rules": [rule_to_dict(rule) for rule in rules]}
        run.terminal.data(envelope("idse.agents-show/1", data))
    else:
        run.terminal.data("\n".join(agent_page(known, rules, run.terminal.style)))


@command("route", reads=True)
@stage_argument
@session_option
def route_stage(run: Run, stage: str, session: str | None) -> int:
    """Say who handles a stage, the one who should act first. Exit code 1 where nobody does.

    An agent that the session assigns comes before those that handle the stage by the registry.
    """
    return run_route(run, stage, session)


@command("suggest", reads=True)
@session_option
def suggest_agents(run: Run, session: str | None) -> int:
    """Suggest an agent for each stage of a session. Exit code 1 where a stage has nobody."""
    key = run.session(session)
    look = run.app.reader.look(*key)
    if look is None:
        raise no_ledger(key)
    routings = suggest(agents_in(look), look.tip.state.assigned)
    nobody = [routing.stage for routing in routings if routing.first is None]
    if run.terminal.as_json:
        stages = [
            {
                "stage": routing.stage,
                "agent": routing.agent or None,
                "routing": routing_data(routing),
            }
            for routing in routings
        ]
        data = {"project": key[0], "session": key[1], "stages": stages, "nobody_handles": nobody}
        run.terminal.data(envelope("idse.agents-suggest/1", data))
    else:
        run.terminal.data("\n".join(suggestion_rows(routings, run.terminal.style)))
        if nobody:
            run.terminal.say(f"nobody handles {', '.join(nobody)}: idse agents add NAME --stage STAGE")
    return EXIT_CHECK_FAILED if nobody else EXIT_OK


@command("schema", project=False)
def show_schema(run: Run) -> None:
    """Print the JSON Schema of agent_registry.json, the file that `idse agents import` takes."""
    from idse_orchestrator.agents.registry_schema import registry_json_schema

    run.terminal.data(ascii_json(registry_json_schema(), indent=2))


COMMANDS = (list_agents, show_agent, route_stage, suggest_agents, show_schema)
