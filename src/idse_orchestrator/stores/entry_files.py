"""The files in the folder of a store, read without trusting what stands there, and brought to the disk.

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
import stat
from contextlib import suppress
from typing import TYPE_CHECKING

from idse_orchestrator.base.files import make_folder, raise_if_lost, storage_error, sync_to_disk
from idse_orchestrator.errors import CorruptLedgerError, StorageError
from idse_orchestrator.stores.entry import StoreEntry, entry_id

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from idse_orchestrator.stores.design_store import LedgerKey

MOST_BYTES = 64 * 1024 * 1024
"""Nothing of a store is larger; what is, is not loaded."""
STORE = "the store"
"""What a store is called where it cannot be written."""
FEW = 8
"""More files than this are brought to the disk by one call for all, not by one for each."""
_READ = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


def read_file(path: str, limit: int = MOST_BYTES) -> bytes | None:
    """Returns the content of a plain file; None if there is nothing. Raises CorruptLedgerError otherwise."""
    try:
        descriptor = os.open(path, _READ)  # a pipe would keep us waiting, a link would lead elsewhere
    except FileNotFoundError:
        return None
    except OSError as error:
        raise unreadable(path, error.strerror or str(error)) from error
    with open(descriptor, "rb") as file:
        about = os.fstat(descriptor)
        if not stat.S_ISREG(about.st_mode):
            raise unreadable(path, "it is no plain file")
        if about.st_size > limit:
            raise unreadable(path, f"it has {about.st_size:,} bytes, and the limit is {limit:,}")
        return file.read(limit)


def holds(path: str, content: bytes) -> bool:
    """Tests whether the file is there and whole. A power cut empties files that no entry named yet."""
    try:
        return read_file(path) == content
    except CorruptLedgerError:
        return False


def settle(paths: Collection[str], top: str) -> None:
    """Brings the files `paths` below `top`, which were written before, and their names to the disk."""
    if len(paths) > FEW and _settled_at_once(top):
        return
    for path in paths:
        sync_to_disk(path, STORE)
    for folder in {folder for path in paths for folder in _folders_to(path, top)}:
        sync_to_disk(folder, STORE)


def _settled_at_once(place: str) -> bool:
    """Brings all of the file system of `place` to the disk, and no other; False if no call does that."""
    try:
        import ctypes

        call = ctypes.CDLL(None, use_errno=True).syncfs
    except (ImportError, OSError, AttributeError):
        return False
    descriptor = os.open(place, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if call(descriptor) == 0:
            return True
        raise_if_lost(OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno())), place, STORE)
    finally:
        os.close(descriptor)
    return False


def _folders_to(path: str, top: str) -> Iterator[str]:
    """Yields the folders that lead to `path`, from its own up to `top`."""
    folder = os.path.dirname(path)
    while len(folder) > len(top):
        yield folder
        folder = os.path.dirname(folder)
    yield top


def make_own_folder(root: str, path: str) -> str:
    """Makes the folder `path` below `root`. Raises CorruptLedgerError if a link leads elsewhere."""
    relative = os.path.relpath(path, root)
    place = root
    for part in relative.split(os.sep):
        place = os.path.join(place, part)
        if os.path.islink(place):
            raise unreadable(place, "a symbolic link could lead out of the store")
    return make_folder(path, STORE)


def refused(error: OSError, path: str) -> StorageError:
    """Returns the error for a write that the system refused in a store."""
    return storage_error(error, path, STORE)


def unreadable(path: str, cause: str) -> CorruptLedgerError:
    """Returns the error for a file of a store that is not what it should be."""
    return CorruptLedgerError("this store is damaged", where=path, cause=cause)


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
