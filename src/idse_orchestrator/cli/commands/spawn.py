"""``idse spawn``: make a session and switch to it."""

from __future__ import annotations

import click

from idse_orchestrator.cli.spawning import spawn_command


def build() -> click.Command:
    """The click command."""
    return spawn_command("spawn", switches=True)
