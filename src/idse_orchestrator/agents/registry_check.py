"""Checks a registry that somebody wants: names, stages, agents of rules, circles, size.

What a registry had before is not held against a change of something else: two clones may both have acted
in good faith, and their merge may hold a circle that neither of them wrote. `registry_troubles` shows it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter

from idse_orchestrator.agents.registry import (
    MODES,
    PROTOCOLS,
    Agent,
    AgentRegistry,
    Changes,
    HandoffRule,
    registry_to_dict,
    rule_words,
)
from idse_orchestrator.base.names import canonical_json, check_name
from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.base.text import did_you_mean
from idse_orchestrator.documents.project_workspace import STAGES
from idse_orchestrator.errors import InvalidNameError, InvalidRegistryError

MAX_REGISTRY_BYTES = 6_000_000
"""The canonical JSON of a registry: well over 10,000 agents with as many rules."""

MAX_CHANGES_BYTES = 4_000_000
"""The canonical JSON of the changes in one event: less than an event may have to be published."""

_SHOWN = 8
"""Places of a circle that are named."""

MAX_TEXT = 200
"""Characters of a role or a capability."""


MAX_WAYS = 100
"""Rules from one agent and stage: each asks for a handoff of its own when the stage is complete."""


class Trouble(NamedTuple):
    """Something wrong: a sentence, and what to do; or the `word` that is none of the `known` ones.

    `undo` takes away what a merge made so, or shows it.
    """

    message: str
    fix: tuple[str, ...] = ()
    word: str = ""
    known: tuple[str, ...] = ()
    undo: str = "idse agents list"

    @property
    def fixes(self) -> tuple[str, ...]:
        """The remedies. Words that look like the wrong one are looked for only here: they may be many."""
        return (near_words(self.word, self.known) if self.word else ()) or self.fix


def check_registry(registry: AgentRegistry, before: AgentRegistry | None = None) -> None:
    """Raises InvalidRegistryError for what is wrong with `registry` and was not with `before`."""
    past = before or AgentRegistry()
    known = {trouble.message for trouble in _part_troubles(past)}
    troubles = [trouble for trouble in _part_troubles(registry) if trouble.message not in known]
    troubles += _crowds(registry.handoff_rules, past.handoff_rules)
    troubles += _circle(new_circle(registry.handoff_rules, past.handoff_rules))
    troubles += _size(registry, past)
    if troubles:
        more = f"and {len(troubles) - 1:,} more like it" if len(troubles) > 1 else None
        raise InvalidRegistryError(troubles[0].message, cause=more, fix=troubles[0].fixes)


def registry_troubles(registry: AgentRegistry) -> Iterator[Trouble]:
    """Yields what is wrong with `registry`, in order."""
    yield from _part_troubles(registry)
    yield from _crowds(registry.handoff_rules, ())
    yield from _circle(circle_in(registry.handoff_rules))
    yield from _size(registry, AgentRegistry())


def _part_troubles(registry: AgentRegistry) -> Iterator[Trouble]:
    """Yields what is wrong with its agents and rules, one by one."""
    yield from _twice(registry.agents)
    for agent in registry.agents:
        yield from _agent(agent)
    yield from _rules(registry)


def check_changes(changes: Changes) -> None:
    """Raises InvalidRegistryError where the event that carries `changes` would be too large."""
    size = len(canonical_json({"changes": list(changes)}))
    if size > MAX_CHANGES_BYTES:
        raise InvalidRegistryError(
            f"the change has {size:,} bytes, and the limit is {MAX_CHANGES_BYTES:,}",
            fix=("make it in several steps",),
        )


def _twice(agents: Sequence[Agent]) -> Iterator[Trouble]:
    seen: dict[str, str] = {}
    for agent in agents:
        other = seen.get(agent.id.casefold())
        if other is None:
            seen[agent.id.casefold()] = agent.id
        elif other == agent.id:
            yield Trouble(f"agent {agent.id!r} is there twice", ("give each agent an id of its own",))
        else:
            one, two = sorted((other, agent.id), reverse=True)
            yield Trouble(
                f"agents {one!r} and {two!r} differ only in case",
                ("choose another id",),
                undo=f"idse agents remove {two}",
            )


def _agent(agent: Agent) -> Iterator[Trouble]:
    try:
        check_name("agent", agent.id)
    except InvalidNameError as error:
        yield Trouble(error.message, error.words + error.fix)
    words: list[tuple[str, str, Sequence[str]]] = [("stage", stage, STAGES) for stage in agent.stages]
    words += [("mode", agent.mode, MODES), ("handoff protocol", agent.handoff_protocol, PROTOCOLS)]
    for what, word, allowed in words:
        if word not in allowed:
            yield _no_such(f"agent {agent.id!r}: there is no {what} {word!r}", word, allowed)
    for text in (agent.role, *agent.capabilities):
        if len(text) > MAX_TEXT:
            yield Trouble(
                f"agent {agent.id!r} has a text of {len(text):,} characters, and the limit is {MAX_TEXT}"
            )


def _no_such(message: str, word: str, allowed: Sequence[str]) -> Trouble:
    return Trouble(message, ("one of: " + ", ".join(allowed),), word, tuple(allowed))


def _rules(registry: AgentRegistry) -> Iterator[Trouble]:
    ids = tuple(agent.id for agent in registry.agents)
    known = set(ids)
    seen: set[tuple[str, str, str, str]] = set()
    for rule in registry.handoff_rules:
        words = f"handoff rule {rule_words(rule)}"
        if rule.key in seen:
            yield Trouble(f"{words} is there twice", ("leave one of them out",))
        seen.add(rule.key)
        for stage in (rule.from_stage, rule.to_stage):
            if stage not in STAGES:
                yield _no_such(f"{words}: there is no stage {stage!r}", stage, STAGES)
        for name in dict.fromkeys((rule.from_agent, rule.to_agent)):
            if name not in known:
                fix = (f"idse agents add {name}",)
                yield Trouble(f"{words}: there is no agent {name!r}", fix, name, ids)


def _crowds(rules: Iterable[HandoffRule], before: Iterable[HandoffRule]) -> Iterator[Trouble]:
    """Places with too many rules; where there were too many, there may be fewer."""
    were = _counts(before)
    for place, count in _counts(rules).items():
        if count > max(MAX_WAYS, were[place]):
            message = f"more than {MAX_WAYS} handoff rules lead on from {place[1]}/{place[0]}"
            yield Trouble(message, ("take some of them out",), undo="idse agents rule list")


def _counts(rules: Iterable[HandoffRule]) -> Counter[Place]:
    return Counter((rule.from_stage, rule.from_agent) for rule in rules)


def _circle(circle: Sequence[Place]) -> Iterator[Trouble]:
    if circle:
        shown = circle if len(circle) <= _SHOWN else (*circle[: _SHOWN - 1], ("", "…"), circle[-1])
        way = " → ".join(f"{agent}/{stage}".strip("/") for stage, agent in shown)
        message = f"handoff rules go round in a circle: {way}"
        last = " ".join(word for place in circle[-2:] for word in place)
        yield Trouble(message, ("take one of these rules out",), undo=f"idse agents rule remove {last}")


def _size(registry: AgentRegistry, before: AgentRegistry) -> Iterator[Trouble]:
    """Tests whether it is too large; one that was may become smaller."""
    size = _bytes(registry)
    if size > MAX_REGISTRY_BYTES and size > _bytes(before):
        yield Trouble(f"the registry has {size:,} bytes, and the limit is {MAX_REGISTRY_BYTES:,}")


def _bytes(registry: AgentRegistry) -> int:
    return len(canonical_json(registry_to_dict(registry)))


def near_words(word: str, known: Sequence[str]) -> tuple[str, ...]:
    """Returns a question for the one of `known` that `word` looks like; empty where none does."""
    return did_you_mean(word, known, form="{!r}")


Place = tuple[str, str]
"""(stage, agent)"""

_LAST = STAGES[-1]


def circle_in(rules: Iterable[HandoffRule]) -> tuple[Place, ...]:
    """Returns the places of one circle, the first of them again at the end; empty where there is none."""
    ways = _ways(rules)
    sorter = TopologicalSorter[Place](dict.fromkeys(ways, ()))  # the circle is looked for in their order
    for start, ends in ways.items():
        for end in ends:
            sorter.add(end, start)
    try:
        sorter.prepare()
    except CycleError as error:
        return tuple(error.args[1])
    return ()


def new_circle(rules: Sequence[HandoffRule], before: Sequence[HandoffRule]) -> tuple[Place, ...]:
    """Returns a circle in `rules` that goes through a rule that was not there `before`; empty: none."""
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
    """Tests whether `rule` leads from feedback to an earlier stage."""
    return rule.from_stage == _LAST and rule.to_stage != _LAST


def _ways(rules: Iterable[HandoffRule]) -> dict[Place, list[Place]]:
    """Returns where the rules lead from each place, but for those that begin the next pass."""
    ways: dict[Place, list[Place]] = {}
    for rule in rules:
        if not begins_next_pass(rule):
            ways.setdefault((rule.from_stage, rule.from_agent), []).append((rule.to_stage, rule.to_agent))
    return ways


def _way(start: Place, end: Place, ways: Mapping[Place, Sequence[Place]]) -> tuple[Place, ...]:
    """Returns the places on the shortest way from `start` to `end`; empty where none leads there."""
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
