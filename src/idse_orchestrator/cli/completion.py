"""The shells' side of completion: the script each of them loads, and the answers to its questions.

The scripts and the protocol are click's. A shell that asks is in the middle of a line somebody types, so
nothing but suggestions may ever be printed.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from contextlib import redirect_stderr
from types import MappingProxyType

from click.shell_completion import ShellComplete, get_completion_class

from idse_orchestrator.cli.group import root
from idse_orchestrator.errors import EXIT_OK, UsageError

PROGRAM = "idse"
COMPLETE_VARIABLE = f"_{PROGRAM.upper()}_COMPLETE"
"""What the scripts set when they ask; its value says which shell asks, and what."""

START_FILES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "bash": ("~/.bashrc", 'eval "$(idse completion bash)"'),
        "zsh": ("~/.zshrc", 'eval "$(idse completion zsh)"'),
        "fish": ("~/.config/fish/config.fish", "idse completion fish | source"),
    }
)
"""Shell to the file it reads when it starts, and the line that loads the script there."""


def completion_script(shell: str) -> str:
    """The script that teaches `shell` ("bash", "zsh" or "fish") to complete idse's command line."""
    # click's own source() of bash starts a bash to look at its version; a script may be for another machine.
    return ShellComplete.source(_shell(shell))


def answer_shell() -> int:
    """Print the suggestions that a shell asks for in the environment; nothing on any failure."""
    shell, _, question = os.environ[COMPLETE_VARIABLE].partition("_")
    try:
        with open(os.devnull, "w", encoding="utf-8") as nowhere, redirect_stderr(nowhere):
            asked = _shell(shell)
            answer = asked.complete() if question == "complete" else ShellComplete.source(asked)
    except Exception:  # noqa: BLE001 - see the top of this file
        return EXIT_OK
    if answer:
        sys.stdout.write(answer + "\n")
    return EXIT_OK


def _shell(name: str) -> ShellComplete:
    known = get_completion_class(name)
    if known is None:
        raise UsageError(f"no completion for the shell {name!r}", fix=("idse completion bash",))
    return known(root(), {}, PROGRAM, COMPLETE_VARIABLE)
