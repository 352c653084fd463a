"""The artifacts that the ledgers of any DesignStore hold, now and at every earlier entry."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

from idse_orchestrator.claims.gate import Version
from idse_orchestrator.documents.project_workspace import ARTIFACTS
from idse_orchestrator.errors import AmbiguousError, CorruptLedgerError, UnknownNameError
from idse_orchestrator.ledger.entries import read_event
from idse_orchestrator.ledger.events import SessionKey, Synced, Tip
from idse_orchestrator.pipeline.stage_state_model import SessionState, state_from_json
from idse_orchestrator.pipeline.values import Look, ProjectState, ProjectTip, SessionTip, project_from_json
from idse_orchestrator.stores.design_store import DesignStore, LedgerKey, ledger_name
from idse_orchestrator.stores.entry import StoreEntry, entry_id, unreadable_state

if TYPE_CHECKING:
    from idse_orchestrator.stores.plain_folders import Folders


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


_EVENT = re.compile(r"0[0-9A-HJKMNP-TV-Z]{9,25}", re.ASCII)
_BACK = re.compile(r"(?P<session>[^@]*)@\{(?P<steps>\d{1,9})\}", re.ASCII)
_HEX = re.compile(r"[0-9a-f]{4,40}", re.ASCII)

State = TypeVar("State", SessionState, ProjectState)


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
        return self._tip((project, session), state_from_json)

    def project(self, project: str) -> ProjectTip | None:
        """See `LedgerReader.project`."""
        return self._tip((project, ""), project_from_json)

    def look(self, project: str, session: str) -> Look | None:
        """See `LedgerReader.look`."""
        tip = self.session(project, session)
        if tip is None:
            return None
        owner = self.project(project)
        parts = owner.state.parts if owner else {}
        return Look(tip, _by_stage(self._folders.files(tip.artifacts)), parts)

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
        back = _BACK.fullmatch(name)
        if back and back["session"] in ("", session, f"{project}/{session}"):
            steps = int(back["steps"])
            found = [entry_id(entry) for entry in islice(entries, steps, steps + 1)]
        else:
            found = [each for entry in entries if _is_named(each := entry_id(entry), entry, name)]
        if len(found) == 1:
            return found[0]
        if found:
            raise AmbiguousError(
                f"{name!r} stands for {len(found)} events of {project}/{session}",
                cause=", ".join(commit[:10] for commit in found[:5]),
                fix=("type more of it",),
            )
        raise UnknownNameError(f"there is no event {name!r} in {project}/{session}", fix=("idse log",))

    def last_sync(self) -> str:
        """See `LedgerReader.last_sync`: a store is not synced, it is exported and imported."""
        return ""

    def synced(self, project: str, session: str) -> Synced:  # noqa: ARG002 - the port's signature
        """See `LedgerReader.synced`."""
        return Synced("", "")

    def _tip(self, key: LedgerKey, parse: Callable[[bytes], State]) -> Tip[State] | None:
        loaded = self._store.load_session(key)
        if loaded is None:
            return None
        return Tip(loaded.tip, self._folders.id_of(loaded.artifacts), _parsed(key, parse, loaded.state))


def _is_named(commit: str, entry: StoreEntry, name: str) -> bool:
    if _EVENT.fullmatch(name.upper()) and entry.event is not None:
        try:
            return read_event(entry.event).id.startswith(name.upper())
        except ValueError:
            return False
    return bool(_HEX.fullmatch(name.lower())) and commit.startswith(name.lower())


def _by_stage(files: Mapping[str, str]) -> dict[str, str]:
    return {stage: files[path] for stage, path in ARTIFACTS.items() if path in files}


def _parsed(key: LedgerKey, parse: Callable[[bytes], State], data: bytes) -> State:
    try:
        return parse(data)
    except ValueError as error:
        raise unreadable_state(ledger_name(key), error) from error
