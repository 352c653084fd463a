"""How all tasks of a session stand, read once and then kept: only what moved is read again.

The kept file stands below ``<common git dir>/idse/run/board/``. It is derived: a row counts only for the very
commit that it was read from, and whoever deletes the file loses nothing. It is written as Python writes its
own cache of modules, which is read five times as fast as JSON; a checksum tells a damaged one.
"""

from __future__ import annotations

import marshal
import os
import re
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING
from zlib import crc32

from idse_orchestrator.base.files import make_folder, open_or_make, write_atomically
from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.errors import CorruptLedgerError, StorageError
from idse_orchestrator.ledger.events import NotApplied, Tip
from idse_orchestrator.tasks.graph import Graph
from idse_orchestrator.tasks.kind import TASKS
from idse_orchestrator.tasks.state import TaskState
from idse_orchestrator.tasks.words import HELD, READY

if TYPE_CHECKING:
    from collections.abc import Iterator

_FORMAT = (1, TaskState._fields)
_SUM = 8
"""Bytes of the checksum that the file begins with, in hexadecimal."""
_WORTH_KEEPING = 64
"""So many moved tasks are worth a new file; the process that reads them has them in memory anyway."""
_ID = re.compile(rb"[0-9a-f]{40}\n?")

Key = tuple[str, str]
"""(project, session)"""


class Board:
    """The tasks of one session at one moment. `unreadable` are those whose ledger is damaged or newer."""

    def __init__(
        self,
        rows: Mapping[str, Tip[TaskState]],
        unreadable: Mapping[str, CorruptLedgerError],
        graph: Graph | None = None,
    ) -> None:
        self.rows = rows
        self.unreadable = unreadable
        self._graph = graph

    @cached_property
    def states(self) -> Sequence[TaskState]:
        """All tasks, in the order of the list."""
        return sorted((tip.state for tip in self.rows.values()), key=lambda each: (each.position, each.task))

    @property
    def graph(self) -> Graph:
        """Who needs whom."""
        if self._graph is None:
            self._graph = Graph(self.states)
        return self._graph

    @cached_property
    def met(self) -> Mapping[str, bool]:
        """Task to whether others need not wait for it."""
        return {name: tip.state.is_met for name, tip in self.rows.items()}

    @cached_property
    def _unmet(self) -> set[str]:
        return self.graph.unmet(self.met)

    def get(self, task: str) -> TaskState | None:
        """Returns the state of one task, None where there is none that can be read."""
        tip = self.rows.get(task)
        return tip.state if tip is not None else None

    def ready(self, now: str = "") -> Sequence[TaskState]:
        """Returns what can be taken, who has the longest path ahead first, then by position.

        `now` is a moment as events write it; "" looks at no clock: what waits for a time is there, too.
        """
        ahead = self.graph.ahead
        free = [
            each
            for each in self.states
            if each.state == READY and each.task not in self._unmet and (not now or each.not_before <= now)
        ]
        return sorted(free, key=lambda each: -ahead[each.task])  # it is stable: position decides

    @cached_property
    def held(self) -> Sequence[TaskState]:
        """Those that somebody works on."""
        return [each for each in self.states if each.state == HELD]

    @cached_property
    def blocked(self) -> Sequence[TaskState]:
        """Those that would be ready, and wait for others."""
        return [each for each in self.states if each.state == READY and each.task in self._unmet]

    def blockers(self, task: str) -> tuple[str, ...]:
        """Returns what a task waits for, at most five of them."""
        return self.graph.blockers(task, self.met)

    def chain(self, task: str) -> tuple[str, ...]:
        """Returns the path from a task to the one that has to be mended first."""
        return self.graph.chain(task, self.met)

    @cached_property
    def counts(self) -> Mapping[str, int]:
        """Tasks by state; those that wait for others are counted as "blocked" and not as "ready"."""
        found = Counter(each.state for each in self.states)
        blocked = len(self.blocked)
        if blocked:
            found[READY] -= blocked
            found["blocked"] = blocked
        return {state: count for state, count in found.items() if count}

    @property
    def spent_usd(self) -> float:
        """What all attempts cost so far."""
        return round(sum(each.spent_usd for each in self.states), 6)

    @property
    def reserved_usd(self) -> float:
        """What is held back for those that are worked on."""
        return round(sum(each.reserve_usd for each in self.held), 6)


