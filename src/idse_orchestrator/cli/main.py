"""The entry point: choose a command, run it, and turn whatever happens into an exit code."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from idse_orchestrator.cli.terminal import (
    Answer,
    Run,
    Terminal,
    cannot_write,
    flush_streams,
    open_standard_streams,
    tell,
)
from idse_orchestrator.errors import EXIT_INTERRUPTED, EXIT_OK, IdseError

if TYPE_CHECKING:
    from typing import TypeVar

    import click

    Failure = TypeVar("Failure", bound=Exception)

_FLAGS = {"--json": "as_json", "-q": "quiet", "--quiet": "quiet"}
_VALUES = {"--color": "color"}
_PROJECT = {"--project": "project"}


def run_hot(argv: Sequence[str]) -> int | None:
    """Runs `argv` if it is a plain form of a hot command, and returns its exit code; None if it is not."""
    gc.disable()  # a hot command ends before there is anything worth collecting
    return _HOT[argv[0]](argv[1:])


def _status(words: Sequence[str]) -> int | None:
    options = _parsed(words, {**_FLAGS, "--all": "all_sessions"}, {**_VALUES, **_PROJECT})
    if options is None:
        return None
    from idse_orchestrator.cli.commands.status import show_status

    return _shown(show_status, options)


def _next(words: Sequence[str]) -> int | None:
    options = _parsed(words, _FLAGS, {**_VALUES, **_PROJECT})
    if options is None:
        return None
    from idse_orchestrator.cli.commands.status import show_next

    return _shown(show_next, options)


def _hook(words: Sequence[str]) -> int | None:
    if not words or words[0].startswith("-"):
        return None
    from idse_orchestrator.cli.commands.hook import run

    return run(Run(Terminal()), words[0], words[1:])


def _sync(words: Sequence[str]) -> int | None:
    """Runs plain ``sync push`` and ``sync pull``: mostly they find nothing to do."""
    options = _parsed(words[1:], _FLAGS, _VALUES) if words[:1] in (["push"], ["pull"]) else None
    if options is None:
        return None
    from idse_orchestrator.cli.commands.sync import pull, push

    return _shown(push if words[0] == "push" else pull, options)


def _compile(words: Sequence[str]) -> int | None:
    """Runs plain ``compile agent-spec`` of one session: builds call it, once for each agent."""
    if words[:1] != ["agent-spec"]:
        return None
    from idse_orchestrator.cli.compiling import PLAIN_FLAGS, PLAIN_VALUES, CompileOptions, agent_spec
    from idse_orchestrator.profiles.file import FORMATS

    options = _parsed(words[1:], PLAIN_FLAGS, PLAIN_VALUES)
    if options is None or options.get("form", FORMATS[0]) not in FORMATS:
        return None
    return Terminal().show(agent_spec(Run(Terminal()), CompileOptions(**options)))


def _route(words: Sequence[str]) -> int | None:
    """Runs plain ``agents route STAGE``: agents ask it before they act."""
    if words[:1] != ["route"] or len(words) == 1 or words[1].startswith("-"):
        return None
    options = _parsed(words[2:], _FLAGS, {**_VALUES, **_PROJECT, "--session": "session"})
    if options is None:
        return None
    from idse_orchestrator.cli.render.agents import route_answer

    return _shown(route_answer, {"stage": words[1], **options})


_HOT: Mapping[str, Callable[[Sequence[str]], int | None]] = {
    "status": _status,
    "next": _next,
    "hook": _hook,
    "sync": _sync,
    "compile": _compile,
    "agents": _route,
}
HOT = frozenset(_HOT)


def _shown(function: Callable[..., Answer], options: dict[str, Any]) -> int:
    terminal = Terminal(
        color=options.pop("color", "auto"),
        quiet=options.pop("quiet", False),
        as_json=options.pop("as_json", False),
    )
    return terminal.show(function(Run(terminal, options.pop("project", None)), **options))


def _parsed(
    words: Sequence[str], flags: Mapping[str, str], values: Mapping[str, str]
) -> dict[str, Any] | None:
    """Reads options; None where there is one that only click knows, or knows how to refuse."""
    options: dict[str, Any] = {}
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word in flags:
            options[flags[word]] = True
        elif word in values and rest and not rest[0].startswith("-"):
            options[values[word]] = rest.pop(0)
        else:
            return None
    return options if options.get("color", "auto") in ("auto", "always", "never") else None


_COMPLETION = "_IDSE_COMPLETE"
"""Set by a shell that wants to know how a line can go on; see `cli.commands.completion`."""


def main() -> NoReturn:
    """Run ``idse`` with this process's arguments and leave with its exit code."""
    open_standard_streams()
    code = run(sys.argv[1:])
    _leave(code)


def cli() -> click.Group:
    """The click tree of all commands: for help, completion and the generated reference."""
    from idse_orchestrator.cli.group import root

    return root()


def run(argv: Sequence[str]) -> int:
    """Run one command line and return its exit code. Nothing escapes but SystemExit."""
    try:
        return _answer(argv)
    except IdseError as error:
        from idse_orchestrator.cli.failure import report_error

        return _told(report_error, error, argv)
    except KeyboardInterrupt:
        tell("\ninterrupted")
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        return EXIT_OK  # the reader has seen enough, as with `idse log | head`
    except Exception as error:  # noqa: BLE001 - the last line of defence: a bug, told as one
        if isinstance(error, OSError) and cannot_write(error):
            return flush_streams(error)
        from idse_orchestrator.cli.failure import report_bug

        return _told(report_bug, error, argv)


def _told(report: Callable[[Failure, Sequence[str]], int], error: Failure, argv: Sequence[str]) -> int:
    """The exit code of `report`; where nobody can be told any more, the code alone has to do."""
    try:
        return report(error, argv)
    except OSError as unwritable:
        return flush_streams(unwritable)


def _answer(argv: Sequence[str]) -> int:
    if not argv and _COMPLETION in os.environ:
        from idse_orchestrator.cli.commands.completion import answer_shell

        return answer_shell()
    code = run_hot(argv) if argv and argv[0] in HOT else None
    if code is not None:
        return code
    from idse_orchestrator.cli.group import run_with_click

    return run_with_click(argv)


def _leave(code: int) -> NoReturn:
    """End at once once everything is written: tearing Python down would cost a few milliseconds."""
    code = flush_streams() or code
    if (
        "COVERAGE_PROCESS_START" in os.environ
        or "COV_CORE_SOURCE" in os.environ
        or "COVERAGE_PROCESS_CONFIG" in os.environ
    ):
        sys.exit(code)  # coverage writes its data when Python is torn down
    os._exit(code)
