"""A DesignStore in memory, which the contract suite holds to what every store promises."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from threading import Lock

from idse_orchestrator.base.names import blob_id
from idse_orchestrator.stores.design_store import (
    LedgerKey,
    Loaded,
    check_append,
    check_key,
    check_new_key,
    check_tip,
    no_such_content,
    no_such_ledger,
)
from idse_orchestrator.stores.entry import StoreEntry, newest_first


class MemoryStore:
    """A `DesignStore`; threads may share one."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._tips: dict[LedgerKey, str] = {}
        self._entries: dict[str, StoreEntry] = {}
        self._contents: dict[str, bytes] = {}

    def list_projects(self) -> Sequence[str]:
        return sorted(project for project, session in list(self._tips) if not session)

    def list_sessions(self, project: str | None = None) -> Sequence[LedgerKey]:
        return sorted(key for key in list(self._tips) if key[1] and project in (None, key[0]))

    def load_session(self, key: LedgerKey) -> Loaded | None:
        tip = self._tips.get(check_key(key))
        if tip is None:
            return None
        entry = self._entries[tip]
        return Loaded(tip, entry.state, dict(entry.artifacts or {}))

    def load_state(self, key: LedgerKey) -> bytes | None:
        loaded = self.load_session(key)
        return loaded.state if loaded else None

    def entries(self, key: LedgerKey) -> Iterator[StoreEntry]:
        tip = self._tips.get(check_key(key))
        return (entry for _, entry in newest_first(tip, self._entries.__getitem__)) if tip else iter(())

    def save_session(self, key: LedgerKey, entries: Sequence[StoreEntry], expected: str | None) -> str:
        check_key(key)
        with self._lock:
            check_tip(key, self._tips.get(key), expected)
            if expected is None:
                check_new_key(self, key)
            ids = check_append(entries, expected, self._entries.__contains__, self._contents.__contains__)
            self._entries.update(zip(ids, entries, strict=True))
            self._tips[key] = ids[-1]
            return ids[-1]

    def delete_session(self, key: LedgerKey, expected: str) -> None:
        check_key(key)
        with self._lock:
            if key not in self._tips:
                raise no_such_ledger(key)
            check_tip(key, self._tips[key], expected)
            del self._tips[key]

    def load_artifact(self, content_id: str) -> bytes:
        if content_id not in self._contents:
            raise no_such_content(content_id)
        return self._contents[content_id]

    def save_artifact(self, content: bytes) -> str:
        name = blob_id(content)
        self._contents[name] = bytes(content)
        return name
