"""Entries of ledgers as people look back at them, and what the use cases of history need from outside.

An entry is one commit of a ledger: an event, a merge (which carries none), or damage. Damage is
shown, never an error: looking back must work best when something is wrong.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from idse_orchestrator.base.text import few
from idse_orchestrator.ledger.events import Event, Words, event_from_json, subject_of

if TYPE_CHECKING:
    from idse_orchestrator.ledger.events import SessionKey

MERGE = "merge"
"""What `Entry.kind` says of a merge; no event has this kind."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One commit of a ledger.

    `short` is the shortest id that names the commit here, `committed` its Unix time, `session` ""
    in a project's ledger. `event` is None for a merge and for damage, and `retold` is what it says in one
    line; `damage` and `not_applied` say why, or are "". `ticked` and `opened` are ids of tasks. `alias` is
    what the session is called by now, "" for its name.
    """

    commit: str
    short: str
    parents: tuple[str, ...]
    committed: int
    project: str
    session: str
    event: Event | None = None
    damage: str = ""
    not_applied: str = ""
    retold: str = ""
    ticked: tuple[str, ...] = ()
    opened: tuple[str, ...] = ()
    alias: str = ""

    @property
    def kind(self) -> str:
        """The event's kind, MERGE for a merge, "" for damage."""
        if self.event is not None:
            return self.event.kind
        return "" if self.damage else MERGE

    @property
    def subject(self) -> str:
        """One line that says what happened; it may hold any character."""
        if self.event is not None:
            marks = [f"{word} {few(ids)}" for word, ids in self._marks if ids]
            return f"{self.retold} ({', '.join(marks)})" if marks else self.retold
        if self.damage:
            return f"damaged entry: {self.damage}"
        return "merged " + " and ".join(parent[: len(self.short)] for parent in self.parents)

    @property
    def _marks(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        return ("ticked", self.ticked), ("opened", self.opened)

    @property
    def agent(self) -> str:
        """The agent that acted, or ""."""
        return self.event.actor.agent if self.event else ""

    def text(self, key: str) -> str:
        """Returns `key` of the event's body as text; "" where it has none."""
        value = self.event.body.get(key) if self.event else None
        return "" if value is None else str(value)


@dataclass(frozen=True, slots=True)
class Drawn:
    """One entry and what git drew beside it; without a graph `prefix` is "" and `below` empty.

    `prefix` stands before the first line, `below` before each further one, the last repeatedly.
    Without an entry it is a line of drawing alone. A prefix may hold colours, nothing else.
    """

    entry: Entry | None
    prefix: str = ""
    below: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Span:
    """Which entries to read: of `sessions`, and of the `projects` themselves.

    `since` and `until` are dates as git understands them. `grep` are lines that the message must
    all have, `merges` asks for merges alone; both serve graphs, which only git can thin out.
    """

    sessions: tuple[SessionKey, ...] = ()
    projects: tuple[str, ...] = ()
    limit: int | None = None
    since: str = ""
    until: str = ""
    graph: bool = False
    color: bool = False
    grep: tuple[str, ...] = ()
    merges: bool = False


class LedgerHistory(Protocol):
    """Reading back what ledgers hold, newest first."""

    def entries(self, span: Span) -> Iterator[Drawn]:
        """Yields the entries of `span`, read as they are taken; it may be left at any time."""

    def by_event(self, prefix: str, limit: int) -> Sequence[Entry]:
        """Up to `limit` entries of all ledgers whose event id starts with `prefix`."""

    def by_commit(self, prefix: str) -> Sequence[Entry]:
        """Returns the ledger commits whose id starts with `prefix` (at least 4 hexadecimal digits)."""


def with_event(entry: Entry, data: bytes, words: Words) -> Entry:
    """Returns `entry` with the event in `data`, or with what is wrong with it as damage."""
    try:
        event = read_event(data)
        return replace(entry, event=event, retold=subject_of(event, words))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        return replace(entry, damage=str(error) if type(error) is ValueError else f"not an event: {error!r}")


def read_event(data: bytes) -> Event:
    """Returns the event in `data`, every field of the type it must have; ValueError says what is wrong."""
    try:
        event = event_from_json(data)
        _check(event)
    except json.JSONDecodeError as error:
        raise ValueError(f"not an event: {error}") from error
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"not an event: {error!r}") from error
    return event


def _check(event: Event) -> None:
    actor = event.actor
    texts = (event.id, event.kind, event.at, event.replica, actor.name, actor.email, actor.agent)
    if not all(isinstance(text, str) for text in texts):
        raise ValueError("not an event: a field is not text")
    if type(event.lamport) is not int or not isinstance(event.body, dict):
        raise ValueError("not an event: lamport is not a number, or body is not a table")
