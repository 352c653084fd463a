"""Folders of documents by their ids: what git keeps as trees, a store keeps with each entry."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from idse_orchestrator.base.ids import folder_id
from idse_orchestrator.base.text_merge import join_texts
from idse_orchestrator.errors import CorruptLedgerError
from idse_orchestrator.git.raw_objects import PLAIN
from idse_orchestrator.ledger.commit import MAX_ARTIFACT_BYTES
from idse_orchestrator.ledger.merge.conflicts import (
    CASE,
    FOLDER,
    MARKERS,
    NO_TEXT,
    REMOVED_HERE,
    REMOVED_THERE,
    Conflict,
)
from idse_orchestrator.ledger.merge.paths import BothEdited, File, join_paths, set_apart
from idse_orchestrator.stores.copy_ledgers import all_keys
from idse_orchestrator.stores.design_store import DesignStore
from idse_orchestrator.stores.entry import StoreEntry, entry_id

if TYPE_CHECKING:
    from collections.abc import Iterator

    from idse_orchestrator.stores.design_store import LedgerKey

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


Files = Mapping[str, str]


def merge_folders(
    store: DesignStore, base: Files, ours: Files, theirs: Files
) -> tuple[Files, tuple[Conflict, ...]]:
    """What changed from `base` to `theirs`, applied to `ours`; all map paths to content ids."""
    joined = join_paths(*(_listing(files) for files in (base, ours, theirs)))
    conflicts = {path: Conflict(path, REMOVED_THERE, path) for path in joined.kept_by_other}
    conflicts |= {path: Conflict(path, REMOVED_HERE, path) for path in joined.kept_by_one}
    files = joined.files
    for both in joined.open:
        files[both.path], kind = _inside(store, both)
        if kind:
            conflicts[both.path] = Conflict(both.path, kind, both.path)
    placed, moved = set_apart(files, frozenset(base))
    for path, original in moved.items():
        conflicts.pop(original, None)
        is_folder = any(other.startswith(f"{original}/") for other in files)
        conflicts[path] = Conflict(path, FOLDER if is_folder else CASE, original)
    return (
        {path: file.blob for path, file in placed.items()},
        tuple(conflicts[path] for path in sorted(conflicts)),
    )


def _inside(store: DesignStore, both: BothEdited) -> tuple[File, str]:
    load: Callable[[str], bytes] = store.load_artifact
    was = load(both.was.blob) if both.was else b""
    text = join_texts(was, load(both.one.blob), load(both.other.blob), ("ledger", "edit"))
    if text is None or len(text.text) > MAX_ARTIFACT_BYTES:
        return both.other, NO_TEXT
    return File(PLAIN, store.save_artifact(text.text)), MARKERS if text.conflicts else ""


def _listing(files: Files) -> dict[str, File]:
    return {path: File(PLAIN, blob) for path, blob in files.items()}
