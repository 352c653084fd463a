"""The DesignStore, a place for ledgers, and what every implementation of it shares.

A store keeps entries and content, nothing else. There is no ``save_state``: the state is the fold of the
events, each entry carries it, and a store that could write it alone could contradict its own history.
What a session is, how stages move and what may be merged is decided above, the same for every store.

`tests/contracts/test_design_store.py` holds every implementation to this.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol

from idse_orchestrator.base.names import blob_id, check_name, check_new_name
from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.errors import LedgerMovedError, UnknownNameError
from idse_orchestrator.ledger.refs import project_ref, session_ref
from idse_orchestrator.stores.entry import Load, StoreEntry, corrupt_entry, entry_id, newest_first

LedgerKey = tuple[str, str]
"""(project, session) of a session's ledger; the ledger of the project itself is (project, "")."""


class Loaded(NamedTuple):
    """A ledger as it stands: the id of its newest entry, its state, and its documents by path."""

    tip: str
    state: bytes
    artifacts: Mapping[str, str]


class DesignStore(Protocol):
    """Ledgers in some place. A third party writes one in a hundred lines.

    Keys are checked by every method (`check_key`): InvalidNameError. What cannot be read as it was
    written raises CorruptLedgerError, what cannot be written StorageError.
    """

    def list_projects(self) -> Sequence[str]:
        """Returns the names of the projects that have a ledger of their own, in order."""

    def list_sessions(self, project: str | None = None) -> Sequence[LedgerKey]:
        """Returns the keys of all sessions that have a ledger, in order; of one project if given."""

    def load_session(self, key: LedgerKey) -> Loaded | None:
        """Returns where the ledger stands; None if there is none."""

    def load_state(self, key: LedgerKey) -> bytes | None:
        """Returns the state alone, as the newest entry has it; None without a ledger."""

    def entries(self, key: LedgerKey) -> Iterator[StoreEntry]:
        """Yields all entries, newest first, each before its parents; nothing without a ledger.

        They are those of one moment. Reading may be left at any time.
        """

    def save_session(self, key: LedgerKey, entries: Sequence[StoreEntry], expected: str | None) -> str:
        """Appends `entries`, parents first, to the ledger that stands at `expected`; returns the new tip.

        `expected` None begins a ledger. All of it or nothing: a reader sees the old tip or the new one.
        LedgerMovedError where the ledger stands elsewhere; CorruptLedgerError where the entries do not
        follow from what is there. Documents they name are saved before, by `save_artifact`.
        """

    def delete_session(self, key: LedgerKey, expected: str) -> None:
        """Deletes the ledger that stands at `expected`. Raises LedgerMovedError, UnknownNameError."""

    def load_artifact(self, content_id: str) -> bytes:
        """Returns the content of that id. Raises UnknownNameError if the store has none."""

    def save_artifact(self, content: bytes) -> str:
        """Keeps `content`, once; returns its id."""


class EntryStore(ABC):
    """Reading ledgers where each entry can be loaded by its id, for stores that inherit it."""

    @abstractmethod
    def _tip(self, key: LedgerKey) -> str | None:
        """Returns the id of the newest entry; None without a ledger."""

    @abstractmethod
    def _loader(self, key: LedgerKey) -> Load:
        """Returns what loads the entries of a ledger."""

    def load_session(self, key: LedgerKey) -> Loaded | None:
        """See `DesignStore.load_session`."""
        tip = self._tip(check_key(key))
        if tip is None:
            return None
        entry = self._loader(key)(tip)
        return Loaded(tip, entry.state, entry.artifacts or {})

    def load_state(self, key: LedgerKey) -> bytes | None:
        """See `DesignStore.load_state`."""
        loaded = self.load_session(key)
        return loaded.state if loaded else None

    def entries(self, key: LedgerKey) -> Iterator[StoreEntry]:
        """See `DesignStore.entries`."""
        tip = self._tip(check_key(key))
        return (entry for _, entry in newest_first(tip, self._loader(key))) if tip else iter(())


