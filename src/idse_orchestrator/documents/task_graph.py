"""Who waits for whom among the tasks of a list.

A range, or all that stands above, may mean every other task, and every task of a list may say so. So these
are not drawn one by one: a group is a node of the graph that waits for two others, tasks in the end, and a
range of any length is a few groups.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence

from idse_orchestrator.base.records import NamedTuple

_NUMBER = r"\d{1,9}(?:\.\d{1,9}){0,5}"
_ID = re.compile(rf"(?P<kind>[A-Z]{{0,4}}-?)(?P<number>{_NUMBER})(?P<letter>[A-Z]?)")
_RANGE = re.compile(
    rf"(?P<kind>[A-Z]{{0,4}}-?)(?P<first>{_NUMBER}[A-Z]?)"
    r"(?: *(?:[-\u2013—…]|\.{2,3}) *| +(?:TO|THROUGH) +)(?:TASKS? +)?"
    rf"(?P<kind_of_last>[A-Z]{{0,4}}-?)(?P<last>{_NUMBER}[A-Z]?)"
)
_GROUP = "\0"
"""Begins the names of groups: no task is called so."""

_Key = tuple[str, tuple[int, ...], str]


class Range(NamedTuple):
    """The tasks from `first` to `last`, both with it, as their numbers count."""

    first: str
    last: str

    def __str__(self) -> str:
        """Returns it in words."""
        return f"{self.first} to {self.last}"


class Needs(NamedTuple):
    """The tasks that one task waits for: by their `ids`, in `ranges`, and, with `above`, all before it."""

    ids: tuple[str, ...] = ()
    ranges: tuple[Range, ...] = ()
    above: bool = False

    @property
    def names(self) -> Iterator[str]:
        """The ids that it names, those at both ends of ranges with them."""
        yield from self.ids
        for each in self.ranges:
            yield from each

    @classmethod
    def sum_of(cls, needs: Sequence[Needs]) -> Needs:
        """Returns all of them as one."""
        ids = dict.fromkeys(name for each in needs for name in each.ids)
        ranges = dict.fromkeys(span for each in needs for span in each.ranges)
        return cls(tuple(ids), tuple(ranges), any(each.above for each in needs))


NOTHING = Needs()


def range_of(text: str) -> Range | None:
    """Returns the range that `text`, in upper case, means; None where it is none.

    Both ends are of one kind: T001-T004, T001-004, TASK-7..TASK-9, 1.1 TO 1.3.
    """
    found = _RANGE.fullmatch(text)
    if found is None or found["kind_of_last"] not in ("", found["kind"]):
        return None
    return Range(found["kind"] + found["first"], found["kind"] + found["last"])


def is_numbered(name: str) -> bool:
    """Tests whether `name`, in upper case, is an id that people count with: T001, 1.2, TASK-7."""
    return _ID.fullmatch(name) is not None


def _key(name: str) -> _Key | None:
    """Returns what orders ids as people count them, None for one that is in no range."""
    found = _ID.fullmatch(name)
    return found and (found["kind"], tuple(map(int, found["number"].split("."))), found["letter"])


class Numbered:
    """Tasks by their numbers, to find those of a range."""

    def __init__(self, ids: Iterable[str]) -> None:
        known = sorted((key, name) for name in ids if (key := _key(name)))
        self._keys = [key for key, _ in known]
        self.ids = [name for _, name in known]
        self._skips = len(known)
        self._next_skip = [0] * len(known)
        for place in range(len(known) - 1, -1, -1):
            if place + 1 < len(known) and _skips(*self._keys[place : place + 2]):
                self._skips = place
            self._next_skip[place] = self._skips

    def span(self, wanted: Range) -> tuple[int, int]:
        """Returns where in `ids` the tasks of a range begin and end, also of one that runs backwards."""
        low, high = sorted(filter(None, map(_key, wanted)))
        return bisect_left(self._keys, low), bisect_right(self._keys, high)

    def skipped(self, wanted: Range) -> str:
        """Returns the first id within a range that no task has, "" where none is left out."""
        first, end = self.span(wanted)
        if end - first < 2 or self._next_skip[first] >= end - 1:
            return ""
        before = self.ids[self._next_skip[first]]
        digits = re.findall(r"\d+", before)[-1]
        head = before[: before.rindex(digits)]
        return f"{head}{int(digits) + 1:0{len(digits)}d}"

    @staticmethod
    def runs_backwards(wanted: Range) -> bool:
        """Tests whether a range begins with the greater number."""
        first, last = map(_key, wanted)
        return first is not None and last is not None and last < first


def _skips(one: _Key, other: _Key) -> bool:
    """Tests whether numbers are left out between two that follow each other and differ in the last alone."""
    (kind, number, _), (other_kind, other_number, _) = one, other
    is_beside = (kind, len(number), number[:-1]) == (other_kind, len(other_number), other_number[:-1])
    return is_beside and other_number[-1] - number[-1] > 1


class _Groups:
    """Groups of `members`, each of two smaller ones: what stands side by side is covered by a few of them."""

    def __init__(self, name: str, members: Sequence[str]) -> None:
        self._size = len(members)
        self._names = [*(f"{_GROUP}{name}{number}" for number in range(self._size)), *members]

    @property
    def edges(self) -> dict[str, list[str]]:
        """Group to what it waits for."""
        names = self._names
        return {names[each]: names[2 * each : 2 * each + 2] for each in range(1, self._size)}

    def covering(self, first: int, end: int) -> Iterator[str]:
        """Yields groups and members that are those from `first` up to `end` and no other."""
        low, high = first + self._size, end + self._size
        while low < high:
            if low % 2:
                yield self._names[low]
                low += 1
            if high % 2:
                high -= 1
                yield self._names[high]
            low, high = low // 2, high // 2


def edges_of(tasks: Iterable[tuple[str, Needs]]) -> dict[str, list[str]]:
    """Returns edges from each task to what it waits for, and from each group to what is in it.

    All that stands above is what stands above the first task of that id, so it leads to no cycle by itself.
    """
    every = list(tasks)
    edges: dict[str, list[str]] = {}
    for name, needs in every:
        edges.setdefault(name, []).extend(needs.ids)
    order = list(edges)
    if any(needs.above for _, needs in every):
        groups = _Groups("above", order)
        place = {name: number for number, name in enumerate(order)}
        for name in {name for name, needs in every if needs.above}:
            edges[name] += groups.covering(0, place[name])
        edges.update(groups.edges)
    if any(needs.ranges for _, needs in every):
        numbered = Numbered(order)
        groups = _Groups("number", numbered.ids)
        for name, needs in every:
            for each in needs.ranges:
                edges[name] += groups.covering(*numbered.span(each))
        edges.update(groups.edges)
    return edges


class InList(NamedTuple):
    """What its place in a list says of a task: its phase, and whether it may run beside the one before it."""

    id: str
    needs: Needs
    phase: str
    parallel: bool


def edges_in_order(tasks: Sequence[InList]) -> dict[str, list[str]]:
    """Returns the edges of `edges_of`, and those that come of the order of the list.

    A task that declares nothing waits for all phases before its own and, unless it may run beside others, for
    the task before it.
    """
    edges = edges_of((task.id, task.needs) for task in tasks)
    group, before = "", ""
    members: list[str] = []
    for number, task in enumerate(tasks):
        if not number or task.phase != tasks[number - 1].phase:
            if members:
                above = [group] if group else []
                group = f"{_GROUP}phase{number}"
                edges[group] = [*members, *above]
            members, before = [], ""
        if task.needs == NOTHING:
            edges[task.id] += [
                *([group] if group else []),
                *([before] if before and not task.parallel else []),
            ]
        members.append(task.id)
        before = task.id
    return edges


def cycles(edges: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, ...]]:
    """Yields some cycles of `edges` (task to what it waits for), each as ``(a, b, …, a)``, without groups.

    There is one wherever the graph has any. Names without edges are ignored.
    """
    finished: set[str] = set()
    for start in edges:
        if start not in finished:
            for cycle in _cycles_from(start, edges, finished):
                tasks = [name for name in cycle if not name.startswith(_GROUP)]
                yield (*tasks, tasks[0])


def waits_for(edges: Mapping[str, Sequence[str]], task: str) -> frozenset[str]:
    """Returns everything that must be done before `task`, directly or not."""
    found: set[str] = set()
    to_do = list(edges.get(task, ()))
    while to_do:
        name = to_do.pop()
        if name not in found:
            found.add(name)
            to_do.extend(edges.get(name, ()))
    return frozenset(name for name in found if not name.startswith(_GROUP))


def _cycles_from(start: str, edges: Mapping[str, Sequence[str]], finished: set[str]) -> Iterator[list[str]]:
    path = [start]
    position = {start: 0}
    branches = [iter(edges[start])]
    while path:
        following = next(branches[-1], None)
        if following is None:
            branches.pop()
            done = path.pop()
            del position[done]
            finished.add(done)
        elif following in position:
            yield path[position[following] :]
        elif following in edges and following not in finished:
            position[following] = len(path)
            path.append(following)
            branches.append(iter(edges[following]))
