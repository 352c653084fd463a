"""The artifacts that the ledgers of any DesignStore hold, now and at every earlier entry."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

from idse_orchestrator.domain.claims.evidence import Version
from idse_orchestrator.domain.design_store import DesignStore, LedgerKey
from idse_orchestrator.domain.pipeline_artifacts import ARTIFACTS
from idse_orchestrator.domain.store_entry import StoreEntry, entry_id
from idse_orchestrator.errors import CorruptLedgerError, UnknownNameError


class StoreLedgerDocuments:
    """The `LedgerDocuments` port on a store."""

    def __init__(self, store: DesignStore) -> None:
        self._store = store
        self._keys: dict[str, LedgerKey] = {}

    def tips(self, project: str) -> Mapping[str, Version]:
        """See `LedgerDocuments.tips`."""
        found: dict[str, Version] = {}
        for key in self._store.list_sessions(project):
            for entry in islice(self._entries(key), 1):
                found[key[1]] = version = _version(entry)
                self._keys[version.commit] = key
        return found

    def history(self, tips: Iterable[str]) -> Mapping[str, Version]:
        """See `LedgerDocuments.history`."""
        wanted = set(tips)
        found: dict[str, Version] = {}
        known = wanted <= self._keys.keys()
        for key in [self._keys[tip] for tip in wanted] if known else self._store.list_sessions():
            versions = {version.commit: version for version in map(_version, self._entries(key))}
            if wanted & versions.keys():
                found |= versions
        return found

    def contents(self, blobs: Iterable[str]) -> Mapping[str, bytes]:
        """See `LedgerDocuments.contents`."""
        found = {}
        for blob in dict.fromkeys(blobs):
            try:
                found[blob] = self._store.load_artifact(blob)
            except (CorruptLedgerError, UnknownNameError):
                continue
        return found

    def _entries(self, key: LedgerKey) -> Iterator[StoreEntry]:
        """Those that can be read, newest first."""
        try:
            yield from self._store.entries(key)
        except CorruptLedgerError:
            return


def _version(entry: StoreEntry) -> Version:
    files = entry.artifacts or {}
    blobs = {stage: files[path] for stage, path in ARTIFACTS.items() if path in files}
    day = time.strftime("%Y-%m-%d", time.gmtime(min(entry.committed, 253_402_300_799)))
    return Version(entry_id(entry), entry.parents, entry.committed, day, blobs)
