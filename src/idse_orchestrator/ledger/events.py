"""One event: what a ledger commit says happened, as canonical JSON and as the message of that commit.

Equal events have equal bytes (sorted keys, no spaces, UTF-8), so a verifier can replay a ledger and
compare content ids instead of meanings. JSON is authoritative; the message retells it (a subject people
read, a reason, trailers that plain git can query) and can be rebuilt. Free text is cleaned first: a
line break or a ``---`` line in it would forge or hide trailers.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from idse_orchestrator.base.names import canonical_json
from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.base.text import one_line, paragraphs
from idse_orchestrator.ledger.refs import FIRST

if TYPE_CHECKING:
    from collections.abc import Iterable

MOMENT = "%Y-%m-%dT%H:%M:%SZ"
"""How an event writes when it happened."""

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
    """Returns the event in `data`.

    ValueError when it is none (a ledger of our own is read without pydantic).
    """
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
    """Returns `events` by lamport number, then id; each id once, however often it comes."""
    unique: dict[str, Event] = {}
    for event in events:
        known = unique.setdefault(event.id, event)
        if known is not event:  # for a forged id, whoever sees both must choose the same
            unique[event.id] = min(known, event, key=Event.to_json)
    return sorted(unique.values(), key=lambda event: (event.lamport, event.id))


def fold_onto(state: State, events: Iterable[Event], apply: Callable[[State, Event], State]) -> State:
    """Returns `state` after `events`, which may come in any order.

    It is the fold of everything only where every one of `events` comes after all that `state` holds.
    """
    for event in in_order(events):
        state = apply(state, event)
    return state


Words = Callable[[str], Callable[[Mapping[str, Any]], str] | None]
"""What makes the subject of a body, by kind of event: `Kinds.words`."""

MAX_SUBJECT = 72
MERGE_MESSAGE = "merged two histories\n"
"""The message of every merge: whoever makes it must make the same commit."""


def message_of(event: Event, words: Words) -> str:
    """Subject, reason and trailers of `event`, ending in a line break."""
    given = event.body.get("reason", "")
    reason = paragraphs(str(given)) if given != "" else ""
    trailers = "\n".join(f"{key}: {value}" for key, value in trailers_of(event).items())
    parts = [subject_of(event, words), reason, trailers]
    return "\n\n".join(part for part in parts if part) + "\n"


def subject_of(event: Event, words: Words) -> str:
    """Returns one line that says what happened, at most MAX_SUBJECT characters."""
    line = paragraphs(one_line((words(event.kind) or something_happened)(event.body)))
    return line if len(line) <= MAX_SUBJECT else line[: MAX_SUBJECT - 1] + "…"


def trailers_of(event: Event) -> Mapping[str, str]:
    """Trailer to value, in the order they are written; what an event does not have is left out."""
    body = event.body
    values = {
        "Idse-Event": event.id,
        "Idse-Kind": event.kind,
        "Idse-Stage": body.get("stage", ""),
        "Idse-From": body.get("from", ""),
        "Idse-To": body.get("to", ""),
        "Idse-Agent": event.actor.agent,
        "Idse-Code": body.get("code", ""),
        "Idse-Migration": body.get("migration", ""),
        "Idse-Claim": body.get("claim", ""),
        "Idse-Task": body.get("task", ""),
        "Idse-Take": body.get("take", ""),
        "Idse-Attempt": body.get("attempt", ""),
        "Idse-Lamport": event.lamport,
    }
    clean = {key: one_line(str(value)) for key, value in values.items() if value not in (None, "")}
    return {key: value for key, value in clean.items() if value}


def something_happened(body: Mapping[str, Any]) -> str:
    """Says what a body says of itself: the subject of an event that nothing else can tell."""
    return one_line(str(body.get("summary", ""))) or "something happened"


SessionKey = tuple[str, str]
"""(project, session)"""


class Tip(NamedTuple, Generic[State]):
    """Where a ledger stands: its last commit, the tree of its artifacts ("" if none), its state."""

    commit: str
    artifacts: str
    state: State


class Draft(NamedTuple):
    """An event that is about to be appended; the ledger adds id, lamport, replica, and time and actor.

    `artifacts` is the id of the tree the session's folder has now; None keeps the ledger's.
    `at` (UTC, ``2024-01-31T09:00:00Z``) and `actor` are for what happened long ago, somewhere else: None
    stands for now and for whoever runs idse. The commit gets the same date and author as the event.
    """

    kind: str
    body: Mapping[str, Any] = {}
    artifacts: str | None = None
    at: str | None = None
    actor: Actor | None = None


class Synced(NamedTuple):
    """When this clone last synced (UTC as ISO text), and what the Agency had of a session; "" for nothing.

    `is_tracked`: it is known what the Agency had; of one that is no git remote nothing is remembered.
    """

    at: str
    there: str
    is_tracked: bool = False


def alone(
    plan: Callable[[Tip[State] | None], Draft | None],
) -> Callable[[Tip[State] | None], Sequence[Draft]]:
    """Returns `plan`, which plans one event or none, as one that plans any number of them."""

    def plans(tip: Tip[State] | None) -> Sequence[Draft]:
        draft = plan(tip)
        return () if draft is None else (draft,)

    return plans
