"""Folders of documents by their ids: what git keeps as trees, a store keeps with each entry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from idse_orchestrator.base.names import PLAIN, folder_id
from idse_orchestrator.errors import CorruptLedgerError
from idse_orchestrator.ledger.merge.paths import File
from idse_orchestrator.stores.copy_ledgers import all_keys
from idse_orchestrator.stores.entry import StoreEntry, entry_id

if TYPE_CHECKING:
    from collections.abc import Iterator

    from idse_orchestrator.stores.design_store import DesignStore, LedgerKey

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

    def list_folder(self, folder: str) -> Mapping[str, File]:
        """See `FolderStore.list_folder`."""
        return {path: File(PLAIN, blob) for path, blob in self.files(folder).items()}

    def save_folder(self, files: Mapping[str, File]) -> str:
        """See `FolderStore.save_folder`."""
        return self.id_of({path: file.blob for path, file in files.items()})

    def read_file(self, blob: str) -> bytes:
        """See `FolderStore.read_file`."""
        return self._store.load_artifact(blob)

    def save_file(self, content: bytes) -> str:
        """See `FolderStore.save_file`."""
        return self._store.save_artifact(content)

    def entry(self, commit: str) -> StoreEntry | None:
        """The entry of that id, in whichever ledger; None where none has it."""
        return next((entry for _, entry in self.all_entries() if entry_id(entry) == commit), None)

    def all_entries(self) -> Iterator[tuple[LedgerKey, StoreEntry]]:
        """Every entry of every ledger, with the ledger's key."""
        for key in all_keys(self._store):
            for entry in self._store.entries(key):
                yield key, entry
