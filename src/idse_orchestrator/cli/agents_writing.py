"""``idse agents add|remove|set|set-mode|set-role|move|assign|import``: change the registry."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any

import click

from idse_orchestrator.agents import registry_changes
from idse_orchestrator.agents.change_registry import ChangesOf, RegistryChanged, change_registry
from idse_orchestrator.agents.hand_over import assign_stage
from idse_orchestrator.agents.registry import IMPLEMENTATION, MANUAL, MODES, PROTOCOLS, Agent
from idse_orchestrator.agents.registry_changes import registry_summary
from idse_orchestrator.base.names import check_name
from idse_orchestrator.base.text import one_line, unique_lines
from idse_orchestrator.cli import options
from idse_orchestrator.cli.terminal import Answer, Run, Said, Warned
from idse_orchestrator.errors import StorageError, UsageError

_MODE = "planning: it may write under .idse/ only."
_PROTOCOL = "automatic: its rules ask for a handoff as soon as its stage is complete."

stages_option = options.naming_stage(
    "--stage", "stages", multiple=True, help="A stage it handles; give all of them."
)
capabilities_option = click.option(
    "--can", "capabilities", multiple=True, metavar="WORDS", help="What it can do; give all of it."
)


def change(run: Run, changes_of: ChangesOf, reason: str) -> Answer:
    """Makes `changes_of` of the registry come true and answers what changed."""
    return _answer(change_registry(run.app.agents.keeper, run.project, changes_of, reason))


def _answer(changed: RegistryChanged) -> Answer:
    words = registry_summary({"changes": list(changed.changes)})
    lines = [Said(f"{words}  ({changed.tip.commit[:7]})" if changed.changes else "nothing changed")]
    return Answer(lines=[*lines, *([Warned(changed.view_problem)] if changed.view_problem else [])])


@options.command("add")
@click.argument("agent", metavar="AGENT")
@click.option("--role", default="", metavar="TEXT", help="What it is in the team, in a few words.")
@stages_option
@capabilities_option
@click.option("--mode", type=click.Choice(MODES), default=IMPLEMENTATION, help=_MODE)
@click.option("--protocol", type=click.Choice(PROTOCOLS), default=MANUAL, help=_PROTOCOL)
@options.naming_agent("--before", default="", help="Ask it before this one instead of last.")
@options.reason_option
def add_agent(run: Run, agent: str, before: str, reason: str, **facts: Any) -> Answer:  # noqa: ANN401 - each has its own type
    """Add an agent to the project's registry."""
    new = Agent(
        check_name("agent", agent),
        one_line(facts["role"]),
        unique_lines(facts["stages"]),
        unique_lines(facts["capabilities"]),
        facts["mode"],
        facts["protocol"],
    )
    return change(run, lambda registry: registry_changes.adding(registry, new, before), reason)


@options.command("remove")
@options.agent_argument
@options.flag("--with-rules", help="Remove the handoff rules that name it, too.")
@options.reason_option
def remove_agent(run: Run, agent: str, reason: str, *, with_rules: bool) -> Answer:
    """Remove an agent from the registry. Sessions that assigned a stage to it still say so."""
    return change(
        run, lambda registry: registry_changes.removing(registry, agent, with_rules=with_rules), reason
    )


@options.command("set")
@options.agent_argument
@click.option("--role", metavar="TEXT", help="What it is in the team.")
@stages_option
@capabilities_option
@options.flag("--no-stages", help="It handles no stage any more.")
@options.flag("--no-capabilities", help="What it can do is not said any more.")
@click.option("--mode", type=click.Choice(MODES), help=_MODE)
@click.option("--protocol", type=click.Choice(PROTOCOLS), help=_PROTOCOL)
@options.reason_option
def set_agent(run: Run, agent: str, reason: str, **facts: Any) -> Answer:  # noqa: ANN401 - each has its own type
    """Say more about an agent. What is not given stays as it is."""
    fields = _fields(facts)
    if not fields:
        raise UsageError("nothing to set", fix=("idse agents set --help",))
    return change(run, lambda registry: registry_changes.setting(registry, agent, fields), reason)


