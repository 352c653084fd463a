"""The one order of events that everyone who has them agrees on: wall clocks do not count."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from idse_orchestrator.domain.events import Event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

State = TypeVar("State")


def in_order(events: Iterable[Event]) -> list[Event]:
    """`events` by lamport number, then id; each id once, however often it comes."""
    unique: dict[str, Event] = {}
    for event in events:
        known = unique.setdefault(event.id, event)
        if known is not event:  # for a forged id, whoever sees both must choose the same
            unique[event.id] = min(known, event, key=Event.to_json)
    return sorted(unique.values(), key=lambda event: (event.lamport, event.id))


def fold_onto(state: State, events: Iterable[Event], apply: Callable[[State, Event], State]) -> State:
    """`state` after `events`, which may come in any order.

    It is the fold of everything only where every one of `events` comes after all that `state` holds.
    """
    for event in in_order(events):
        state = apply(state, event)
    return state