_TICK = 2_000_000_000
"""Nanoseconds; no file system that is met counts time in larger steps."""


class _Stamp(NamedTuple):
    """When refs of a session moved last: each move makes and renames a file in their folder, or packs them.

    It proves nothing about a move in the same tick of the clock, so it counts only once it is older.
    """

    folder: int
    inode: int
    packed: int
    packed_inode: int
    packed_size: int

    def is_before(self, now: int) -> bool:
        """Tests whether whatever moves from `now` on is sure to leave another stamp."""
        return max(self.folder, self.packed) + _TICK < now


_NO_STAMP = (0, 0, 0, 0, 0)


def _stamp_of(common_dir: str, place: str) -> _Stamp:
    folder, packed = (_stat(os.path.join(common_dir, path)) for path in (place, "packed-refs"))
    return _Stamp(folder[0], folder[1], *packed)


def _stat(path: str) -> tuple[int, int, int]:
    try:
        found = os.stat(path)
    except OSError:
        return 0, 0, 0
    return found.st_mtime_ns, found.st_ino, found.st_size


Read = Callable[[tuple[str, str, str]], "Tip[TaskState] | None"]
"""Reads the tip of one task. CorruptLedgerError."""


class Boards:
    """The boards of one repository; `read` reads one task."""

    def __init__(self, common_dir: str, private: str, read: Read) -> None:
        self._common_dir = common_dir
        self._folder = os.path.join(private, "run", "board")
        self._read = read
        self._known: dict[Key, dict[str, Tip[TaskState]]] = {}
        self._unkept: Counter[Key] = Counter()
        self._stamps: dict[Key, _Stamp] = {}
        self._graphs: dict[Key, tuple[dict[str, tuple[tuple[str, ...], int, int]], Graph]] = {}

    def board(self, key: Key) -> Board:
        """Returns the board of a session as it is now."""
        place = f"{TASKS.place}{key[0]}/{key[1]}/"
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._kept(key)
        stamp = _stamp_of(self._common_dir, place)
        if self._stamps.get(key) == stamp:
            return Board(known, {}, self._graph(key, known))
        listed_at = self._now_of_files()
        found = tips_below(self._common_dir, place)
        rows: dict[str, Tip[TaskState]] = {}
        unreadable: dict[str, CorruptLedgerError] = {}
        moved = 0
        for task, commit in found.items():
            row = known.get(task)
            if row is not None and row.commit == commit:
                rows[task] = row
                continue
            moved += 1
            try:
                tip = self._read((*key, task))
            except CorruptLedgerError as error:
                unreadable[task] = error
            else:
                if tip is not None:
                    rows[task] = tip
        self._known[key] = rows
        self._unkept[key] += moved + len(known.keys() - found.keys())
        self._stamps.pop(key, None)
        if not unreadable and stamp.is_before(listed_at):
            self._stamps[key] = stamp
        is_settled = key in self._stamps and len(rows) >= _WORTH_KEEPING
        if is_settled or (self._unkept[key] and self._unkept[key] >= min(_WORTH_KEEPING, len(rows))):
            self.keep(key)
        return Board(rows, unreadable, self._graph(key, rows))

    def keep(self, key: Key) -> None:
        """Writes what is known of a session for the next process; a full disk keeps nothing from working."""
        rows = [
            (tip.commit, *tip.state[:-2], tuple(map(tuple, tip.state.not_applied)), tip.state.format)
            for tip in self._known.get(key, {}).values()
        ]
        data = marshal.dumps((_FORMAT, tuple(self._stamps.get(key, _NO_STAMP)), rows))
        try:
            make_folder(os.path.dirname(self._path(key)))
            write_atomically(self._path(key), b"%08x" % crc32(data) + data)
        except StorageError:
            return
        self._unkept[key] = 0

    def _graph(self, key: Key, rows: Mapping[str, Tip[TaskState]]) -> Graph | None:
        """Returns the graph of before where nobody needs anything else by now."""
        needs = {task: (tip.state.needs, tip.state.position, tip.state.phase) for task, tip in rows.items()}
        before = self._graphs.get(key)
        if before is not None and before[0] == needs:
            return before[1]
        graph = Graph([tip.state for tip in rows.values()])
        self._graphs[key] = (needs, graph)
        return graph

    def _kept(self, key: Key) -> dict[str, Tip[TaskState]]:
        try:
            with open(self._path(key), "rb") as file:
                data = file.read()
            if len(data) < _SUM or int(data[:_SUM], 16) != crc32(data[_SUM:]):
                return {}
            form, stamp, rows = marshal.loads(data[_SUM:])  # noqa: S302 - as Python's own cache: private, ours
            if form != _FORMAT:
                return {}
            if stamp != _NO_STAMP:
                self._stamps[key] = _Stamp(*stamp)
            found = {}
            for row in rows:
                state = TaskState._make(row[1:])
                if state.not_applied:
                    state = state._replace(not_applied=tuple(NotApplied(*each) for each in state.not_applied))
                found[state.task] = Tip(row[0], "", state)
        except (OSError, ValueError, TypeError, EOFError):
            return {}
        return found

    def _now_of_files(self) -> int:
        """Returns the time by the clock that gives files their times, in nanoseconds; 0 for none."""
        path = os.path.join(self._folder, f"now.{os.urandom(4).hex()}.{os.getpid()}.tmp")
        try:
            make_folder(self._folder)
            descriptor = open_or_make(path, os.O_WRONLY)
            try:
                return os.fstat(descriptor).st_mtime_ns
            finally:
                os.close(descriptor)
                os.unlink(path)
        except (OSError, StorageError):
            return 0

    def _path(self, key: Key) -> str:
        return os.path.join(self._folder, key[0], f"{key[1]}.{sys.implementation.cache_tag}")


