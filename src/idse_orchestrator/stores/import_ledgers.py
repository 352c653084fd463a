"""Imports ledgers into a repository from a store, as if that were an Agency to pull from.

A folder that somebody sent goes through the very judgement that a fetch goes through, and two histories of
a ledger are joined as they would be anywhere else.
"""

from __future__ import annotations

import os
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from idse_orchestrator.base.names import BLOB
from idse_orchestrator.errors import ConflictError, CorruptLedgerError, UnknownNameError
from idse_orchestrator.git.object_stream import writing_to
from idse_orchestrator.git.packs import PackWriter
from idse_orchestrator.git.vault import ledger_lock
from idse_orchestrator.ledger.refs import parse_project_ref, parse_session_ref
from idse_orchestrator.stores.copy_ledgers import (
    COPIED,
    EQUAL,
    MERGED,
    MOVING,
    NEWER,
    REFUSED,
    CopyOutcome,
    LedgerOutcome,
    all_keys,
    words_of,
)
from idse_orchestrator.stores.design_store import ledger_ref
from idse_orchestrator.stores.entry import StoreEntry, entry_id, entry_objects
from idse_orchestrator.sync import syncing as sync
from idse_orchestrator.sync.incoming import incoming_folder
from idse_orchestrator.sync.published_refs import PublishedRefs
from idse_orchestrator.sync.pull import install_changes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from idse_orchestrator.git.vault import Vault
    from idse_orchestrator.ledger.kinds import Kinds
    from idse_orchestrator.stores.design_store import DesignStore, LedgerKey
    from idse_orchestrator.sync.incoming import Incoming


class StoreRemote:
    """The `Remote` that is a store, to pull from; `mine` are the heads here, by ref.

    `broken` says of refs why they cannot be read: they are left out as if the store did not have them.
    """

    def __init__(self, vault: Vault, store: DesignStore, mine: Mapping[str, str]) -> None:
        self._vault = vault
        self._store = store
        self._mine = mine
        self._keys: dict[str, LedgerKey] = {}
        self.broken: dict[str, str] = {}

    def heads(self) -> Mapping[str, str]:
        """Lists the ledgers of the store that can be read."""
        found: dict[str, str] = {}
        for key in all_keys(self._store):
            ref = ledger_ref(key)
            self._keys[ref] = key
            if ref in self.broken:
                continue
            try:
                loaded = self._store.load_session(key)
            except CorruptLedgerError as error:
                self.broken[ref] = words_of(error)
                continue
            if loaded is not None:
                found[ref] = loaded.tip
        return found

    @contextmanager
    def fetch(self, wanted: Mapping[str, str]) -> Iterator[Incoming | None]:
        """Packs ledgers. Raises ConflictError if some cannot be read: they are `broken` at the next try."""
        if not wanted:
            yield None
            return
        with incoming_folder(self._vault) as incoming:
            with closing(PackWriter()) as pack:
                unreadable = [ref for ref, tip in wanted.items() if not self._is_added(pack, ref, tip)]
                if unreadable:
                    raise ConflictError("ledgers of the store cannot be read", where=unreadable[0])
                store = os.path.join(self._vault.common_dir, "objects")
                pack.install(self._vault.git.with_environment(writing_to(incoming.folder, store)))
            yield incoming

    def track(self, heads: Mapping[str, str]) -> None:
        """Does nothing: a folder may be gone tomorrow, so nothing is remembered of it."""

    def _is_added(self, pack: PackWriter, ref: str, tip: str) -> bool:
        try:
            self._add(pack, ref, tip)
        except (CorruptLedgerError, UnknownNameError) as error:
            self.broken[ref] = words_of(error)
            return False
        return True

    def _add(self, pack: PackWriter, ref: str, tip: str) -> None:
        """Adds a ledger down to where it stands here; from a merge on, the whole rest of it."""
        mine, is_line, is_first = self._mine.get(ref), True, True
        for entry in self._store.entries(self._keys[ref]):
            name = entry_id(entry)
            if is_first and name != tip:
                raise ConflictError("the store moved while it was read", where=ref)
            if name == mine and is_line:
                return
            is_first, is_line = False, is_line and len(entry.parents) < 2
            self._add_entry(pack, entry)

    def _add_entry(self, pack: PackWriter, entry: StoreEntry) -> None:
        for name in (entry.artifacts or {}).values():
            if not pack.has(name):
                pack.add(BLOB, self._store.load_artifact(name))
        for kind, content in entry_objects(entry):
            pack.add(kind, content)


_RESULTS = {sync.PULLED: COPIED, sync.MERGED: MERGED, sync.REFUSED: REFUSED, sync.MOVING: MOVING}
_NEWER = "this repository has entries that are not there, and keeps them"


def import_ledgers(vault: Vault, kinds: Kinds, store: DesignStore) -> CopyOutcome:
    """Imports every ledger of `store`; no other sync runs here meanwhile."""
    with ledger_lock(vault, sync.PATIENCE_SECONDS, "sync.lock"):
        mine = PublishedRefs(vault).heads()
        remote = StoreRemote(vault, store, mine)
        pulling = sync.Pulling(vault, lambda: kinds, remote)
        changes = install_changes(pulling)
        conflicts = pulling.conflicts(changes.outcomes)
    found = {ref: _unmoved(_key(ref), head, mine.get(ref, "")) for ref, head in changes.theirs.items()}
    for each in changes.outcomes:
        key = _key(each.ref)
        found[each.ref] = LedgerOutcome(key, _RESULTS[each.result], each.old, each.new, each.why)
    for ref, why in remote.broken.items():
        found[ref] = LedgerOutcome(_key(ref), REFUSED, mine.get(ref, ""), "", why)
    return CopyOutcome(
        tuple(sorted(found.values())), tuple(dict.fromkeys(_key(place.ref) for place in conflicts))
    )


def _unmoved(key: LedgerKey, theirs: str, mine: str) -> LedgerOutcome:
    if theirs == mine:
        return LedgerOutcome(key, EQUAL, mine, mine)
    return LedgerOutcome(key, NEWER, mine, theirs, _NEWER)


def _key(ref: str) -> LedgerKey:
    return parse_session_ref(ref) or (parse_project_ref(ref) or ref, "")
