"""The process that keeps the projection up to date, beside the server: no database can hold up a push.

It answers on a socket that only its user can open. One thread listens, and always answers; the other one
reads git and writes tables. Pushes go before everything else, then comes whatever a look at all repositories
finds: after the start, every few minutes, with a new day, and as soon as a database that failed works again.

`serve` starts it, and it ends with `serve`: its standard input is a pipe that closes then.
"""

from __future__ import annotations

import json
import os
import queue
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any

from idse_orchestrator.base.names import BLUEPRINT, loaded
from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.constitution.in_force import installed_checks
from idse_orchestrator.errors import IdseError
from idse_orchestrator.git.libgit2 import libgit2
from idse_orchestrator.ledger.refs import PROJECTS
from idse_orchestrator.server.model.names import Place
from idse_orchestrator.server.projection.opening import open_store
from idse_orchestrator.server.projection.project import Projector
from idse_orchestrator.server.tenants.admin import Admin
from idse_orchestrator.server.tenants.home import Home

if TYPE_CHECKING:
    from idse_orchestrator.server.projection.store import Store

EVERY_SECONDS = 300.0
_SHARE = 0.01
"""Looks at everything come less often where they would take more of a core than this."""
_GLANCE_SECONDS = 2.0
"""So often an idle process looks for what nobody tells it of: tables that somebody deleted, and clients and
repositories that were renamed or deleted."""
_OF_A_REPOSITORY = (IdseError, OSError, ValueError)
"""What may be wrong with one repository, and with the database as well."""
_PAUSES = (1.0, 2.0, 5.0, 10.0, 30.0)
"""Seconds until a database that failed is tried again."""
_LONGEST = 64 * 1024 * 1024
_SECONDS_OF_A_REQUEST = 5.0
WELL = "ok"


class State(NamedTuple):
    """How the projection stands: WELL, or what is the matter; and how many refs it is known to lack."""

    words: str
    lag: int


class _Push(NamedTuple):
    """Refs that moved, and who waits to hear that they are written."""

    place: Place
    refs: tuple[str, ...]
    waits: socket.socket


class Worker:
    """Does the work, in a thread of its own."""

    def __init__(self, projector: Projector, admin: Admin) -> None:
        self._projector = projector
        self._admin = admin
        self._pushes: queue.SimpleQueue[_Push] = queue.SimpleQueue()
        self._counting = threading.Lock()
        self._words = "it is being looked at"
        self._waiting = self._missed = self._left = self._failures = 0
        self._has_tables = False
        self._due = 0.0
        self._spent = 0.0
        self._round: Iterator[int] | None = None
        self._is_full = False
        self._again: list[Place] = []

    @property
    def state(self) -> State:
        """How it stands at this moment."""
        return State(self._words, self._waiting + self._missed + self._left)

    def push(self, place: Place, refs: tuple[str, ...], waits: socket.socket) -> None:
        """Takes note of refs that moved; `waits` is answered once they are written, or come later."""
        with self._counting:
            self._waiting += len(refs)
        self._pushes.put(_Push(place, refs, waits))

    def run(self) -> None:
        """Works for ever."""
        while True:
            push = self._next()
            try:
                if push is not None:
                    self._follow(push)
                else:
                    self._go_on()
            except Exception as error:  # noqa: BLE001 - whatever it is, the next look may go well
                self._failed(error)

    def _next(self) -> _Push | None:
        is_busy = self._round is not None or (self._again and not self._failures)
        wait = 0.0 if is_busy else max(min(self._due - time.monotonic(), _GLANCE_SECONDS), 0.0)
        with suppress(queue.Empty):
            return self._pushes.get(timeout=wait) if wait else self._pushes.get_nowait()
        return None

    def _follow(self, push: _Push) -> None:
        is_written = False
        try:
            if self._has_tables:  # or a look at everything finds them
                self._projector.follow(self._admin.repository(push.place), push.refs)
                is_written = True
        except _OF_A_REPOSITORY as error:
            if self._is_of_database(error):
                raise
            self._due = min(self._due, time.monotonic() + EVERY_SECONDS / 10)  # it may just be moving
        finally:
            with self._counting:
                self._waiting -= len(push.refs)
            self._missed += 0 if is_written else len(push.refs)
            with suppress(OSError), push.waits:
                push.waits.sendall(json.dumps({"done": is_written}).encode() + b"\n")
        if any(map(_judges_others, push.refs)) and push.place not in self._again:
            self._again.append(push.place)

    def _go_on(self) -> None:
        """Does the next portion of a look, and begins one where it is time."""
        if self._round is None:
            is_lost = self._has_tables and not self._projector.store.is_current()
            self._is_full = is_lost or time.monotonic() >= self._due
            if not self._is_full and not self._again:
                if self._has_tables and self._projector.has_other_tenants():
                    self._projector.copy_tenants()
                return
            self._spent = _cpu_seconds()
            self._round = self._everything() if self._is_full else self._one(self._again.pop(0))
        left = next(self._round, None)
        if left is not None:
            self._left = left
            return
        self._round, self._left = None, 0
        if self._is_full:
            self._missed = self._failures = 0
            pause = max(EVERY_SECONDS, (_cpu_seconds() - self._spent) / _SHARE)
            self._due = time.monotonic() + min(pause, _seconds_of_the_day_left())

    def _one(self, place: Place) -> Iterator[int]:
        try:
            yield from self._projector.reconcile(self._admin.repository(place))
        except _OF_A_REPOSITORY as error:
            if self._is_of_database(error):
                raise

    def _everything(self) -> Iterator[int]:
        """Looks at all repositories. What is wrong with one keeps no other from being looked at."""
        store = self._projector.store
        if not store.is_current():
            self._words = "it is being built"
            store.make()
        self._has_tables = True
        self._projector.copy_tenants()
        words = WELL
        for repository in self._admin.repositories():
            try:
                for left in self._projector.reconcile(repository):
                    if self._words != WELL:
                        self._words = f"it is being built: {left:,} refs of a repository to go"
                    yield left
            except _OF_A_REPOSITORY as error:
                if self._is_of_database(error):
                    raise
                words = f"a repository cannot be read: {_words_of(error)}"
        self._words = words

    def _is_of_database(self, error: Exception) -> bool:
        return isinstance(error, IdseError) and error.where == self._projector.store.where

    def _failed(self, error: Exception) -> None:
        """Says what is wrong, and looks at everything again after a pause."""
        self._words = _words_of(error)
        self._round, self._has_tables = None, False
        self._due = time.monotonic() + _PAUSES[min(self._failures, len(_PAUSES) - 1)]
        self._failures += 1
        with suppress(Exception):
            self._projector.store.close()


