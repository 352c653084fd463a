"""`idse completion`: the script that teaches a shell idse's command line, and the answers to its questions.

The scripts and the protocol are click's. A shell that asks is in the middle of a line somebody types, so
nothing but suggestions may ever be printed.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from contextlib import redirect_stderr
from types import MappingProxyType

import click
from click.shell_completion import ShellComplete, get_completion_class

from idse_orchestrator.cli.group import root
from idse_orchestrator.cli.options import command
from idse_orchestrator.cli.terminal import Answer, Run, Said
from idse_orchestrator.errors import EXIT_OK, UsageError

_PROGRAM = "idse"
_VARIABLE = f"_{_PROGRAM.upper()}_COMPLETE"
"""What the scripts set when they ask; its value says which shell asks, and what."""

_START_FILES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "bash": ("~/.bashrc", 'eval "$(idse completion bash)"'),
        "zsh": ("~/.zshrc", 'eval "$(idse completion zsh)"'),
        "fish": ("~/.config/fish/config.fish", "idse completion fish | source"),
    }
)
"""Shell to the file it reads when it starts, and the line that loads the script there."""


def _script(shell: str) -> str:
    """Returns the script that teaches `shell` ("bash", "zsh" or "fish") to complete idse's command line."""
    # click's own source() of bash starts a bash to look at its version; a script may be for another machine.
    return ShellComplete.source(_shell(shell))


def answer_shell() -> int:
    """Prints the suggestions that a shell asks for in the environment; nothing on any failure."""
    shell, _, question = os.environ[_VARIABLE].partition("_")
    try:
        with open(os.devnull, "w", encoding="utf-8") as nowhere, redirect_stderr(nowhere):
            asked = _shell(shell)
            answer = asked.complete() if question == "complete" else ShellComplete.source(asked)
    except Exception:  # noqa: BLE001 - a traceback in the middle of a typed line helps nobody
        return EXIT_OK
    if answer:
        sys.stdout.write(answer + "\n")
    return EXIT_OK


def _shell(name: str) -> ShellComplete:
    known = get_completion_class(name)
    if known is None:
        raise UsageError(f"no completion for the shell {name!r}", fix=("idse completion bash",))
    return known(root(), {}, _PROGRAM, _VARIABLE)


def _print(run: Run, shell: str) -> Answer:  # noqa: ARG001 - every command is given its run
    lines = [_script(shell).strip("\n")]
    if sys.stdout.isatty():
        file, line = _START_FILES[shell]
        lines.append(Said(f"to load it in every {shell}, put this line into {file}:\n  {line}"))
    return Answer(lines=lines)


_print.__doc__ = """Print the completion script for a shell.

It completes commands, options, and the names of sessions, stages and rules. One line in the file that the
shell reads when it starts loads it:

\b
""" + "\n".join(f"{file}:  {line}" for file, line in _START_FILES.values())

_argument = click.argument("shell", type=click.Choice(tuple(_START_FILES)))
completion = command("completion", project=False)(_argument(_print))
