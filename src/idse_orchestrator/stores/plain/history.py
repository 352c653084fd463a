"""Looks back at ledgers in any DesignStore, newest first."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from heapq import merge
from itertools import islice

from idse_orchestrator.app.history.ports import Drawn, Entry, Span, read_event
from idse_orchestrator.domain.design_store import DesignStore, LedgerKey
from idse_orchestrator.domain.store_entry import StoreEntry, entry_id
from idse_orchestrator.errors import NeedsGitError
from idse_orchestrator.stores.plain.dates import moment
from idse_orchestrator.stores.plain.folders import Folders

_SHORT = 7


class StoreHistory:
    """The `LedgerHistory` port on a store."""

    def __init__(self, store: DesignStore, folders: Folders) -> None:
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
        return (_told(key, entry) for entry in self._store.entries(key))

    def _all(self) -> Iterator[Entry]:
        return (_told(key, entry) for key, entry in self._folders.all_entries())


def _told(key: LedgerKey, entry: StoreEntry) -> Entry:
    name = entry_id(entry)
    event, damage = None, ""
    if entry.event is not None:
        try:
            event = read_event(entry.event)
        except ValueError as error:
            damage = str(error)
    elif len(entry.parents) < 2:
        damage = "it has no event.json"
    return Entry(name, name[:_SHORT], entry.parents, entry.committed, *key, event, damage)
