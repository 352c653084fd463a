"""Where everything stands in the folder of a store.

::

    idse-store.json                          MARKER: what the folder is, and its format
    lock                                     held by whoever writes
    projects/<project>/                      the project's own ledger, if it has one
      tip                                    id of its newest entry: the one file that ever moves
      state.json                             what that entry says, for people; never read back
      entries/<number>-<id>/                 one entry; the number is its state's lamport number
        commit                               the commit as git stores it: who, when, after what, and why
        event.json                           what happened; not there in a merge
        state.json                           where the ledger stood then
        artifacts.json                       documents by path, with their content ids
    projects/<project>/sessions/<session>/   the same for the ledger of a session
    artifacts/<2 digits>/<38 digits>         a document, as it is, by its content id

Nothing is ever changed but `tip` and the `state.json` beside it, each in one step.
"""

from __future__ import annotations

import json
import os
import re
from contextlib import suppress
from typing import TYPE_CHECKING

from idse_orchestrator.base.names import check_name, check_new_name, is_name
from idse_orchestrator.errors import CorruptLedgerError
from idse_orchestrator.stores.design_store import LedgerKey
from idse_orchestrator.stores.entry import StoreEntry, entry_id
from idse_orchestrator.stores.store_files import (
    make_own_folder,
    read_file,
    refused,
    settle,
    unreadable,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MARKER = "idse-store.json"
FORMAT = 1

TIP = "tip"
ENTRIES = "entries"
COMMIT = "commit"
EVENT = "event.json"
STATE = "state.json"
DOCUMENTS = "artifacts.json"
PROJECTS = "projects"
SESSIONS = "sessions"
CONTENTS = "artifacts"


def ledger_folder(root: str, key: LedgerKey) -> str:
    """Returns the folder of a ledger; its names have been checked."""
    project, session = key
    folder = os.path.join(root, PROJECTS, project)
    return os.path.join(folder, SESSIONS, session) if session else folder


def content_path(root: str, content_id: str) -> str:
    """Returns where content of that id stands."""
    return os.path.join(root, CONTENTS, content_id[:2], content_id[2:])


class LedgerNames:
    """The names of the ledgers below `root`: where a ledger is, there is its `tip`, readable or not."""

    def __init__(self, root: str) -> None:
        self._root = root

    def projects(self) -> list[str]:
        """Returns the projects that have a ledger of their own, in order."""
        return [project for project in self._allowed("") if self._has((project, ""))]

    def sessions(self, project: str | None = None) -> list[LedgerKey]:
        """Returns the keys of all sessions that have a ledger, in order; of one project if given."""
        owners = self._allowed("") if project is None else [check_name("project", project)]
        keys = [(owner, session) for owner in owners for session in self._allowed(owner)]
        return [key for key in keys if self._has(key)]

    def check_new(self, key: LedgerKey) -> None:
        """Does what `check_new_key` does, without asking all the others whether they are ledgers."""
        project, session = key
        taken = [name for name in self._alike("", project) if self._has((name, "")) or self.sessions(name)]
        check_new_name("project", project, taken)
        if session:
            taken = [name for name in self._alike(project, session) if self._has((project, name))]
            check_new_name("session", session, taken)

    def _alike(self, project: str, new: str) -> list[str]:
        """Returns other names that differ from `new` only in case."""
        form = new.casefold()
        return [name for name in self._listed(project) if name.casefold() == form and name != new]

    def _allowed(self, project: str) -> list[str]:
        return sorted(name for name in self._listed(project) if is_name(name))

    def _listed(self, project: str) -> list[str]:
        """Returns the names of projects that have a folder, or of the sessions of `project`."""
        folder = os.path.join(self._root, PROJECTS, *((project, SESSIONS) if project else ()))
        try:
            with os.scandir(folder) as found:
                return [entry.name for entry in found if entry.is_dir(follow_symlinks=False)]
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise unreadable(folder, error.strerror or str(error)) from error

    def _has(self, key: LedgerKey) -> bool:
        return os.path.lexists(os.path.join(ledger_folder(self._root, key), TIP))


_NAME = re.compile(r"(\d{1,12})-([0-9a-f]{40})", re.ASCII)
_BEGUN = ".new-"


class EntryFiles:
    """The entries below `folder`, which is that of a ledger in the store `root`."""

    def __init__(self, root: str, folder: str) -> None:
        self._root = root
        self._folder = os.path.join(folder, ENTRIES)
        self._names: dict[str, str] | None = None

    def has(self, name: str) -> bool:
        """Tests whether the entry of that id is there."""
        return name in self._known() or name in self._known(again=True)

    def load(self, name: str) -> StoreEntry:
        """Returns the entry of that id. Raises CorruptLedgerError if it is missing or not what it was."""
        if not self.has(name):
            raise unreadable(os.path.join(self._folder, f"…-{name}"), "this entry is missing")
        folder = os.path.join(self._folder, self._known()[name])
        parts = [read_file(os.path.join(folder, part)) for part in (COMMIT, EVENT, STATE, DOCUMENTS)]
        commit, event, state, documents = parts
        if commit is None or state is None:
            raise unreadable(folder, f"it has no {COMMIT if commit is None else STATE}")
        entry = StoreEntry(commit, event, state, _documents(folder, documents))
        if entry_id(entry) != name:
            raise unreadable(folder, "its content is not what its name says: something was changed")
        return entry

    def write(self, entries: Mapping[str, StoreEntry]) -> None:
        """Brings all of `entries`, id to entry, to the disk. Raises StorageError if it refuses."""
        make_own_folder(self._root, self._folder)
        self._sweep()
        self._known(again=True)
        try:
            folders = {self._written(name, entry): entry for name, entry in entries.items()}
        except OSError as error:
            raise refused(error, self._folder) from error
        files = [os.path.join(place, part) for place, entry in folders.items() for part, _ in _parts(entry)]
        settle(files, self._root)

    def _written(self, name: str, entry: StoreEntry) -> str:
        """Writes one entry and returns its folder, which has another name until it is complete."""
        if not self._is_whole(name):
            begun = os.path.join(self._folder, f"{_BEGUN}{name}")
            os.mkdir(begun)
            for part, content in _parts(entry):
                with open(os.path.join(begun, part), "xb") as file:
                    file.write(content)
            if name in self._known():
                _remove(os.path.join(self._folder, self._known()[name]))
            self._known()[name] = f"{_number(entry.state):06d}-{name}"
            os.rename(begun, os.path.join(self._folder, self._known()[name]))
        return os.path.join(self._folder, self._known()[name])

    def _is_whole(self, name: str) -> bool:
        """Tests whether the entry is there in one piece: a power cut spoils one that no tip names."""
        try:
            return name in self._known() and bool(self.load(name))
        except CorruptLedgerError:
            return False

    def _sweep(self) -> None:
        """Removes what a killed writer began; the caller holds the lock, so nobody is at it now."""
        for name in os.listdir(self._folder):
            if name.startswith(_BEGUN):
                with suppress(OSError):
                    _remove(os.path.join(self._folder, name))

    def _known(self, *, again: bool = False) -> dict[str, str]:
        if self._names is None or again:
            try:
                found = [_NAME.fullmatch(name) for name in os.listdir(self._folder)]
            except FileNotFoundError:
                found = []
            except OSError as error:
                raise unreadable(self._folder, error.strerror or str(error)) from error
            self._names = {match[2]: match[0] for match in found if match}
        return self._names


def _remove(path: str) -> None:
    from shutil import rmtree

    if os.path.isdir(path) and not os.path.islink(path):
        rmtree(path)
    else:
        os.unlink(path)


def _parts(entry: StoreEntry) -> Sequence[tuple[str, bytes]]:
    documents = json.dumps(entry.artifacts, indent=1, sort_keys=True).encode() + b"\n"
    event = [(EVENT, entry.event)] if entry.event is not None else []
    return [(COMMIT, entry.commit), *event, (STATE, entry.state), (DOCUMENTS, documents)]


def _documents(folder: str, data: bytes | None) -> Mapping[str, str] | None:
    if data is None:
        raise unreadable(folder, f"it has no {DOCUMENTS}")
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise unreadable(folder, f"{DOCUMENTS}: {error}") from error
    if value is not None and not (
        isinstance(value, dict) and all(isinstance(name, str) for name in value.values())
    ):
        raise unreadable(folder, f"{DOCUMENTS} is no table of paths and content ids")
    return value


def _number(state: bytes) -> int:
    """Returns the lamport number, so that a listing of the folder is in order; 0 if the state has none."""
    try:
        number = json.loads(state)["lamport"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return 0
    return number if type(number) is int and 0 <= number < 10**12 else 0
