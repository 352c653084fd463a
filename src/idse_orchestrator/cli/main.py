"""The entry point: choose a command, run it, and turn whatever happens into an exit code."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, NoReturn

from idse_orchestrator.cli.hot import HOT, run_hot
from idse_orchestrator.cli.terminal import cannot_write, flush_streams, open_standard_streams
from idse_orchestrator.errors import EXIT_INTERRUPTED, EXIT_OK, IdseError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeVar

    import click

    Failure = TypeVar("Failure", bound=Exception)


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
        sys.stderr.write("\ninterrupted\n")
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
