"""`idse completion`: the script that teaches a shell idse's command line."""

from __future__ import annotations

import sys

import click

from idse_orchestrator.cli.completion import START_FILES, completion_script
from idse_orchestrator.cli.options import command
from idse_orchestrator.cli.run import Run


def _print(run: Run, shell: str) -> None:
    run.terminal.data(completion_script(shell).strip("\n"))
    if sys.stdout.isatty():
        file, line = START_FILES[shell]
        run.terminal.say(f"to load it in every {shell}, put this line into {file}:\n  {line}")


_print.__doc__ = """Print the completion script for a shell.

It completes commands, options, and the names of sessions, stages and rules. One line in the file that the
shell reads when it starts loads it:

\b
""" + "\n".join(f"{file}:  {line}" for file, line in START_FILES.values())


_argument = click.argument("shell", type=click.Choice(tuple(START_FILES)))
_completion = command("completion", project=False)(_argument(_print))


def build() -> click.Command:
    """The command."""
    return _completion
