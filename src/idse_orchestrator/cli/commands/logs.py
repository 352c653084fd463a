"""``idse logs``: what an attempt on a task printed, also while it still does."""

from __future__ import annotations

import os
import sys
import time
from codecs import getincrementaldecoder
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from idse_orchestrator.cli.terminal import Answer
from idse_orchestrator.errors import EXIT_OK, UnknownNameError

if TYPE_CHECKING:
    import click

    from idse_orchestrator.cli.terminal import Run

_PAUSE = 0.2
_CHUNK = 1 << 16


def show_log(run: Run, *, task: str, attempt: int | None, follow: bool, session: str | None) -> Answer | int:
    """Show what the last attempt on a task printed: its first MiB and its last four.

    What agents print is shown without whatever could drive a terminal. Logs stay on this machine.
    """
    from idse_orchestrator.runner.task_handler import log_path
    from idse_orchestrator.tasks.words import HELD
    from idse_orchestrator.wiring.running import logs_of
    from idse_orchestrator.wiring.tasks import task_queue

    key = run.session(session)
    queue = task_queue(run.app.vault, run.app.acting)
    state = queue.state(*key, task)
    number = attempt or state.attempt
    path = log_path(logs_of(run.app), state, number)
    if not os.path.exists(path):
        raise UnknownNameError(
            f"there is no log of attempt {number} of {state.task}"
            if number
            else f"nobody worked on {state.task}",
            fix=(f"idse task log {state.task}",),
        )

    def goes_on() -> bool:
        now = queue.state(*key, task)
        return follow and now.state == HELD and now.attempt == number

    decoder = getincrementaldecoder("utf-8")("replace")
    try:
        for chunk in chunks_of(path, goes_on):
            sys.stdout.write(decoder.decode(chunk))
            sys.stdout.flush()
        sys.stdout.write(decoder.decode(b"", final=True))
    except KeyboardInterrupt:
        return EXIT_OK
    return EXIT_OK


def chunks_of(path: str, goes_on: Callable[[], bool]) -> Iterator[bytes]:
    """Yields what the log at `path` holds, and as long as it `goes_on` what is added to it."""
    from idse_orchestrator.runner.work.log_file import HEAD_BYTES, MORE

    with open(path, "rb") as file:
        while True:
            is_going = goes_on()
            yield from iter(lambda: file.read(_CHUNK), b"")
            if os.path.exists(path + MORE) and file.tell() >= HEAD_BYTES:
                break
            if not is_going:
                return
            time.sleep(_PAUSE)
    yield from _more_of(path + MORE, goes_on)


def _more_of(path: str, goes_on: Callable[[], bool]) -> Iterator[bytes]:
    """Yields what came after the beginning. When the file is cut, another one takes its place."""
    while True:
        try:
            file = open(path, "rb")  # noqa: SIM115 - closed below
        except FileNotFoundError:
            return
        with file:
            inode = os.fstat(file.fileno()).st_ino
            while True:
                is_there = _inode(path) == inode
                is_going = goes_on()
                yield from iter(lambda: file.read(_CHUNK), b"")  # noqa: B023 - read at once
                if not is_there:
                    break
                if not is_going:
                    return
                time.sleep(_PAUSE)
        if _inode(path):
            yield b"\n... some of it was left out ...\n"


def _inode(path: str) -> int:
    try:
        return os.stat(path).st_ino
    except OSError:
        return 0


def logs() -> click.Command:
    """Makes the click command."""
    import click

    from idse_orchestrator.cli.options import command, flag, session_option

    return command(
        "logs",
        click.argument("task", metavar="TASK"),
        click.option(
            "--attempt", type=click.IntRange(1), metavar="N", help="Not the last attempt, but this one."
        ),
        flag("-f", "--follow", help="Go on as long as somebody works on it."),
        session_option,
    )(show_log)