def _fields(facts: Mapping[str, Any]) -> dict[str, object]:
    """Returns what was given, as fields of an agent."""
    role = facts["role"]
    given = {
        "role": None if role is None else one_line(role),
        "stages": _texts(facts, "stages", "--stage"),
        "capabilities": _texts(facts, "capabilities", "--can"),
        "mode": facts["mode"],
        "handoff_protocol": facts["protocol"],
    }
    return {key: value for key, value in given.items() if value is not None}


def _texts(facts: Mapping[str, Any], name: str, option: str) -> list[str] | None:
    """Returns what `option` was given; nothing with the flag that says so; None where neither was given."""
    given, none = facts[name], facts[f"no_{name}"]
    if given and none:
        raise UsageError(f"--no-{name} and {option} exclude each other", fix=("leave one of them out",))
    return list(unique_lines(given)) if given or none else None


@options.command("set-mode")
@options.agent_argument
@click.argument("mode", type=click.Choice(MODES))
@options.reason_option
def set_mode(run: Run, agent: str, mode: str, reason: str) -> Answer:
    """Say how an agent works: in planning mode it may write under .idse/ only."""
    return change(run, lambda registry: registry_changes.setting(registry, agent, {"mode": mode}), reason)


@options.command("set-role")
@options.agent_argument
@click.argument("role", metavar="TEXT")
@options.reason_option
def set_role(run: Run, agent: str, role: str, reason: str) -> Answer:
    """Say what an agent is in the team, in a few words."""
    fields = {"role": one_line(role)}
    return change(run, lambda registry: registry_changes.setting(registry, agent, fields), reason)


@options.command("move")
@options.agent_argument
@options.naming_agent("--before", default="", help="This one; before all others if left out.")
@options.reason_option
def move_agent(run: Run, agent: str, before: str, reason: str) -> Answer:
    """Ask an agent before others: of several that handle a stage, the first should act."""
    return change(run, lambda registry: registry_changes.placing(registry, agent, before), reason)


@options.command("assign")
@options.stage_argument
@click.argument("agent", metavar="[AGENT]", required=False, default="", shell_complete=options.agents)
@options.session_option
@options.flag("--nobody", help="Take the assignment back: the registry decides again.")
@options.reason_option
def assign(run: Run, stage: str, agent: str, session: str | None, reason: str, *, nobody: bool) -> Answer:
    """Assign a stage of one session to an agent, whatever the registry's order says."""
    if bool(agent) == nobody:
        raise UsageError(
            "name an agent, or say --nobody", fix=(f"idse agents assign {stage} AGENT", "idse agents list")
        )
    key = run.session(session)
    changed = assign_stage(run.app.agents.handing_over(), key, stage, agent, reason)
    done = f"{'/'.join(key)}: {stage} is assigned to {agent or 'nobody'}"
    return Answer(lines=[Said(done if changed else "nothing changed")])


@options.command("import")
@click.argument("file", metavar="FILE|-", type=click.Path())
@options.flag("--replace", help="Take the file as it is, whatever it was made from.")
@options.reason_option
def import_agents(run: Run, file: str, reason: str, *, replace: bool) -> Answer:
    """Take the registry over from a file in the format of agent_registry.json; - reads standard input.

    A file that is an edited view (it names the ledger commit it was written from) changes what it changed,
    and leaves what others changed since. A file that names none is the registry as it shall be.
    """
    from idse_orchestrator.agents.change_registry import STANDARD_INPUT, import_registry

    project = run.project
    where = STANDARD_INPUT if file == "-" else file
    changed = import_registry(
        run.app.agents.keeper, project, _content(file), where, replace=replace, reason=reason
    )
    return _answer(changed)


def _content(file: str) -> bytes:
    """Reads at most one byte more than a registry may have."""
    from idse_orchestrator.agents.registry_schema import MAX_FILE_BYTES

    if file == "-":
        return sys.stdin.buffer.read(MAX_FILE_BYTES + 1)
    try:
        with open(file, "rb") as stream:
            return stream.read(MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as error:
        raise StorageError(
            "this file cannot be read",
            where=os.fsdecode(file),
            cause=getattr(error, "strerror", None) or str(error),
            fix=("idse agents schema  # says what such a file holds",),
        ) from error


COMMANDS = (add_agent, remove_agent, set_agent, set_mode, set_role, move_agent, assign, import_agents)