def check_key(key: LedgerKey) -> LedgerKey:
    """Returns `key`. Raises InvalidNameError unless both its names are allowed."""
    check_name("project", key[0])
    if key[1]:
        check_name("session", key[1])
    return key


def check_new_key(store: DesignStore, key: LedgerKey) -> None:
    """Raises InvalidNameError for a new ledger whose name differs from another only in case."""
    projects = {*store.list_projects(), *(project for project, _ in store.list_sessions())}
    check_new_name("project", key[0], projects - {key[0]})
    if key[1]:
        sessions = {session for _, session in store.list_sessions(key[0])}
        check_new_name("session", key[1], sessions - {key[1]})


def check_tip(key: LedgerKey, tip: str | None, expected: str | None) -> None:
    """Raises LedgerMovedError if the ledger does not stand where the caller read it."""
    if tip != expected:
        raise LedgerMovedError(
            f"the ledger of {ledger_name(key)} moved",
            cause=f"it stands at {tip[:12] if tip else 'nothing'}, "
            f"and was read at {expected[:12] if expected else 'nothing'}",
            fix=("run the command again",),
        )


def check_append(
    entries: Sequence[StoreEntry],
    expected: str | None,
    has_entry: Callable[[str], bool],
    has_artifact: Callable[[str], bool],
) -> Sequence[str]:
    """Returns the ids of `entries`. Raises CorruptLedgerError unless they follow from `expected`."""
    if not entries:
        raise corrupt_entry("(nothing)", "at least one entry is appended")
    ids: dict[str, StoreEntry] = {}
    contents: set[str] = set()
    for entry in entries:
        name = entry_id(entry)
        for parent in entry.parents:
            if parent not in ids and not has_entry(parent):
                raise corrupt_entry(name, f"its parent {parent} is not there")
        contents.update((entry.artifacts or {}).values())
        ids[name] = entry
    tip = next(reversed(ids))
    if expected is not None and expected not in _reached(tip, ids):
        raise corrupt_entry(tip, f"it does not follow from {expected}")
    for name in sorted(contents):
        if not has_artifact(name):
            raise corrupt_entry(tip, f"the document {name} was not saved")
    return list(ids)


def checked_entry(name: str, entry: StoreEntry | None) -> StoreEntry:
    """Returns `entry`. Raises CorruptLedgerError if it is missing (None) or not the one of that id."""
    if entry is None:
        raise corrupt_entry(name, "it is missing")
    if entry_id(entry) != name:
        raise corrupt_entry(name, "its content does not make up its id")
    return entry


def checked_content(content_id: str, content: bytes | None) -> bytes:
    """Returns `content`. Raises UnknownNameError if it is None, CorruptLedgerError if it has another id."""
    if content is None:
        raise no_such_content(content_id)
    if blob_id(content) != content_id:
        raise corrupt_entry(content_id, "the content does not make up its id")
    return content


def _reached(tip: str, ids: Mapping[str, StoreEntry]) -> set[str]:
    found: set[str] = set()
    waiting = [tip]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += ids[name].parents if name in ids else ()
    return found


def ledger_ref(key: LedgerKey) -> str:
    """Returns the ref that a ledger has in a repository. Raises InvalidNameError."""
    return session_ref(*key) if key[1] else project_ref(key[0])


def ledger_name(key: LedgerKey) -> str:
    """Returns the ledger in words: "project P", or "session P/S"."""
    return f"session {key[0]}/{key[1]}" if key[1] else f"project {key[0]}"


def no_such_ledger(key: LedgerKey) -> UnknownNameError:
    """Returns the error for a ledger that is not there."""
    return UnknownNameError(f"there is no ledger of {ledger_name(key)}", fix=("idse session list",))


def no_such_content(content_id: str) -> UnknownNameError:
    """Returns the error for content that is not there."""
    return UnknownNameError(f"this store has no content {content_id!r}")
