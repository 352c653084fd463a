"""Whether bytes are an event of a kind of ledger: a quick look, and the strict check where that fails."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any, NoReturn

from idse_orchestrator.base.names import loaded
from idse_orchestrator.ledger.events import KINDS, Actor, Event, event_from_json
from idse_orchestrator.ledger.refs import FIRST
from idse_orchestrator.ledger.shapes import (
    ANYTHING,
    MOMENT,
    TEXT,
    ULID,
    Record,
    body,
    number,
    one_of,
    problem_with,
    table,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from idse_orchestrator.ledger.kinds import EventKind, Kind

FREE = body("Body", {})
"""What every body may hold."""


def checked_event(data: bytes, kind: Kind) -> tuple[Event | None, str]:
    """Returns the event in `data`, or None and what is wrong with it."""
    event = plain_event(data, kind)
    if event is not None:
        return event, ""
    problem = event_problem(data, kind)
    return (event_from_json(data), "") if problem is None else (None, problem)


def plain_event(data: bytes, kind: Kind) -> Event | None:
    """Returns the event in `data` where it surely is one; None where only the strict check can tell."""
    try:
        words = data.decode()
        raw: Any = None if "\\u" in words else _DECODER.decode(words)  # an escape can hide half a character
    except (ValueError, RecursionError):
        return None
    if not _envelope(kind.highest, _names(kind)).fits(raw):
        return None
    record, held = _body(kind.events.get(raw["kind"]), raw["body"])
    if not record.fits(held):
        return None
    actor = Actor(raw["actor"]["name"], raw["actor"]["email"], raw["actor"]["agent"])
    return Event(
        raw["id"],
        raw["kind"],
        raw["lamport"],
        raw["at"],
        raw["replica"],
        actor,
        raw["body"],
        raw["format"],
    )


def event_problem(data: bytes, kind: Kind) -> str | None:
    """Returns what keeps `data` from being an event, with the path to it, or None."""
    problem = problem_with(_envelope(kind.highest, _names(kind)), data)
    if problem is not None:
        return problem
    raw = json.loads(data)
    return problem_with(*_body(kind.events.get(raw["kind"]), raw["body"]))


def _names(kind: Kind) -> tuple[str, ...]:
    """Returns the kinds of events that may be in such a ledger, whether or not they can be judged here."""
    return (*KINDS, *(name for name in kind.events if name not in KINDS))


@cache
def _envelope(highest: int, names: tuple[str, ...]) -> Record:
    """Returns everything but the body."""
    return Record(
        "EventSchema",
        {
            "format": one_of(*range(FIRST, highest + 1)),
            "id": ULID,
            "kind": one_of(*names),
            "lamport": number(1),
            "at": MOMENT,
            "replica": ULID,
            "actor": Record("ActorSchema", {"name": TEXT, "email": TEXT, "agent": TEXT}).shape,
            "body": table(TEXT, ANYTHING),
        },
    )


def _body(taken: EventKind | None, held: Mapping[str, Any]) -> tuple[Record, Mapping[str, Any]]:
    """Returns the record that a body must fit, and the body as that record describes it."""
    if taken is None or not taken.body:
        return FREE, held
    try:
        target = loaded(taken.body)
    except ModuleNotFoundError:
        return FREE, held  # its part of idse is absent, which is found out when it is folded
    return (target, held) if isinstance(target, Record) else target(held)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


_DECODER = json.JSONDecoder(parse_constant=_refuse)
