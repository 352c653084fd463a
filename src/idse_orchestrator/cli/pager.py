"""The pager: git's choice of program, and only where a person looks.

Output goes to it by replacing `sys.stdout` for the length of a block, so that commands print as
ever. A reader who quits early has seen enough; that is no error.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING, Any

import click

from idse_orchestrator.cli.streams import PagerDoor, pager_door
from idse_orchestrator.errors import NotARepositoryError

if TYPE_CHECKING:
    from idse_orchestrator.cli.terminal import Run

_DEFAULTS = {"LESS": "FRX", "LV": "-c"}
_SHELL = frozenset("|&;<>()$`\\\"' \t\n*?[#~=%")


def pager_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Adds ``--no-pager`` to a command; it arrives as ``pager``, True unless given."""
    option = click.option("--no-pager", "pager", is_flag=True, flag_value=False, default=True,
                          help="Print straight to the terminal.")  # fmt: skip
    return option(function)


@contextmanager
def paged(run: Run, *, wanted: bool = True) -> Iterator[None]:
    """Sends standard output through the pager inside the block, if `wanted` and on a terminal."""
    program = _program(run) if wanted and sys.stdout.isatty() else ""
    child = _started(program) if program else None
    if child is None:
        with _quiet_when_nobody_reads():
            yield
        return
    assert child.stdin is not None  # noqa: S101 - it was asked for
    pipe = pager_door(child.stdin)
    terminal, sys.stdout = sys.stdout, pipe
    try:
        with _quiet_when_nobody_reads():
            yield
    finally:
        sys.stdout = terminal
        _finish(pipe, child)


def _program(run: Run) -> str:
    """Names the program that git would use; "" for none."""
    try:
        app = run.app if run.app.has_git else None
    except NotARepositoryError:
        app = None
    if app is None:
        program = os.environ.get("PAGER", "less")
    else:
        done = app.work_tree.git.attempt("var", "GIT_PAGER")
        program = done.stdout.decode("utf-8", "surrogateescape").strip() if done.returncode == 0 else ""
    if program in ("", "cat"):
        return ""
    return program if _SHELL & set(program) or shutil.which(program) else ""


def _started(program: str) -> subprocess.Popen[bytes] | None:
    environment = {**_DEFAULTS, **os.environ}
    try:
        return subprocess.Popen(program, shell=True, stdin=subprocess.PIPE, env=environment)  # noqa: S602 - the user's own setting, run as git runs it
    except OSError:
        return None


def _finish(pipe: IO[str], child: subprocess.Popen[bytes]) -> None:
    """Closes the pipe and waits until the reader leaves; ^C is for the pager then."""
    with suppress(BrokenPipeError):  # the reader may have left already
        pipe.close()
    while True:
        try:
            child.wait()
        except KeyboardInterrupt:
            continue
        return


@contextmanager
def _quiet_when_nobody_reads() -> Iterator[None]:
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        if not isinstance(sys.stdout, PagerDoor):
            raise  # `main` ends the run
