"""What one ledger commit says happened, and its canonical JSON.

Equal events have equal bytes (sorted keys, no spaces, UTF-8), so a verifier can replay a ledger and
compare content ids instead of meanings.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from idse_orchestrator.base.ids import canonical_json
from idse_orchestrator.ledger.formats import FIRST

if TYPE_CHECKING:
    from collections.abc import Iterable

CREATED = "created"
EDITED = "edited"
STAGE = "stage"
VALIDATED = "validated"
APPROVED = "approved"
HANDOFF = "handoff"
ASSIGNED = "assigned"
DESCRIBED = "described"
MIGRATED = "migrated"
ARCHIVED = "archived"
CLAIMED = "claimed"
KINDS = (
    CREATED,
    EDITED,
    STAGE,
    VALIDATED,
    APPROVED,
    HANDOFF,
    ASSIGNED,
    DESCRIBED,
    MIGRATED,
    ARCHIVED,
    CLAIMED,
)
"""The kinds of events of format 1; a further one needs a higher format."""


class Actor(NamedTuple):
    """Who acts: a git identity, the agent that acts for it ("" when a person does), and in which clone.

    An event that happened says its clone once, in `Event.replica`: its actor has "" for it.
    """

    name: str
    email: str
    agent: str = ""
    replica: str = ""

    @property
    def label(self) -> str:
        """The agent where one acted, else the person."""
        return self.agent or self.name


Acting = Callable[[], Actor]
"""Says who acts. It is asked under the ledger lock, when something is written: nothing that only reads, and
nothing that is refused, needs a name, and a clone gets its id with its first event."""


class Event(NamedTuple):
    """One entry of a ledger.

    `id` is a ULID; `at` is UTC in ISO 8601 with a ``Z``; `lamport` is one more than the greatest
    this ledger held before; `replica` names the clone; the keys of `body` depend on `kind` and are
    listed in ``docs/reference/refs-and-objects.md``.
    """

    id: str
    kind: str
    lamport: int
    at: str
    replica: str
    actor: Actor
    body: Mapping[str, Any] = {}
    format: int = FIRST

    def to_json(self) -> bytes:
        """Canonical JSON: what ``event.json`` holds."""
        return canonical_json(
            {
                "format": self.format,
                "id": self.id,
                "kind": self.kind,
                "lamport": self.lamport,
                "at": self.at,
                "replica": self.replica,
                "actor": {"name": self.actor.name, "email": self.actor.email, "agent": self.actor.agent},
                "body": self.body,
            }
        )


def event_from_json(data: bytes) -> Event:
    """The event in `data`; ValueError when it is none (a ledger of our own is read without pydantic)."""
    try:
        raw = json.loads(data)
        actor = raw["actor"]
        return Event(
            id=raw["id"],
            kind=raw["kind"],
            lamport=raw["lamport"],
            at=raw["at"],
            replica=raw["replica"],
            actor=Actor(actor["name"], actor["email"], actor["agent"]),
            body=raw["body"],
            format=raw["format"],
        )
    except (KeyError, TypeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"not an event: {error!r}") from error


class NotApplied(NamedTuple):
    """An event that is kept although its precondition no longer held when it was folded."""

    event: str
    why: str


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
