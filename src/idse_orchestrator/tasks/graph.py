"""Who waits for whom among the tasks of a session, and who comes first. Pure.

What a task needs is a list of texts: ``T014``, the id of one; ``T001..T004``, a range as ids are counted;
``^``, all that stand above it; ``^3``, all of the phases before phase 3. The last three may mean every other
task, so they are not drawn one by one: they are groups, as in `documents.task_graph`, and a group is met when
all that it stands for is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import pairwise

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.documents.task_graph import Needs, Range, edges_of
from idse_orchestrator.tasks.state import TaskState

ABOVE = "^"
BETWEEN = ".."
_GROUP = "\0"
_PHASE = f"{_GROUP}phase"


class Standing(NamedTuple):
    """What the graph has to know of a task."""

    task: str
    needs: tuple[str, ...]
    position: int
    phase: int


def needs_text(needs: Needs) -> tuple[str, ...]:
    """Returns what a list says that a task needs, as tasks keep it."""
    spans = (f"{span.first}{BETWEEN}{span.last}" for span in needs.ranges)
    return (*needs.ids, *spans, *((ABOVE,) if needs.above else ()))


def _parsed(needs: Iterable[str]) -> tuple[Needs, int]:
    """Returns the needs, and before which phase all must be done (0: no phase)."""
    ids, ranges, above, phase = [], [], False, 0
    for need in needs:
        if need == ABOVE:
            above = True
        elif need.startswith(ABOVE):
            phase = max(phase, int(need[1:]) if need[1:].isdecimal() else 0)
        elif BETWEEN in need:
            ranges.append(Range(*need.split(BETWEEN, 1)))
        else:
            ids.append(need)
    return Needs(tuple(ids), tuple(ranges), above), phase


def edges_between(tasks: Sequence[Standing | TaskState]) -> dict[str, Sequence[str]]:
    """Returns task or group to what it waits for. Groups begin with a NUL."""
    in_order = sorted(tasks, key=lambda each: (each.position, each.task))
    if not any(need[0] == ABOVE or BETWEEN in need for each in in_order for need in each.needs if need):
        return {each.task: each.needs for each in in_order}
    parsed = {each.task: _parsed(each.needs) for each in in_order}
    edges: dict[str, Sequence[str]] = {
        name: list(needs)
        for name, needs in edges_of((each.task, parsed[each.task][0]) for each in in_order).items()
    }
    edges.update(_phases(in_order))
    for name, (_, phase) in parsed.items():
        if phase:
            edges[name] = [*edges[name], f"{_PHASE}{phase}"]
            edges.setdefault(f"{_PHASE}{phase}", [])
    return edges


def _phases(tasks: Iterable[Standing | TaskState]) -> dict[str, Sequence[str]]:
    """Returns a group for each phase: the tasks of the one before it, and the group of that."""
    members: dict[int, list[str]] = {}
    for each in tasks:
        members.setdefault(each.phase, []).append(each.task)
    numbers = sorted(members)
    groups: dict[str, Sequence[str]] = {}
    for before, phase in pairwise(numbers):
        above = [f"{_PHASE}{before}"] if f"{_PHASE}{before}" in groups else []
        groups[f"{_PHASE}{phase}"] = [*members[before], *above]
    return groups


class Graph:
    """The order of tasks. It depends on what they need and not on how they stand, so it can be kept."""

    def __init__(self, tasks: Sequence[Standing | TaskState]) -> None:
        self.edges = edges_between(tasks)

    @property
    def ahead(self) -> Mapping[str, int]:
        """How many tasks stand on the longest path that begins with what needs this one."""
        return self._sorted[0]

    @property
    def needs_first(self) -> Sequence[str]:
        """Tasks and groups, each after all that it needs; those in a cycle are left out."""
        return self._sorted[1]

    @cached_property
    def _sorted(self) -> tuple[dict[str, int], list[str]]:
        edges, ahead = self.edges, dict.fromkeys(self.edges, 0)
        wanted_by = dict.fromkeys(edges, 0)
        for needs in edges.values():
            for need in needs:
                if need in wanted_by:
                    wanted_by[need] += 1
        order = [name for name, count in wanted_by.items() if not count]
        for name in order:  # it grows meanwhile
            after = ahead[name] if name[0] == _GROUP else ahead[name] + 1
            for need in edges[name]:
                if need in wanted_by:
                    ahead[need] = max(ahead[need], after)
                    wanted_by[need] -= 1
                    if not wanted_by[need]:
                        order.append(need)
        order.reverse()
        return ahead, order

    def unmet(self, met: Mapping[str, bool]) -> set[str]:
        """Returns the tasks that must wait; `met` says of each task whether others need not wait for it."""
        if len(self.edges) == len(met):  # there are no groups
            return {
                name for name, needs in self.edges.items() if not all(met.get(need, False) for need in needs)
            }
        known = dict(met)
        for name in self.needs_first:
            if name[0] == _GROUP:
                known[name] = all(known.get(need, False) for need in self.edges[name])
        return {
            name
            for name, needs in self.edges.items()
            if name[0] != _GROUP and not all(known.get(need, False) for need in needs)
        }

    def blockers(self, task: str, met: Mapping[str, bool], most: int = 5) -> tuple[str, ...]:
        """Returns the tasks that `task` itself waits for, at most `most` of them; groups are looked into."""
        needs = self.edges.get(task, ())
        if not any(need[:1] == _GROUP for need in needs):
            return tuple([need for need in needs if not met.get(need, False)][:most])
        found: dict[str, None] = {}
        for name in self._open_needs(task, met):
            found[name] = None
            if len(found) == most:
                break
        return tuple(found)

    def _open_needs(self, task: str, met: Mapping[str, bool]) -> Iterator[str]:
        seen, waiting = {task}, [iter(self.edges.get(task, ()))]
        while waiting:
            need = next(waiting[-1], None)
            if need is None:
                waiting.pop()
            elif need not in seen:
                seen.add(need)
                if need[:1] == _GROUP:
                    waiting.append(iter(self.edges.get(need, ())))
                elif not met.get(need, False):
                    yield need

    def chain(self, task: str, met: Mapping[str, bool]) -> tuple[str, ...]:
        """Returns the path from `task` to one that waits for no other: what has to be mended first."""
        path = [task]
        while True:
            following = next((each for each in self._open_needs(path[-1], met) if each not in path), None)
            if following is None:
                return tuple(path)
            path.append(following)
