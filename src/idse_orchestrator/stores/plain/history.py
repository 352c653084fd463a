"""The history of a project without git, and dates as people type them: ISO, "2 days ago", "yesterday"."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from heapq import merge
from itertools import islice
from typing import TYPE_CHECKING

from idse_orchestrator.errors import NeedsGitError, UsageError
from idse_orchestrator.ledger.entries import Drawn, Entry, Span, with_event
from idse_orchestrator.stores.entry import StoreEntry, entry_id

if TYPE_CHECKING:
    from idse_orchestrator.ledger.events import Words
    from idse_orchestrator.stores.design_store import DesignStore, LedgerKey
    from idse_orchestrator.stores.plain.folders import Folders

_AGO = re.compile(
    r"(?:(\d{1,5}|an?|one|last)[ .])?(second|minute|hour|day|week|month|year)s?(?:[ .]ago)?", re.IGNORECASE
)
_DAYS = {"day": 1, "week": 7, "month": 30, "year": 365}
_SECONDS = {"second": 1, "minute": 60, "hour": 3600}
_WORDS = {"now": 0, "today": 0, "yesterday": 1}


def moment(text: str, now: float, *, is_end: bool = False) -> float:
    """Returns the Unix time `text` means; a day is its begin, or with `is_end` its end. Raises UsageError."""
    words = " ".join(text.split())
    found = _AGO.fullmatch(words)
    here = datetime.fromtimestamp(now).astimezone()
    if words.lower() in _WORDS:
        return (here - timedelta(days=_WORDS[words.lower()])).timestamp()
    if found and (found[1] or "ago" in words.lower()):
        count = int(found[1]) if (found[1] or "").isdigit() else 1
        unit = found[2].lower()
        seconds = _SECONDS.get(unit) or _DAYS[unit] * 86_400
        return now - count * seconds
    try:
        day = datetime.fromisoformat(words)
    except ValueError as error:
        raise UsageError(
            f"{text!r} is no date that can be read without git",
            fix=("for instance: 2026-01-31", "or: 2026-01-31 14:00", "or: 2 days ago"),
        ) from error
    if day.tzinfo is None:
        day = day.astimezone() if not words.endswith("Z") else day.replace(tzinfo=UTC)
    whole = is_end and re.fullmatch(r"\d{4}-\d\d-\d\d", words)
    return (day + timedelta(days=1, seconds=-1)).timestamp() if whole else day.timestamp()


_SHORT = 7


class StoreHistory:
    """The `LedgerHistory` port on a store."""

    def __init__(self, store: DesignStore, folders: Folders, words: Words) -> None:
        self._words = words
        self._store = store
        self._folders = folders

    def entries(self, span: Span) -> Iterator[Drawn]:
        """See `LedgerHistory.entries`. NeedsGitError for a graph, which git draws."""
        if span.graph:
            raise NeedsGitError(
                "git draws the graphs, and there is none here", fix=("leave out --graph: idse log --json",)
            )
        now = time.time()
        oldest = moment(span.since, now) if span.since else None
        newest = moment(span.until, now, is_end=True) if span.until else None
        keys = [*span.sessions, *((project, "") for project in span.projects)]
        found = merge(*map(self._ledger, keys), key=lambda entry: -entry.committed)
        wanted = (
            entry
            for entry in found
            if (oldest is None or entry.committed >= oldest) and (newest is None or entry.committed <= newest)
        )
        return (Drawn(entry) for entry in islice(wanted, span.limit))

    def by_event(self, prefix: str, limit: int) -> Sequence[Entry]:
        """See `LedgerHistory.by_event`."""
        found = (entry for entry in self._all() if entry.event and entry.event.id.startswith(prefix))
        return list(islice(found, limit))

    def by_commit(self, prefix: str) -> Sequence[Entry]:
        """See `LedgerHistory.by_commit`."""
        return [entry for entry in self._all() if entry.commit.startswith(prefix)]

    def _ledger(self, key: LedgerKey) -> Iterator[Entry]:
        return (_entry_of(key, entry, self._words) for entry in self._store.entries(key))

    def _all(self) -> Iterator[Entry]:
        return (_entry_of(key, entry, self._words) for key, entry in self._folders.all_entries())


def _entry_of(key: LedgerKey, entry: StoreEntry, words: Words) -> Entry:
    name = entry_id(entry)
    bare = Entry(name, name[:_SHORT], entry.parents, entry.committed, *key)
    if entry.event is not None:
        return with_event(bare, entry.event, words)
    return bare if len(entry.parents) > 1 else replace(bare, damage="it has no event.json")
