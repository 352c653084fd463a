"""Folders of documents by their ids: what git keeps as trees, a store keeps with each entry."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from idse_orchestrator.base.names import PLAIN, folder_id
from idse_orchestrator.errors import CorruptLedgerError
from idse_orchestrator.ledger.events import Tip
from idse_orchestrator.ledger.merge.paths import File
from idse_orchestrator.ledger.writer import seconds_of
from idse_orchestrator.stores.copy_ledgers import all_keys
from idse_orchestrator.stores.design_store import DesignStore, LedgerKey, ledger_name
from idse_orchestrator.stores.entry import Content, StoreEntry, entry_id, make_entry, unreadable_state

if TYPE_CHECKING:
    from collections.abc import Iterator

    from idse_orchestrator.ledger.kinds import Named
    from idse_orchestrator.ledger.writer import Made

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


class StoreBackend:
    """The `Backend` port on a store. Entries wait until the ledger moves: a store keeps them all at once."""

    def __init__(self, store: DesignStore, folders: Folders) -> None:
        self._store = store
        self._folders = folders
        self._waiting: list[StoreEntry] = []

    def read(self, named: Named) -> Tip[Any] | None:
        """See `Backend.read`."""
        self._waiting = []
        loaded = self._store.load_session(_key(named))
        if loaded is None:
            return None
        try:
            state = named.kind.from_json(loaded.state)
        except ValueError as error:
            raise unreadable_state(ledger_name(_key(named)), error) from error
        return Tip(loaded.tip, self._folders.id_of(loaded.artifacts), state)

    def keep(self, named: Named, made: Made) -> str:  # noqa: ARG002 - the port's signature
        """See `Backend.keep`."""
        documents = self._folders.files(made.artifacts) if made.artifacts else None
        content = Content(made.event.to_json(), made.state, documents)
        entry = make_entry(content, [made.before] if made.before else [], _signature(made), made.message)
        self._waiting.append(entry)
        return entry_id(entry)

    def move(self, named: Named, old: str | None, new: str, subject: str) -> None:  # noqa: ARG002 - as above
        """See `Backend.move`."""
        self._store.save_session(_key(named), self._waiting, old)

    def title(self, named: Named) -> str:
        """See `Backend.title`."""
        return f"the ledger of {ledger_name(_key(named))}"


def _key(named: Named) -> LedgerKey:
    project, session = (*named.names, "")[:2]
    return project, session


def _signature(made: Made) -> str:
    """Author and date as git writes them on a commit; it has no time before 1970."""
    now = max(0, seconds_of(made.event.at))
    minutes = 0 if made.is_old else time.localtime(now).tm_gmtoff // 60
    zone = f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}{abs(minutes) % 60:02d}"
    return f"{made.event.actor.name} <{made.event.actor.email}> {now} {zone}"
