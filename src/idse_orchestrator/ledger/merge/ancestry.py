"""Commits of two histories and where they meet, read from the objects themselves.

Exact whatever the clocks said: a date only decides which commit is looked at first.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import TYPE_CHECKING

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.git.objects import COMMIT, parse_commit

if TYPE_CHECKING:
    from collections.abc import Iterable

    from idse_orchestrator.git.objects import Objects

_ONE, _OTHER, _OLDER = 1, 2, 4
_BOTH = _ONE | _OTHER
_REMEMBERED = 200_000
_WASTED = 20_000
"""Steps in vain after which dates no longer say where to look: they may have been made to mislead.

Heights do then. They never mislead, but they take a walk down to the first commit.
"""
_FEW = 4


class Commit(NamedTuple):
    """What a merge needs to know of a commit; `time` is that of its committer in seconds since 1970."""

    tree: str
    parents: tuple[str, ...]
    time: int


class Meeting(NamedTuple):
    """The best common ancestors of two commits, in id order, and what only one of the two can reach.

    Where clocks were wrong, `apart` may hold older commits that both can reach.
    """

    bases: tuple[str, ...]
    apart: tuple[str, ...]


class Ancestry:
    """The commits of one repository."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._known: dict[str, Commit] = {}
        self._heights: dict[str, int] = {}
        self._wasted = 0

    def commit(self, name: str) -> Commit:
        """Returns the commit `name`.

        CorruptLedgerError where it cannot be read, as where a shallow clone ends.
        """
        found = self._known.get(name)
        if found is None:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            found = self._known[name] = _parsed(self._objects.read(name, COMMIT))
        return found

    def meeting(self, one: str, other: str) -> Meeting:
        """Returns where the histories of two commits meet."""
        common, apart = self._painted(one, other)
        if len(common) > _FEW and self._wasted < _WASTED:
            self._wasted = _WASTED
            common, apart = self._painted(one, other)
        if self._wasted < _WASTED:
            common = [name for name in common if not self._is_older(name, common)]
        return Meeting(tuple(sorted(common)), tuple(apart))

    def reachable(self, names: Iterable[str]) -> list[str]:
        """Returns every commit that can be reached from `names`, those included."""
        found: set[str] = set()
        waiting = list(names)
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                waiting.extend(self.commit(name).parents)
        return list(found)

    def _is_older(self, name: str, others: list[str]) -> bool:
        """Tests whether another one has `name` among its ancestors."""
        return any(other != name and name in self._painted(name, other)[0] for other in others)

    def _painted(self, one: str, other: str) -> tuple[list[str], list[str]]:
        """Candidates for common ancestors (all best ones are among them), and what one side alone reaches."""
        order = self._time if self._wasted < _WASTED else self._height
        steps = 0
        colours = {one: _ONE}
        colours[other] = colours.get(other, 0) | _OTHER
        queue = _Queue()
        common: dict[str, None] = {}
        for name in colours:
            queue.add(name, order(name))
        while queue.waiting:
            steps += 1
            name = queue.take()
            passed = colours[name]
            if passed & _BOTH == _BOTH:
                if not passed & _OLDER:
                    common[name] = None
                passed |= _OLDER
            for parent in self.commit(name).parents:
                before = colours.get(parent, 0)
                colours[parent] = before | passed
                if colours[parent] != before:
                    queue.add(parent, order(parent), counts=not colours[parent] & _OLDER)
        apart = [name for name, colour in colours.items() if colour in (_ONE, _OTHER)]
        self._wasted += steps - len(apart)
        return [name for name in common if not colours[name] & _OLDER], apart

    def _time(self, name: str) -> int:
        return self.commit(name).time

    def _height(self, name: str) -> int:
        """Returns how many commits the longest way down from `name` has: more than from any ancestor."""
        waiting = [name]
        while waiting:
            parents = self.commit(waiting[-1]).parents
            needed = [parent for parent in parents if parent not in self._heights]
            waiting += needed
            if not needed:
                below = (self._heights[parent] for parent in parents)
                self._heights[waiting.pop()] = 1 + max(below, default=0)
        return self._heights[name]


@dataclass(slots=True)
class _Queue:
    """Commits to look at, the last ones first; `waiting` are those that can still change the answer."""

    heap: list[tuple[int, str]] = field(default_factory=list)
    waiting: set[str] = field(default_factory=set)

    def add(self, name: str, place: int, *, counts: bool = True) -> None:
        heappush(self.heap, (-place, name))
        (self.waiting.add if counts else self.waiting.discard)(name)

    def take(self) -> str:
        name = heappop(self.heap)[1]
        self.waiting.discard(name)
        return name


def _parsed(data: bytes) -> Commit:
    tree, parents, _ = parse_commit(data)
    head = data.partition(b"\n\n")[0]
    line = next((line for line in head.split(b"\n") if line.startswith(b"committer ")), b"")
    words = line.split(b" ")
    seconds = words[-2] if len(words) > 2 else b""
    return Commit(tree, parents, int(seconds) if seconds.isdigit() else 0)
