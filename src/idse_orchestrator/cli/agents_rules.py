"""``idse agents rule add|remove|list``: the rules of handing over."""

from __future__ import annotations

from collections.abc import Callable

import click

from idse_orchestrator.agents import registry_changes
from idse_orchestrator.agents.registry import HandoffRule, rule_to_dict
from idse_orchestrator.cli import completion_values
from idse_orchestrator.cli.agents_reading import registry_of
from idse_orchestrator.cli.agents_writing import change, reason_option
from idse_orchestrator.cli.options import command
from idse_orchestrator.cli.render.agents import rule_line
from idse_orchestrator.cli.render.envelope import envelope
from idse_orchestrator.cli.render.style import printable
from idse_orchestrator.cli.run import Run

_ENDS = (
    click.argument("from_stage", metavar="STAGE", shell_complete=completion_values.stages),
    click.argument("from_agent", metavar="AGENT", shell_complete=completion_values.agents),
    click.argument("to_stage", metavar="STAGE", shell_complete=completion_values.stages),
    click.argument("to_agent", metavar="AGENT", shell_complete=completion_values.agents),
)


def _ends(function: Callable[..., None]) -> Callable[..., None]:
    for argument in reversed(_ENDS):
        function = argument(function)
    return function


@command("add")
@_ends
@click.option("--requires-approval", is_flag=True, help="A person has to approve each such handoff.")
@reason_option
def add_rule(run: Run, reason: str, *, requires_approval: bool, **ends: str) -> None:
    """Add a rule: when AGENT is done with STAGE, the second AGENT goes on with the second STAGE.

    Said again it changes whether it requires approval. Rules that lead round in a circle are refused; one
    from feedback to an earlier stage begins the next pass, and closes no circle.
    """
    rule = HandoffRule(**ends, requires_approval=requires_approval)
    change(run, lambda registry: registry_changes.adding_rule(registry, rule), reason)


@command("remove")
@_ends
@reason_option
def remove_rule(run: Run, reason: str, **ends: str) -> None:
    """Remove a rule."""
    rule = HandoffRule(**ends, requires_approval=False)
    change(run, lambda registry: registry_changes.removing_rule(registry, rule), reason)


@command("list", reads=True)
def list_rules(run: Run) -> None:
    """List the rules of handing over."""
    project = run.project
    rules = registry_of(run, project).handoff_rules
    if run.terminal.as_json:
        data = {"project": project, "handoff_rules": [rule_to_dict(rule) for rule in rules]}
        run.terminal.data(envelope("idse.agents-rule-list/1", data))
        return
    for rule in rules:
        run.terminal.data(printable(rule_line(rule)))
    if not rules:
        run.terminal.say("there is no handoff rule yet: idse agents rule add STAGE AGENT STAGE AGENT")


def rule_group() -> click.Group:
    """The click group."""
    group = click.Group("rule", help="The rules of handing a stage over.")
    for each in (add_rule, remove_rule, list_rules):
        group.add_command(each)
    return group