def tips_below(common_dir: str, place: str) -> dict[str, str]:
    """Returns name to commit of the refs that stand in the folder `place`, which ends in a slash.

    They are read from git's own files, since `git for-each-ref` looks each object up: five times as slow for
    ten thousand. Loose ones come first: git writes packed-refs before it removes what it packed. A ref that
    holds no id is there with "": whoever reads it is told what is wrong.
    """
    found = dict(_loose(os.path.join(common_dir, place)))
    for name, commit in _packed(os.path.join(common_dir, "packed-refs"), place):
        found.setdefault(name, commit)
    return found


def sessions_with_tasks(common_dir: str, project: str = "") -> Sequence[Key]:
    """Returns the sessions that have tasks, of one project or of all, by name. No git is started for it."""
    root = os.path.join(common_dir, TASKS.place.rstrip("/"))
    found = {
        (each, session)
        for each in ([project] if project else _folders(root))
        for session in _folders(os.path.join(root, each))
    }
    try:
        with open(os.path.join(common_dir, "packed-refs"), "rb") as file:
            data = file.read()
    except FileNotFoundError:
        return sorted(found)
    row = rb" " + re.escape(TASKS.place.encode()) + rb"([^/\n]+)/([^/\n]+)/"
    packed = {(name.decode(), session.decode()) for name, session in re.findall(row, data)}
    return sorted(found | {key for key in packed if project in ("", key[0])})


def _folders(path: str) -> list[str]:
    try:
        return [entry.name for entry in os.scandir(path) if entry.is_dir()]
    except (FileNotFoundError, NotADirectoryError):
        return []


def _loose(folder: str) -> Iterator[tuple[str, str]]:
    try:
        names = os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return
    for name in names:
        if name.endswith(".lock"):
            continue
        try:
            descriptor = os.open(f"{folder}{name}", os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            continue  # it is packed by now
        except OSError:
            yield name, ""
            continue
        try:
            data = os.read(descriptor, 64)
        except IsADirectoryError:
            continue
        finally:
            os.close(descriptor)
        yield name, data[:40].decode() if _ID.fullmatch(data) else ""


def _packed(path: str, place: str) -> Iterator[tuple[str, str]]:
    try:
        with open(path, "rb") as file:
            data = file.read()
    except FileNotFoundError:
        return
    row = rb"^([0-9a-f]{40}) " + re.escape(place.encode()) + rb"([^/\n]+)$"
    for found in re.finditer(row, data, re.MULTILINE):
        yield found[2].decode("utf-8", "surrogateescape"), found[1].decode()
