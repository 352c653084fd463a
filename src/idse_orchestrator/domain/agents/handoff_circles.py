"""Circles in the rules of handing over: a stage that is handed on and on and comes back.

A rule leads from one (stage, agent) to another. A way along rules that returns to where it began is a
circle, and refused: what is handed over automatically would be asked for without end. The one exception:
a rule from feedback to an earlier stage begins the next pass of the work, which is how feedback is meant,
so no circle is counted through it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from idse_orchestrator.domain.agents.registry import HandoffRule
from idse_orchestrator.domain.pipeline_artifacts import STAGES

Place = tuple[str, str]
"""(stage, agent)"""

_LAST = STAGES[-1]


def circle_in(rules: Iterable[HandoffRule]) -> tuple[Place, ...]:
    """The places of one circle, the first of them again at the end; empty where there is none."""
    ways = _ways(rules)
    done: set[Place] = set()
    for start in ways:
        found = _circle_from(start, ways, done)
        if found:
            return found
    return ()


def new_circle(rules: Sequence[HandoffRule], before: Sequence[HandoffRule]) -> tuple[Place, ...]:
    """A circle in `rules` that goes through a rule that was not there `before`; empty where there is none."""
    if not circle_in(before):
        return circle_in(rules)
    known = {rule.key for rule in before}
    ways = _ways(rules)
    for rule in rules:
        if rule.key not in known and not begins_next_pass(rule):
            start = (rule.from_stage, rule.from_agent)
            way = _way((rule.to_stage, rule.to_agent), start, ways)
            if way:
                return (start, *way)
    return ()


def begins_next_pass(rule: HandoffRule) -> bool:
    """Whether `rule` leads from feedback to an earlier stage."""
    return rule.from_stage == _LAST and rule.to_stage != _LAST


def _ways(rules: Iterable[HandoffRule]) -> dict[Place, list[Place]]:
    """Where the rules lead from each place, but for those that begin the next pass."""
    ways: dict[Place, list[Place]] = {}
    for rule in rules:
        if not begins_next_pass(rule):
            ways.setdefault((rule.from_stage, rule.from_agent), []).append((rule.to_stage, rule.to_agent))
    return ways


def _way(start: Place, end: Place, ways: Mapping[Place, Sequence[Place]]) -> tuple[Place, ...]:
    """The places on the shortest way from `start` to `end`; empty where none leads there."""
    came_from: dict[Place, Place | None] = {start: None}
    for here in (found := [start]):
        for there in ways.get(here, ()):
            if there not in came_from:
                came_from[there] = here
                found.append(there)
    path: list[Place] = []
    step = end if end in came_from else None
    while step is not None:
        path.insert(0, step)
        step = came_from[step]
    return tuple(path)


def _circle_from(start: Place, ways: dict[Place, list[Place]], done: set[Place]) -> tuple[Place, ...]:
    """A circle that can be reached from `start`. Without recursion: rules may be many in a row."""
    path: dict[Place, Iterator[Place]] = {}
    if start not in done:
        path[start] = iter(ways.get(start, ()))
    while path:
        here = next(reversed(path))
        there = next(path[here], None)
        if there is None:
            done.add(here)
            del path[here]
        elif there in path:
            places = list(path)
            return (*places[places.index(there) :], there)
        elif there not in done:
            path[there] = iter(ways.get(there, ()))
    return ()
