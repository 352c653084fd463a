"""A running git, watched until it ends or has been silent for too long.

A helper that git started may outlive it and hold its standard error open, as an ssh that stays for
the next connection does. So the end is git's own end, not that of everybody who could still write.
"""

from __future__ import annotations

import os
import selectors
import signal
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from idse_orchestrator.base.records import NamedTuple

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

One = TypeVar("One")
Other = TypeVar("Other")

_CHUNK = 1 << 16
_MERCY = 3.0
"""Seconds between asking git to end and ending it: it removes its temporary files meanwhile."""
_GLANCE = 0.05
_MOST_WORDS = 1 << 23
"""Bytes of standard error that are kept, the first and the last: another side may talk without end."""


class Watched(NamedTuple):
    """What a git did. `silent`: it was ended because it said nothing for too long."""

    returncode: int
    stdout: bytes
    stderr: bytes
    silent: bool


def watched(
    child: subprocess.Popen[bytes],
    stdin: bytes,
    patience: float,
    on_words: Callable[[bytes], None] | None,
    *,
    alone: bool,
) -> Watched:
    """Feeds `child`, read what it writes, and see to it that it ends; see `Git.watch`."""
    feeder = threading.Thread(target=_feed, args=(child, stdin), daemon=True)
    feeder.start()
    out, words = bytearray(), bytearray()

    def on_error(data: bytes) -> None:
        words.extend(data)
        if len(words) > _MOST_WORDS:
            del words[_MOST_WORDS // 4 : -_MOST_WORDS // 4]
        if on_words is not None:
            on_words(data)

    silent = True
    try:
        silent = _read(child, patience, out.extend, on_error)
    finally:
        if silent or not _has_ended(child):
            _end(child, alone=alone)
        for pipe in (child.stdout, child.stderr):
            pipe.close()  # type: ignore[union-attr] # both were asked for
    feeder.join(_MERCY)
    return Watched(child.returncode, bytes(out), bytes(words), silent)


def abandon(child: subprocess.Popen[bytes], *, alone: bool) -> None:
    """Ends `child`, whatever it would still say."""
    _end(child, alone=alone)
    for pipe in (child.stdin, child.stdout, child.stderr):
        with suppress(OSError):
            pipe.close()  # type: ignore[union-attr] # all were asked for


def _feed(child: subprocess.Popen[bytes], stdin: bytes) -> None:
    with suppress(OSError, ValueError):  # git needs no more of it, or has ended
        child.stdin.write(stdin)  # type: ignore[union-attr] # a pipe was asked for
    with suppress(OSError, ValueError):
        child.stdin.close()  # type: ignore[union-attr] # the same


def _read(
    child: subprocess.Popen[bytes],
    patience: float,
    on_data: Callable[[bytes], None],
    on_error: Callable[[bytes], None],
) -> bool:
    """Reads both streams until git has ended; True where it was silent for `patience` seconds."""
    deadline = time.monotonic() + patience
    with selectors.DefaultSelector() as streams:
        streams.register(child.stdout, selectors.EVENT_READ, on_data)  # type: ignore[arg-type]
        streams.register(child.stderr, selectors.EVENT_READ, on_error)  # type: ignore[arg-type]
        while streams.get_map():
            closing = len(streams.get_map()) == 1
            ready = streams.select(_GLANCE if closing else max(0.0, deadline - time.monotonic()))
            for key, _ in ready:
                data = os.read(key.fd, _CHUNK)
                if data:
                    key.data(data)
                    deadline = time.monotonic() + patience
                else:
                    streams.unregister(key.fileobj)
            if not ready and child.poll() is not None:
                return False
            if not ready and time.monotonic() >= deadline:
                return True
    return False


def _has_ended(child: subprocess.Popen[bytes]) -> bool:
    """Tests whether a git that closed its streams is over, too, as it soon should be."""
    deadline, glance = time.monotonic() + _MERCY, _GLANCE / 1000
    while child.poll() is None and time.monotonic() < deadline:
        time.sleep(glance)
        glance = min(glance * 2, _GLANCE)
    return child.returncode is not None


def _end(child: subprocess.Popen[bytes], *, alone: bool) -> None:
    """Ends git; where it has a process group of its own, with all that it started."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(child.pid, number) if alone else child.send_signal(number)
        _has_ended(child)


class Beside:
    """Runs one piece of work at a time in a thread: it waits for git, as the main one does."""

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None
        self._error: Exception | None = None

    def start(self, work: Callable[[], object]) -> None:
        """Begins `work` when what was begun before has ended."""
        self.wait()
        self._thread = threading.Thread(target=self._run, args=(work,))
        self._thread.start()

    def wait(self) -> None:
        """Returns when nothing runs any more; raises what the work raised."""
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.join()
        error, self._error = self._error, None
        if error is not None:
            raise error

    def _run(self, work: Callable[[], object]) -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001 - `wait` raises it
            self._error = error


def at_once(one: Callable[[], One], other: Callable[[], Other]) -> tuple[One, Other]:
    """Returns what `one` and `other` return, each of which waits for a git of its own."""
    beside = Beside()
    found: list[One] = []
    beside.start(lambda: found.append(one()))
    try:
        rest = other()
    finally:
        beside.wait()
    return found[0], rest