def _words_of(error: Exception) -> str:
    if isinstance(error, IdseError):
        return ": ".join(filter(None, (error.message, error.cause)))
    return repr(error)


def _judges_others(ref: str) -> bool:
    """Tests whether other sessions are judged by what a ref holds: a project's rules, or its blueprint."""
    return ref.startswith(PROJECTS) or ref.endswith(f"/{BLUEPRINT}")


def _cpu_seconds() -> float:
    """Returns what this process and those that it started have used of the processors."""
    return sum(os.times()[:4])


def _seconds_of_the_day_left() -> float:
    return 86_401.0 - time.time() % 86_400.0


def listen(listener: socket.socket, worker: Worker) -> None:
    """Answers on `listener` until standard input ends."""
    gone = sys.stdin.fileno()
    while True:
        readable, _, _ = select.select([listener, gone], [], [])
        if gone in readable:
            return
        with suppress(OSError):
            connection, _ = listener.accept()
            threading.Thread(target=_answer, args=(connection, worker), daemon=True).start()


def _answer(connection: socket.socket, worker: Worker) -> None:
    with suppress(OSError, ValueError, KeyError, TypeError):
        connection.settimeout(_SECONDS_OF_A_REQUEST)
        asked: Mapping[str, Any] = json.loads(_line(connection))
        if "refs" in asked:
            worker.push(Place(*asked["place"]), tuple(map(str, asked["refs"])), connection)
            return
        with connection:
            connection.sendall(json.dumps(worker.state._asdict()).encode() + b"\n")


def _line(connection: socket.socket) -> bytes:
    data = b""
    while not data.endswith(b"\n") and len(data) < _LONGEST:
        part = connection.recv(1 << 20)
        if not part:
            raise ConnectionError
        data += part
    return data


def listening_at(path: str) -> socket.socket:
    """Makes the socket, which only this user can open, in the place of one that was left."""
    with suppress(FileNotFoundError):
        os.unlink(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        listener.bind(path)
    finally:
        os.umask(before)
    listener.listen(128)
    return listener


def main() -> None:
    """Runs the process. Its first line of input says what it has to know: no argument holds a secret."""
    given = json.loads(sys.stdin.readline())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a key in the terminal is for `serve`, which drains first
    home = Home(given["home"])
    admin = Admin(home.admin_db)
    kinds = loaded(given["kinds"])
    libgit2()  # before there are threads
    store: Store = open_store(home, given["engine"], given["variables"])
    projector = Projector(home, admin, store, kinds, installed_checks(given["checks"]))
    worker = Worker(projector, admin)
    with closing(listening_at(given["socket"])) as listener:
        threading.Thread(target=worker.run, daemon=True).start()
        listen(listener, worker)
    os._exit(0)  # what the worker is at is undone by its database


if __name__ == "__main__":
    main()
