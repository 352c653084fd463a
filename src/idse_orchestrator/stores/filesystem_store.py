"""A DesignStore in a plain folder, without the git program and libgit2; `entry_files` says what stands where.

Everything an entry needs is on the disk before `tip` names it, so a process killed at any instant
leaves the old tip or the new one. Writers take turns by a lock that the kernel drops with its process.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from idse_orchestrator.base.files import (
    file_lock,
    make_folder,
    remove_quietly,
    sync_to_disk,
    write_atomically,
)
from idse_orchestrator.base.names import blob_id, check_name, check_new_name, is_name
from idse_orchestrator.errors import InvalidConfigurationError
from idse_orchestrator.stores.design_store import (
    EntryStore,
    LedgerKey,
    check_append,
    check_key,
    check_tip,
    no_such_content,
    no_such_ledger,
)
from idse_orchestrator.stores.entry import Load, StoreEntry
from idse_orchestrator.stores.entry_files import (
    FORMAT,
    MARKER,
    PROJECTS,
    SESSIONS,
    STATE,
    STORE,
    TIP,
    EntryFiles,
    content_path,
    holds,
    ledger_folder,
    make_own_folder,
    read_file,
    refused,
    settle,
    unreadable,
)

if TYPE_CHECKING:
    from collections.abc import Sequence


_ID = re.compile(r"[0-9a-f]{40}", re.ASCII)
_MARKED = {"format": FORMAT, "what": "a store of idse ledgers"}


class FilesystemStore(EntryStore):
    """The `DesignStore` port in the folder `root`, which is made when something is first written."""

    def __init__(self, root: str) -> None:
        self._root = os.path.abspath(root)
        _check_marker(self._root)
        self._names = LedgerNames(self._root)

    def list_projects(self) -> Sequence[str]:
        """See `DesignStore.list_projects`."""
        return self._names.projects()

    def list_sessions(self, project: str | None = None) -> Sequence[LedgerKey]:
        """See `DesignStore.list_sessions`."""
        return self._names.sessions(project)

    def save_session(self, key: LedgerKey, entries: Sequence[StoreEntry], expected: str | None) -> str:
        """See `DesignStore.save_session`."""
        check_key(key)
        with self._writing():
            check_tip(key, self._tip(key), expected)
            if expected is None:
                self._names.check_new(key)
            files = self._files(key)
            ids = check_append(entries, expected, files.has, self._has_content)
            named = {name for entry in entries for name in (entry.artifacts or {}).values()}
            settle([content_path(self._root, name) for name in named], self._root)
            files.write(dict(zip(ids, entries, strict=True)))
            folder = ledger_folder(self._root, key)
            write_atomically(os.path.join(folder, TIP), f"{ids[-1]}\n".encode(), durable=True, what=STORE)
            write_atomically(os.path.join(folder, STATE), entries[-1].state, what=STORE)
            return ids[-1]

    def delete_session(self, key: LedgerKey, expected: str) -> None:
        """See `DesignStore.delete_session`. Without its `tip` a ledger is gone, whatever else is left."""
        check_key(key)
        with self._writing():
            tip = self._tip(key)
            if tip is None:
                raise no_such_ledger(key)
            check_tip(key, tip, expected)
            folder = ledger_folder(self._root, key)
            remove_quietly(os.path.join(folder, STATE))
            try:
                os.unlink(os.path.join(folder, TIP))
            except OSError as error:
                raise refused(error, folder) from error
            sync_to_disk(folder, STORE)

    def load_artifact(self, content_id: str) -> bytes:
        """See `DesignStore.load_artifact`."""
        path = content_path(self._root, content_id)
        content = read_file(path) if _ID.fullmatch(content_id) else None
        if content is None:
            raise no_such_content(content_id)
        if blob_id(content) != content_id:
            raise unreadable(path, "its content is not what its name says: something was changed")
        return content

    def save_artifact(self, content: bytes) -> str:
        """See `DesignStore.save_artifact`."""
        name = blob_id(content)
        path = content_path(self._root, name)
        if not holds(path, content):
            self._mark()
            make_own_folder(self._root, os.path.dirname(path))
            write_atomically(path, content, what=STORE)  # not durable: `save_session` settles what it names
        return name

    def _has_content(self, name: str) -> bool:
        return os.path.isfile(content_path(self._root, name))

    def _files(self, key: LedgerKey) -> EntryFiles:
        return EntryFiles(self._root, ledger_folder(self._root, key))

    def _loader(self, key: LedgerKey) -> Load:
        return self._files(key).load

    def _tip(self, key: LedgerKey) -> str | None:
        path = os.path.join(ledger_folder(self._root, key), TIP)
        content = read_file(path, limit=4096)
        if content is None:
            return None
        tip = content.decode("ascii", "replace").strip()
        if not _ID.fullmatch(tip):
            raise unreadable(path, f"{tip[:50]!r} is no id of an entry")
        return tip

    @contextmanager
    def _writing(self) -> Iterator[None]:
        self._mark()
        with file_lock(self._root):
            yield

    def _mark(self) -> None:
        path = os.path.join(self._root, MARKER)
        if not os.path.exists(path):
            make_folder(self._root, STORE)
            write_atomically(path, json.dumps(_MARKED).encode() + b"\n", durable=True, what=STORE)


def is_store(folder: str) -> bool:
    """Tests whether `folder` says that it is a store."""
    return os.path.isfile(os.path.join(folder, MARKER))


def _check_marker(root: str) -> None:
    """Refuses a folder of something else, and a store that only a newer idse can read."""
    if not os.path.lexists(root):
        return
    if not os.path.isdir(root):
        raise _no_store(root, "it is no folder")
    others = [name for name in os.listdir(root) if name != "lock" and ".tmp" not in name]
    marker = read_file(os.path.join(root, MARKER), limit=65_536)  # last: another process may write the first
    if marker is None:
        if others:
            raise _no_store(root, f"it holds other things, and no {MARKER}")
        return
    try:
        number = json.loads(marker)["format"]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise unreadable(os.path.join(root, MARKER), f"it says no format: {error!r}") from error
    if number != FORMAT:
        raise _no_store(root, f"it has format {number!r}, and this idse knows format {FORMAT}")


def _no_store(root: str, cause: str) -> InvalidConfigurationError:
    return InvalidConfigurationError(
        "this folder is not a store that idse can use", where=root, cause=cause, fix=("name another folder",)
    )


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
