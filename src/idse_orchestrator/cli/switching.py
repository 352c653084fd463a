"""Switching from the command line: ``idse switch NAME`` and ``idse session switch NAME``."""

from __future__ import annotations

import click

from idse_orchestrator.cli import completion_values
from idse_orchestrator.cli.options import command
from idse_orchestrator.cli.run import Run
from idse_orchestrator.sessions.create_session import switch_session


def switch_command() -> click.Command:
    """A command that makes another session the current one of this work tree."""
    return _switch


@command("switch")
@click.argument("name", shell_complete=completion_values.sessions)
def _switch(run: Run, name: str) -> int:
    """Make NAME (a session, or project/session) the current session of this work tree."""
    key = run.session(name)
    changed = switch_session(run.app.workspace, run.app.views, key)
    run.terminal.say(f"{'switched to' if changed else 'already on'} {'/'.join(key)}")
    return 0
