"""Options that commands share, and the decorator that makes a click command of a function."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import click

from idse_orchestrator.cli import completion_values
from idse_orchestrator.cli.run import Run
from idse_orchestrator.cli.terminal import Answer, Terminal
from idse_orchestrator.errors import EXIT_OK

Callback = Callable[..., Answer | int]
"""What a command does: most return an Answer that is printed then; some print, and return an exit code."""


def command(name: str, *, reads: bool = False, project: bool = True) -> Callable[[Callback], click.Command]:
    """Makes a click command of a function ``(run, **options)``.

    Every command has ``--color``, ``-q`` and ``-v``; with `reads` also ``--json``, with `project` also
    ``--project``. The function's docstring is the help.
    """

    def decorate(function: Callback) -> click.Command:
        @functools.wraps(function)
        def callback(**options: Any) -> int:  # noqa: ANN401 - each option has its own type
            return _run(function, options)

        for option in _common(reads=reads, project=project):
            callback = option(callback)
        return click.command(name)(callback)

    return decorate


session_argument = click.argument(
    "session", required=False, metavar="[SESSION]", shell_complete=completion_values.sessions
)
"""A session by name, or by project/session; the current one if left out."""

session_option = click.option(
    "--session",
    metavar="NAME",
    help="Another session than the current one.",
    shell_complete=completion_values.sessions,
)
stage_argument = click.argument("stage", metavar="STAGE", shell_complete=completion_values.stages)
agent_argument = click.argument("agent", metavar="AGENT", shell_complete=completion_values.agents)
reason_option = click.option("-m", "reason", default="", metavar="WHY", help="Why; part of the history.")


def _run(function: Callback, options: dict[str, Any]) -> int:
    terminal = Terminal(
        color=options.pop("color"),
        quiet=options.pop("quiet"),
        verbose=options.pop("verbose"),
        as_json=options.pop("as_json", False),
    )
    run = Run(terminal, options.pop("project", None))
    try:
        answer = function(run, **options)
        return answer if isinstance(answer, int) else terminal.show(answer)
    except BrokenPipeError:
        return EXIT_OK  # the reader has seen enough; click would call that a failure


def _common(*, reads: bool, project: bool) -> list[Callable[[Any], Any]]:
    options = [
        click.option("-v", "--verbose", count=True, help="Say more; -vv shows tracebacks."),
        click.option("-q", "--quiet", is_flag=True, help="Say nothing but data and errors."),
        click.option(
            "--color",
            type=click.Choice(["auto", "always", "never"]),
            default="auto",
            help="When to use colours.",
        ),
    ]
    if project:
        options.append(
            click.option(
                "--project",
                metavar="NAME",
                help="The project to work on.",
                shell_complete=completion_values.projects,
            )
        )
    if reads:
        options.append(click.option("--json", "as_json", is_flag=True, help="Print one JSON document."))
    return options
