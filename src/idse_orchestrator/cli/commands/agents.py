"""``idse agents``: who works on the project and handles which stage; ``agent-files``: which files tell them.

What changes the registry is in `cli.agents_writing`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from idse_orchestrator.agents import registry as registries
from idse_orchestrator.agents import registry_changes
from idse_orchestrator.agents.ide_agent_routing import suggest
from idse_orchestrator.agents.registry_changes import known_agent
from idse_orchestrator.agents.registry_check import registry_troubles
from idse_orchestrator.base.text import printable
from idse_orchestrator.cli import agent_files, agents_writing, options
from idse_orchestrator.cli.agents_writing import change
from idse_orchestrator.cli.envelope import ascii_json
from idse_orchestrator.cli.layout import from_here
from idse_orchestrator.cli.render import agents as render
from idse_orchestrator.cli.render.status import routing_data
from idse_orchestrator.cli.terminal import Answer, Said, Warned
from idse_orchestrator.documents.project_workspace import agent_registry_path
from idse_orchestrator.errors import EXIT_CHECK_FAILED, EXIT_OK, StorageError
from idse_orchestrator.sessions.status import no_ledger, refuse_deleted

if TYPE_CHECKING:
    from idse_orchestrator.cli.terminal import Run


def _registry(run: Run, project: str) -> registries.AgentRegistry:
    tip = run.app.reader.project(project)
    return registries.registry_of(tip.state) if tip else registries.AgentRegistry()


def _doubts(run: Run, project: str, registry: registries.AgentRegistry) -> Iterator[Warned]:
    """Yields a warning where the registry's file holds an edit, and for all that is not sound in it."""
    path = agent_registry_path(project)
    try:
        tip = run.app.reader.project(project)
        if registries.view_condition(run.app.reader, run.app.workspace, project, tip) == registries.EDITED:
            yield Warned(f"{path} was edited by hand: {from_here(f'idse agents import {path}')}")
    except StorageError as error:
        yield Warned(f"{path} cannot be read: {error.cause}")
    for trouble in registry_troubles(registry):
        yield Warned(trouble.message)


@options.command("list", reads=True)
def list_agents(run: Run) -> Answer:
    """List the project's agents, in the order in which they are asked."""
    project = run.project
    registry = _registry(run, project)

    def lines() -> Iterator[str]:
        yield from _doubts(run, project, registry)
        yield from render.agent_rows(registry)
        if not registry.agents:
            yield Said(f"project {project} has no agents yet: idse agents add NAME --stage STAGE")

    return Answer(
        "idse.agents-list/1", lambda: {"project": project, **registries.registry_to_dict(registry)}, lines()
    )


@options.command("show", reads=True)
@options.agent_argument
def show_agent(run: Run, agent: str) -> Answer:
    """Show one agent: what it handles, how it works, and the rules that name it."""
    project = run.project
    registry = _registry(run, project)

    def named() -> tuple[registries.Agent, list[registries.HandoffRule]]:
        known = known_agent(registry, agent)
        rules = registry.handoff_rules
        return known, [rule for rule in rules if known.id in (rule.from_agent, rule.to_agent)]

    def data() -> dict[str, object]:
        known, rules = named()
        return {
            **registries.agent_to_dict(known),
            "handoff_rules": [registries.rule_to_dict(rule) for rule in rules],
        }

    def lines() -> Iterator[str]:
        yield from _doubts(run, project, registry)
        yield from render.agent_page(*named(), run.terminal.style)

    return Answer("idse.agents-show/1", data, lines())


@options.command("suggest", reads=True)
@options.session_option
def suggest_agents(run: Run, session: str | None) -> Answer:
    """Suggest an agent for each stage of a session. Exit code 1 where a stage has nobody."""
    key = run.session(session)
    look = run.app.reader.look(*key)
    if look is None:
        raise no_ledger(key)
    refuse_deleted(look.tip.state)
    routings = suggest(registries.registry_of(look), look.tip.state.assigned)
    nobody = [routing.stage for routing in routings if routing.first is None]

    def lines() -> Iterator[str]:
        yield from render.suggestion_rows(routings, run.terminal.style)
        if nobody:
            yield Said(f"nobody handles {', '.join(nobody)}: idse agents add NAME --stage STAGE")

    return Answer(
        "idse.agents-suggest/1",
        lambda: {
            "project": key[0],
            "session": key[1],
            "stages": [
                {"stage": routing.stage, "agent": routing.agent or None, "routing": routing_data(routing)}
                for routing in routings
            ],
            "nobody_handles": nobody,
        },
        lines(),
        code=EXIT_CHECK_FAILED if nobody else EXIT_OK,
    )


@options.command("schema", project=False)
def show_schema(run: Run) -> Answer:  # noqa: ARG001 - every command is given its run
    """Print the JSON Schema of agent_registry.json, the file that `idse agents import` takes."""
    from idse_orchestrator.agents.registry_schema import registry_json_schema

    return Answer(lines=[ascii_json(registry_json_schema(), indent=2)])


_ENDS = (
    options.stage_named("from_stage"),
    click.argument("from_agent", metavar="AGENT", shell_complete=options.agents),
    options.stage_named("to_stage"),
    click.argument("to_agent", metavar="AGENT", shell_complete=options.agents),
)


@options.command("add", *_ENDS)
@options.flag("--requires-approval", help="A person has to approve each such handoff.")
@options.reason_option
def add_rule(run: Run, reason: str, *, requires_approval: bool, **ends: str) -> Answer:
    """Add a rule: when AGENT is done with STAGE, the second AGENT goes on with the second STAGE.

    Said again it changes whether it requires approval. Rules that lead round in a circle are refused; one
    from feedback to an earlier stage begins the next pass, and closes no circle.
    """
    rule = registries.HandoffRule(**ends, requires_approval=requires_approval)
    return change(run, lambda registry: registry_changes.adding_rule(registry, rule), reason)


@options.command("remove", *_ENDS)
@options.reason_option
def remove_rule(run: Run, reason: str, **ends: str) -> Answer:
    """Remove a rule."""
    rule = registries.HandoffRule(**ends, requires_approval=False)
    return change(run, lambda registry: registry_changes.removing_rule(registry, rule), reason)


@options.command("list", reads=True)
def list_rules(run: Run) -> Answer:
    """List the rules of handing over."""
    project = run.project
    registry = _registry(run, project)
    rules = registry.handoff_rules

    def lines() -> Iterator[str]:
        yield from _doubts(run, project, registry)
        for rule in rules:
            yield printable(render.rule_line(rule))
        if not rules:
            yield Said("there is no handoff rule yet: idse agents rule add STAGE AGENT STAGE AGENT")

    return Answer(
        "idse.agents-rule-list/1",
        lambda: {"project": project, "handoff_rules": [registries.rule_to_dict(rule) for rule in rules]},
        lines(),
    )


_rule = options.Group(
    "rule", commands=[add_rule, remove_rule, list_rules], help="The rules of handing a stage over."
)
agents = options.Group(
    "agents",
    commands=[
        list_agents,
        show_agent,
        options.command("route", options.stage_argument, options.session_option, reads=True)(
            render.route_answer
        ),
        suggest_agents,
        show_schema,
        *agents_writing.COMMANDS,
        _rule,
        *agent_files.OLDER_COMMANDS,
    ],
    help="Name the project's agents, and say who handles which stage.",
)
agent_files_ = options.Group(
    "agent-files",
    commands=list(agent_files.COMMANDS),
    help="Write, check and take away the files that tell coding agents of idse.",
)
