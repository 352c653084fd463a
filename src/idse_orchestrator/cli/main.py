"""The entry point: choose a command, run it, and turn whatever happens into an exit code."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NoReturn

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.cli.streams import PRINTED_IN, cannot_write, flush_streams, open_standard_streams, tell
from idse_orchestrator.cli.terminal import Run, Terminal
from idse_orchestrator.errors import EXIT_INTERRUPTED, EXIT_OK, IdseError

if TYPE_CHECKING:
    import click

_FLAGS = {"--json": "as_json", "-q": "quiet", "--quiet": "quiet"}
_COLOR = {"--color": "color"}
_VALUES = {**_COLOR, "--project": "project"}
_COMPILE_FLAGS = {"--check": "check", "--dry-run": "dry_run", "-n": "dry_run", "--force": "force"}
_COMPILE_VALUES = {"--session": "session", "--blueprint": "blueprint", "--out": "out", "--format": "form"}
_CHOICES = {"color": ("auto", "always", "never"), "form": ("yaml", "json")}


class _Plain(NamedTuple):
    """The plain form of a command: the place of its function, and the options that are read without click.

    `argument` names a word that comes before the options, and must where `is_needed`.
    """

    place: str
    flags: Mapping[str, str] = _FLAGS
    values: Mapping[str, str] = _VALUES
    argument: str = ""
    is_needed: bool = True


_PLAIN = {
    "status": _Plain("commands.status:show_status", {**_FLAGS, "--all": "all_sessions"}),
    "next": _Plain("commands.status:show_next"),
    "instructions": _Plain(
        "commands.instructions:show_instructions", values={**_VALUES, "--session": "session"}
    ),
    "trace": _Plain(
        "commands.trace:show_trace", {**_FLAGS, "--mermaid": "mermaid"}, argument="session", is_needed=False
    ),
    "stage complete": _Plain(
        "stage_moves:complete",
        values={**_VALUES, "--session": "session"},
        argument="stage",
        is_needed=False,
    ),
    "sync push": _Plain("commands.sync:push", values=_COLOR),  # mostly these two find nothing to do
    "sync pull": _Plain("commands.sync:pull", values=_COLOR),
    "compile agent-spec": _Plain("commands.compile:agent_spec", _COMPILE_FLAGS, _COMPILE_VALUES),
    "agents route": _Plain(
        "render.agents:route_answer", values={**_VALUES, "--session": "session"}, argument="stage"
    ),
}
HOT = frozenset({"hook", *(name.partition(" ")[0] for name in _PLAIN)})


def run_hot(argv: Sequence[str]) -> int | None:
    """Runs `argv` if it is a plain form of a hot command, and returns its exit code; None if it is not."""
    gc.disable()  # a hot command ends before there is anything worth collecting
    if argv[0] == "hook":
        return _hook(argv[1:])
    length = 1 if argv[0] in _PLAIN else 2
    plain = _PLAIN.get(" ".join(argv[:length]))
    options = _parsed(argv[length:], plain) if plain else None
    if plain is None or options is None:
        return None
    module, _, name = plain.place.partition(":")
    # importlib would cost half a millisecond.
    function = getattr(__import__(f"idse_orchestrator.cli.{module}", fromlist=[name]), name)
    terminal = Terminal(
        color=options.pop("color", "auto"),
        quiet=options.pop("quiet", False),
        as_json=options.pop("as_json", False),
    )
    return terminal.show(function(Run(terminal, options.pop("project", None)), **options))


def _hook(words: Sequence[str]) -> int | None:
    if not words or words[0].startswith("-"):
        return None
    from idse_orchestrator.cli.commands.hook import run

    return run(Run(Terminal()), words[0], words[1:])


def _parsed(words: Sequence[str], plain: _Plain) -> dict[str, Any] | None:
    """Reads options; None where there is one that only click knows, or knows how to refuse."""
    options: dict[str, Any] = {}
    rest = list(words)
    if plain.argument:
        is_there = bool(rest) and not rest[0].startswith("-")
        if plain.is_needed and not is_there:
            return None
        options[plain.argument] = rest.pop(0) if is_there else None
    while rest:
        word = rest.pop(0)
        if word in plain.flags:
            options[plain.flags[word]] = True
        elif word in plain.values and rest and not rest[0].startswith("-"):
            options[plain.values[word]] = rest.pop(0)
        else:
            return None
    known = all(options.get(name, choices[0]) in choices for name, choices in _CHOICES.items())
    return options if known else None


_COMPLETION = "_IDSE_COMPLETE"
"""Set by a shell that wants to know how a line can go on."""


def main() -> NoReturn:
    """Runs ``idse`` with this process's arguments and leaves with its exit code."""
    if sys.getfilesystemencoding() != "utf-8":
        _start_in_utf8()
    open_standard_streams(sys.argv[1:])
    code = run(sys.argv[1:])
    _leave(code)


