"""The entries of one ledger as folders of files."""

from __future__ import annotations

import json
import os
import re
from contextlib import suppress
from typing import TYPE_CHECKING

from idse_orchestrator.domain.store_entry import StoreEntry, entry_id
from idse_orchestrator.errors import CorruptLedgerError
from idse_orchestrator.stores.filesystem.files import (
    make_own_folder,
    read_file,
    refused,
    settle,
    unreadable,
    write_file,
)
from idse_orchestrator.stores.filesystem.layout import COMMIT, DOCUMENTS, ENTRIES, EVENT, STATE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_NAME = re.compile(r"(\d{1,12})-([0-9a-f]{40})", re.ASCII)
_BEGUN = ".new-"


class EntryFiles:
    """The entries below `folder`, which is that of a ledger in the store `root`."""

    def __init__(self, root: str, folder: str) -> None:
        self._root = root
        self._folder = os.path.join(folder, ENTRIES)
        self._names: dict[str, str] | None = None

    def has(self, name: str) -> bool:
        """Whether the entry of that id is there."""
        return name in self._known() or name in self._known(again=True)

    def load(self, name: str) -> StoreEntry:
        """The entry of that id; CorruptLedgerError where it is missing or not what it was."""
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
        """Have all of `entries`, id to entry, on the disk. StorageError when it refuses."""
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
        """The folder of one entry. As long as it is not complete it has another name."""
        if not self._is_whole(name):
            begun = os.path.join(self._folder, f"{_BEGUN}{name}")
            os.mkdir(begun)
            for part, content in _parts(entry):
                write_file(os.path.join(begun, part), content, lasting=False)
            if name in self._known():
                _remove(os.path.join(self._folder, self._known()[name]))
            self._known()[name] = f"{_number(entry.state):06d}-{name}"
            os.rename(begun, os.path.join(self._folder, self._known()[name]))
        return os.path.join(self._folder, self._known()[name])

    def _is_whole(self, name: str) -> bool:
        """Whether the entry is there as it should be. A power cut leaves one that no tip named in pieces."""
        try:
            return name in self._known() and bool(self.load(name))
        except CorruptLedgerError:
            return False

    def _sweep(self) -> None:
        """Remove what a killed writer began; the caller holds the lock, so nobody is at it now."""
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
    """The lamport number, so that a listing of the folder is in order; 0 where the state has none."""
    try:
        number = json.loads(state)["lamport"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return 0
    return number if type(number) is int and 0 <= number < 10**12 else 0
