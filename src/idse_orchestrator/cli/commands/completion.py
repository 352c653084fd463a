"""`idse completion`: the script that teaches a shell idse's command line."""

from __future__ import annotations

import sys

import click

from idse_orchestrator.cli.completion import START_FILES, completion_script
from idse_orchestrator.cli.options import command
from idse_orchestrator.cli.run import Run


@command("completion", project=False)
@click.argument("shell", type=click.Choice(tuple(START_FILES)))
def completion(run: Run, shell: str) -> None:
    run.terminal.data(completion_script(shell).strip("\n"))
    if sys.stdout.isatty():
        file, line = START_FILES[shell]
        run.terminal.say(f"to load it in every {shell}, put this line into {file}:\n  {line}")


completion.help = (
    "Print the completion script for a shell: commands, options, and the names of sessions, stages and rules."
    "\n\nOne line in the file that the shell reads at its start loads it:\n\n\b\n"
    + "\n".join(f"{file}:  {line}" for file, line in START_FILES.values())
)


def build() -> click.Command:
    """The command."""
    return completion