def _start_in_utf8() -> None:
    """Starts over in Python's UTF-8 mode; what is printed stays in the encoding of the terminal.

    git's names are UTF-8 in every locale. Read by the locale's encoding, a document beyond ASCII has
    another name than it has in git.
    """
    words = [word.encode(errors="surrogateescape") for word in sys.argv[1:]]
    for number, typed in enumerate(map(os.fsencode, sys.argv[1:])):
        with suppress(UnicodeDecodeError):
            typed.decode("utf-8")
            words[number] = typed  # the name of a file, as the shell found it
    encoding = sys.stdout.encoding if sys.stdout else "utf-8"
    python = sys.orig_argv[1 : len(sys.orig_argv) - len(words)]
    start = [sys.executable, "-X", "utf8", "-X", f"{PRINTED_IN}={encoding}", *python]
    with suppress(OSError):  # where it cannot be found again, it goes on as it is
        os.execv(sys.executable, [*map(os.fsencode, start), *words])  # noqa: S606 - this very program


def cli() -> click.Group:
    """Returns the click tree of all commands: for help, completion and the generated reference."""
    from idse_orchestrator.cli.group import root

    return root()


def run(argv: Sequence[str]) -> int:
    """Runs one command line and returns its exit code. Nothing escapes but SystemExit."""
    try:
        return _answer(argv)
    except IdseError as error:
        from idse_orchestrator.cli.failure import report_error

        return _reported(report_error, error, argv)
    except KeyboardInterrupt:
        tell("\ninterrupted")
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        return EXIT_OK  # the reader has seen enough, as with `idse log | head`
    except Exception as error:  # noqa: BLE001 - the last line of defence: a bug, told as one
        if isinstance(error, OSError) and cannot_write(error):
            return flush_streams(error)
        from idse_orchestrator.cli.failure import report_unexpected

        return _reported(report_unexpected, error, argv)


def _reported(report: Callable[[Any, Sequence[str]], int], error: Exception, argv: Sequence[str]) -> int:
    """Returns the exit code of `report`; where nobody can be told any more, the code alone has to do."""
    try:
        return report(error, argv)
    except OSError as unwritable:
        return flush_streams(unwritable)


def _answer(argv: Sequence[str]) -> int:
    if not argv and _COMPLETION in os.environ:
        from idse_orchestrator.cli.commands.help import answer_shell

        return answer_shell()
    code = run_hot(argv) if argv and argv[0] in HOT else None
    if code is not None:
        return code
    from idse_orchestrator.cli.group import run_with_click

    return run_with_click(argv)


def _leave(code: int) -> NoReturn:
    """Ends at once once everything is written: tearing Python down would cost a few milliseconds."""
    code = flush_streams() or code
    if os.environ.keys() & {"COVERAGE_PROCESS_START", "COV_CORE_SOURCE", "COVERAGE_PROCESS_CONFIG"}:
        sys.exit(code)  # coverage writes its data when Python is torn down
    os._exit(code)
