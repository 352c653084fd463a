"""Ledgers in any DesignStore: read, written, and their folders of documents known by their ids."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from idse_orchestrator.base.names import PLAIN, folder_id
from idse_orchestrator.claims.gate import Version
from idse_orchestrator.documents.project_workspace import ARTIFACTS
from idse_orchestrator.errors import CorruptLedgerError, UnknownNameError
from idse_orchestrator.ledger.entries import read_event
from idse_orchestrator.ledger.events import SessionKey, Synced, Tip
from idse_orchestrator.ledger.kinds import refuse_unknown
from idse_orchestrator.ledger.merge.conflicts import conflict_line
from idse_orchestrator.ledger.merge.paths import File
from idse_orchestrator.ledger.writer import seconds_of
from idse_orchestrator.pipeline.stage_state_model import SessionState, state_from_json
from idse_orchestrator.pipeline.values import (
    COMMIT_PREFIX,
    EVENT_PREFIX,
    Look,
    ProjectState,
    ProjectTip,
    SessionTip,
    only_match,
    project_from_json,
    steps_back,
)
from idse_orchestrator.stores.copy_ledgers import all_keys
from idse_orchestrator.stores.design_store import DesignStore, LedgerKey, ledger_name
from idse_orchestrator.stores.entry import Content, StoreEntry, entry_id, make_entry, unreadable_state

if TYPE_CHECKING:
    from idse_orchestrator.ledger.kinds import Named
    from idse_orchestrator.ledger.writer import Made


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
        """Yields those that can be read, newest first."""
        try:
            yield from self._store.entries(key)
        except CorruptLedgerError:
            return


def _version(entry: StoreEntry) -> Version:
    day = time.strftime("%Y-%m-%d", time.gmtime(min(entry.committed, 253_402_300_799)))
    return Version(entry_id(entry), entry.parents, entry.committed, day, _by_stage(entry.artifacts or {}))


State = TypeVar("State")


class StoreLedgerReader:
    """The `LedgerReader` port on a store."""

    def __init__(self, store: DesignStore, folders: Folders) -> None:
        self._store = store
        self._folders = folders

    def projects(self) -> Sequence[str]:
        """See `LedgerReader.projects`."""
        return self._store.list_projects()

    def sessions(self, project: str | None = None) -> Sequence[SessionKey]:
        """See `LedgerReader.sessions`."""
        return self._store.list_sessions(project)

    def session(self, project: str, session: str) -> SessionTip | None:
        """See `LedgerReader.session`."""
        return _tip(self._store, self._folders, (project, session), state_from_json)

    def project(self, project: str) -> ProjectTip | None:
        """See `LedgerReader.project`."""
        return _tip(self._store, self._folders, (project, ""), project_from_json)

    def look(self, project: str, session: str) -> Look | None:
        """See `LedgerReader.look`."""
        tip = self.session(project, session)
        if tip is None:
            return None
        owner = self.project(project)
        parts = owner.state.parts if owner else {}
        files = self._folders.files(tip.artifacts)
        blobs = _by_stage(files)
        lines = {
            path: conflict_line(self._store.load_artifact(files[path])) for path in _documents_first(files)
        }
        conflicts = {path: line for path, line in lines.items() if line}
        entry = self._folders.entry(tip.commit)
        return Look(tip, blobs, parts, conflicts=conflicts, event=(entry.event if entry else None) or b"")

    def blob(self, name: str) -> bytes | None:
        """See `LedgerReader.blob`."""
        try:
            return self._store.load_artifact(name)
        except UnknownNameError:
            return None

    def states(self, keys: Iterable[SessionKey]) -> Mapping[SessionKey, SessionState]:
        """See `LedgerReader.states`."""
        found = {key: self._store.load_state(key) for key in keys}
        return {key: _parsed(key, state_from_json, data) for key, data in found.items() if data is not None}

    def project_at(self, project: str, commit: str) -> ProjectState | None:
        """See `LedgerReader.project_at`."""
        for entry in self._store.entries((project, "")):
            if entry_id(entry) == commit:
                return _parsed((project, ""), project_from_json, entry.state)
        return None

    def tree_files(self, tree: str) -> Mapping[str, str]:
        """See `LedgerReader.tree_files`."""
        return self._folders.files(tree)

    def artifact_blobs(self, commit: str) -> Mapping[str, str]:
        """See `LedgerReader.artifact_blobs`."""
        entry = self._folders.entry(commit)
        return _by_stage(entry.artifacts or {}) if entry else {}

    def find_commit(self, project: str, session: str, name: str) -> str:
        """See `LedgerReader.find_commit`."""
        entries = self._store.entries((project, session))
        steps = steps_back((project, session), name)
        if steps is not None:
            found = [entry_id(entry) for entry in islice(entries, steps, steps + 1)]
        else:
            found = [each for entry in entries if _is_named(each := entry_id(entry), entry, name)]
        return only_match((project, session), name, found)

    def last_sync(self) -> str:
        """See `LedgerReader.last_sync`: a store is not synced, it is exported and imported."""
        return ""

    def synced(self, project: str, session: str) -> Synced:  # noqa: ARG002 - the port's signature
        """See `LedgerReader.synced`."""
        return Synced("", "")


def _is_named(commit: str, entry: StoreEntry, name: str) -> bool:
    if EVENT_PREFIX.fullmatch(name.upper()) and entry.event is not None:
        try:
            return read_event(entry.event).id.startswith(name.upper())
        except ValueError:
            return False
    return bool(COMMIT_PREFIX.fullmatch(name.lower())) and commit.startswith(name.lower())


def _by_stage(files: Mapping[str, str]) -> dict[str, str]:
    return {stage: files[path] for stage, path in ARTIFACTS.items() if path in files}


def _documents_first(files: Mapping[str, str]) -> Iterable[str]:
    return dict.fromkeys([path for path in ARTIFACTS.values() if path in files] + sorted(files))


def _tip(
    store: DesignStore, folders: Folders, key: LedgerKey, parse: Callable[[bytes], State]
) -> Tip[State] | None:
    loaded = store.load_session(key)
    if loaded is None:
        return None
    return Tip(loaded.tip, folders.id_of(loaded.artifacts), _parsed(key, parse, loaded.state))


def _parsed(key: LedgerKey, parse: Callable[[bytes], State], data: bytes) -> State:
    try:
        return parse(data)
    except ValueError as error:
        raise unreadable_state(ledger_name(key), error) from error


EMPTY = folder_id({})


class Folders:
    """The folders that were seen by this process, and those that entries hold."""

    def __init__(self, store: DesignStore) -> None:
        self._store = store
        self._known: dict[str, Mapping[str, str]] = {"": {}, EMPTY: {}}

    def id_of(self, files: Mapping[str, str]) -> str:
        """Returns the id of a folder, path to content id; "" where it has no file."""
        if not files:
            return ""
        name = folder_id(files)
        self._known[name] = dict(files)
        return name

    def files(self, name: str) -> Mapping[str, str]:
        """Returns path to content id of the folder with that id.

        CorruptLedgerError where nothing holds it.
        """
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
        """Returns the entry of that id, in whichever ledger; None where none has it."""
        return next((entry for _, entry in self.all_entries() if entry_id(entry) == commit), None)

    def all_entries(self) -> Iterator[tuple[LedgerKey, StoreEntry]]:
        """Yields every entry of every ledger, with the ledger's key."""
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

        def parse(data: bytes) -> Any:  # noqa: ANN401 - each kind has its own states
            state = named.kind.from_json(data)
            refuse_unknown(named.kind, state, data, None)
            return state

        return _tip(self._store, self._folders, _key(named), parse)

    def keep(self, named: Named, made: Made) -> str:  # noqa: ARG002 - the port's signature
        """See `Backend.keep`."""
        documents = self._folders.files(made.artifacts) if made.artifacts else None
        content = Content(made.event.to_json(), made.state, documents)
        entry = make_entry(content, [made.before] if made.before else [], _signature(made), made.message)
        self._waiting.append(entry)
        return entry_id(entry)

    def move(self, named: Named, old: str | None, new: Tip[Any], subject: str) -> None:  # noqa: ARG002 - as above
        """See `Backend.move`."""
        self._store.save_session(_key(named), self._waiting, old)

    def title(self, named: Named) -> str:
        """See `Backend.title`."""
        return f"the ledger of {ledger_name(_key(named))}"


def _key(named: Named) -> LedgerKey:
    project, session = (*named.names, "")[:2]
    return project, session


def _signature(made: Made) -> str:
    """Returns author and date as git writes them on a commit; it has no time before 1970."""
    now = max(0, seconds_of(made.event.at))
    minutes = 0 if made.is_old else time.localtime(now).tm_gmtoff // 60
    zone = f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}{abs(minutes) % 60:02d}"
    return f"{made.event.actor.name} <{made.event.actor.email}> {now} {zone}"
