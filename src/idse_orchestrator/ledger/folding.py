"""Folds of many histories of one ledger, which share what they have in common.

A history's events form a *line*, in the order in which they are folded. Lines are linked from their ends
to their beginnings, and equal beginnings are one. So the fold of two histories costs what they do not have
in common: not what came before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from idse_orchestrator.ledger.events import in_order

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from idse_orchestrator.ledger.events import Event

State = Any
"""Of whichever kind the ledger is; see `kinds.States`."""


class Line:
    """The events of a history up to `event`; without one, the line is empty."""

    __slots__ = ("before", "event", "key", "state")

    def __init__(self, before: Line | None, event: Event | None, state: State | None = None) -> None:
        self.before = before
        self.event = event
        self.key = (event.lamport, event.id) if event else (-1, "")
        self.state = state
        """The fold of the events, once somebody asked for it."""


class Lines:
    """All lines that begin where the state is `base`."""

    def __init__(self, base: State, apply: Callable[[State, Event], State]) -> None:
        self.empty = Line(None, None, base)
        self._apply = apply
        self._known: dict[tuple[int, str, int], Line] = {}

    def with_event(self, line: Line, event: Event) -> Line:
        """Returns `line` with one more event, which mostly comes last."""
        if (event.lamport, event.id) > line.key:
            return self._after(line, (event,))
        return self.joined(line, self._after(self.empty, (event,)))

    def joined(self, one: Line, other: Line) -> Line:
        """Returns the line of the events of both; an event that both have is in it once."""
        apart = []
        while one is not other:
            key = max(one.key, other.key)
            if one.key == key and one.before and one.event:
                apart.append(one.event)
                one = one.before
            if other.key == key and other.before and other.event:
                apart.append(other.event)
                other = other.before
        return self._after(one, in_order(apart))

    def holds(self, line: Line, event: Event) -> bool:
        """Tests whether an event of this id and number is in `line`."""
        key = (event.lamport, event.id)
        while line.key > key and line.before:
            line = line.before
        return line.key == key

    def state_of(self, line: Line) -> State:
        """Returns the fold of the events of `line`."""
        above = []
        while line.state is None and line.before:
            above.append(line)
            line = line.before
        state = line.state
        for each in reversed(above):
            state = each.state = self._apply(state, each.event)  # type: ignore[arg-type] # only the empty one has none
        return state

    def _after(self, line: Line, events: Iterable[Event]) -> Line:
        for event in events:
            place = (id(line), event.id, event.lamport)
            known = self._known.get(place)
            if known is None or known.event != event:
                known = self._known[place] = Line(line, event)
            line = known
        return line
