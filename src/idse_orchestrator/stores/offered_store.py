"""A store that an installed package offers, so that what it fails with is told with its name.

What somebody else wrote may raise anything. That is no defect of idse, and it is no reason to lose the words
that say what is wrong. What it raises of ours, such as a ledger that moved, goes through as it is.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from idse_orchestrator.errors import IdseError, StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from idse_orchestrator.domain.design_store import DesignStore, LedgerKey, Loaded
    from idse_orchestrator.domain.store_entry import StoreEntry


class OfferedStore:
    """The `DesignStore` port on `store`, which is called `name` and keeps its ledgers at `location`."""

    def __init__(self, name: str, location: str, store: DesignStore) -> None:
        self._name = name
        self._location = location
        self._store = store

    def list_projects(self) -> Sequence[str]:
        """See `DesignStore.list_projects`."""
        with self._asked("list_projects"):
            return self._store.list_projects()

    def list_sessions(self, project: str | None = None) -> Sequence[LedgerKey]:
        """See `DesignStore.list_sessions`."""
        with self._asked("list_sessions"):
            return self._store.list_sessions(project)

    def load_session(self, key: LedgerKey) -> Loaded | None:
        """See `DesignStore.load_session`."""
        with self._asked("load_session"):
            return self._store.load_session(key)

    def load_state(self, key: LedgerKey) -> bytes | None:
        """See `DesignStore.load_state`."""
        with self._asked("load_state"):
            return self._store.load_state(key)

    def entries(self, key: LedgerKey) -> Iterator[StoreEntry]:
        """See `DesignStore.entries`."""
        with self._asked("entries"):
            return self._read(iter(self._store.entries(key)))

    def save_session(self, key: LedgerKey, entries: Sequence[StoreEntry], expected: str | None) -> str:
        """See `DesignStore.save_session`."""
        with self._asked("save_session"):
            return self._store.save_session(key, entries, expected)

    def delete_session(self, key: LedgerKey, expected: str) -> None:
        """See `DesignStore.delete_session`."""
        with self._asked("delete_session"):
            self._store.delete_session(key, expected)

    def load_artifact(self, content_id: str) -> bytes:
        """See `DesignStore.load_artifact`."""
        with self._asked("load_artifact"):
            return self._store.load_artifact(content_id)

    def save_artifact(self, content: bytes) -> str:
        """See `DesignStore.save_artifact`."""
        with self._asked("save_artifact"):
            return self._store.save_artifact(content)

    def _read(self, entries: Iterator[StoreEntry]) -> Iterator[StoreEntry]:
        while True:
            with self._asked("entries"):
                entry = next(entries, None)
            if entry is None:
                return
            yield entry

    @contextmanager
    def _asked(self, method: str) -> Iterator[None]:
        try:
            yield
        except IdseError:
            raise
        except Exception as error:
            raise StorageError(
                f"the store {self._name!r} failed",
                where=self._location,
                cause=f"{method}: {type(error).__name__}: {error}",
                fix=("see to the place that it names, or to the package that offers this store",),
            ) from error
