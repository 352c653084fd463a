"""``idse switch``: work on another session in this work tree."""

from __future__ import annotations

from typing import TYPE_CHECKING

from idse_orchestrator.cli.switching import switch_command

if TYPE_CHECKING:
    import click


def build() -> click.Command:
    """The click command."""
    return switch_command()
