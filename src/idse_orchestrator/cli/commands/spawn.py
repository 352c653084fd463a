"""``idse spawn``: make a session and switch to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from idse_orchestrator.cli.spawning import spawn_command

if TYPE_CHECKING:
    import click


def build() -> click.Command:
    """The click command."""
    return spawn_command("spawn", switches=True)
