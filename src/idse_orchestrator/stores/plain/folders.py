"""Folders of documents by their ids: what git keeps as trees, a store keeps with each entry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from idse_orchestrator.app.copy_ledgers import all_keys
from idse_orchestrator.domain.content_ids import folder_id
from idse_orchestrator.domain.store_entry import StoreEntry, entry_id
from idse_orchestrator.errors import CorruptLedgerError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from idse_orchestrator.domain.design_store import DesignStore, LedgerKey

EMPTY = folder_id({})


class Folders:
    """The folders that were seen by this process, and those that entries hold."""

    def __init__(self, store: DesignStore) -> None:
        self._store = store
        self._known: dict[str, Mapping[str, str]] = {"": {}, EMPTY: {}}

    def id_of(self, files: Mapping[str, str]) -> str:
        """The id of a folder, path to content id; "" where it has no file."""
        if not files:
            return ""
        name = folder_id(files)
        self._known[name] = dict(files)
        return name

    def files(self, name: str) -> Mapping[str, str]:
        """Path to content id of the folder with that id. CorruptLedgerError where nothing holds it."""
        if name not in self._known:
            for _, entry in self.all_entries():
                self.id_of(entry.artifacts or {})
                if name in self._known:
                    break
        if name not in self._known:
            raise CorruptLedgerError("no entry holds this folder of documents", where=name)
        return self._known[name]

    def entry(self, commit: str) -> StoreEntry | None:
        """The entry of that id, in whichever ledger; None where none has it."""
        return next((entry for _, entry in self.all_entries() if entry_id(entry) == commit), None)

    def all_entries(self) -> Iterator[tuple[LedgerKey, StoreEntry]]:
        """Every entry of every ledger, with the ledger's key."""
        for key in all_keys(self._store):
            for entry in self._store.entries(key):
                yield key, entry
