"""``idse agents``: who works on the project, and who handles which stage."""

from __future__ import annotations

import click

from idse_orchestrator.cli import agent_files, agents_reading, agents_rules, agents_writing


def build() -> click.Group:
    """The click group. What it lists first is what people ask most."""
    group = click.Group("agents", help="Name the project's agents, and say who handles which stage.")
    own = (*agents_reading.COMMANDS, *agents_writing.COMMANDS, agents_rules.rule_group())
    for each in (*own, *agent_files.COMMANDS):
        group.add_command(each)
    return group
