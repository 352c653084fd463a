"""Objects from a remote, in a folder of their own until they were judged.

The folder lies in the git directory beside the object store, so keeping is renaming. No ref leads to
what is kept before the caller moves one: a process that is killed in between has lost nothing, and what
it left is removed by the next one, or by git's own garbage collection.
"""

from __future__ import annotations

import errno
import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from idse_orchestrator.base.files import make_folder, storage_error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from idse_orchestrator.git.vault import Vault

_PREFIX = "incoming-"
_PACK_ENDINGS = (".pack", ".rev", ".bitmap", ".mtimes", ".idx")
"""In the order in which the files of a pack are moved: git sees a pack once its idx is there."""


class Incoming:
    """Objects that no ref leads to yet: readable in `folder`, which git and libgit2 take as an alternate."""

    def __init__(self, folder: str, store: str) -> None:
        self.folder = folder
        self._store = store

    def keep(self) -> None:
        """Moves the objects into the repository's store, each after all that it leads to."""
        from idse_orchestrator.git.packs import in_order

        loose = [
            f"{folder}/{name}"
            for folder in os.listdir(self.folder)
            if len(folder) == 2
            for name in os.listdir(os.path.join(self.folder, folder))
            if not name.startswith("tmp_")
        ]
        for path in in_order(self.folder, loose):
            self._move(*path.split("/"))
        packs = os.listdir(os.path.join(self.folder, "pack"))
        for ending in _PACK_ENDINGS:
            for name in sorted(packs):
                if name.endswith(ending) and not name.startswith("tmp_"):
                    self._move("pack", name)

    def _move(self, folder: str, name: str) -> None:
        target = make_folder(os.path.join(self._store, folder))
        _move_file(os.path.join(self.folder, folder, name), os.path.join(target, name))


@contextmanager
def incoming_folder(vault: Vault) -> Iterator[Incoming]:
    """Yields a fresh folder, which goes with the block and all that was not kept.

    What dead processes left is removed before.
    """
    private = make_folder(vault.private)
    remove_leftovers(private)
    folder = os.path.join(private, f"{_PREFIX}{os.getpid()}-{os.urandom(6).hex()}")
    for name in ("pack", "info"):
        make_folder(os.path.join(folder, name))
    lock = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    _hold(lock)
    try:
        yield Incoming(folder, os.path.join(vault.common_dir, "objects"))
    finally:
        _remove(folder)
        os.close(lock)


def remove_leftovers(private: str) -> None:
    """Removes the folders of processes that are gone by their id, or by the lock they held."""
    for path in dead_folders(private):
        try:
            lock = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            continue  # another process was faster
        if _hold(lock):  # in a container the same process may have another id
            _remove(path)
        os.close(lock)


def dead_folders(private: str) -> list[str]:
    """Returns the folders whose processes are gone by their ids; removes nothing."""
    if not os.path.isdir(private):
        return []
    return [path for path in _folders(private) if not is_alive(os.path.basename(path).split("-")[1])]


def _folders(private: str) -> Iterator[str]:
    with os.scandir(private) as entries:
        for entry in entries:
            if entry.name.startswith(_PREFIX) and entry.is_dir(follow_symlinks=False):
                yield entry.path


def _hold(descriptor: int) -> bool:
    """Locks an open folder until it is closed; False if another process has it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in (errno.EAGAIN, errno.EACCES)
    return True


def is_alive(process: str) -> bool:
    """Tests whether a process of this number runs on this machine."""
    try:
        os.kill(int(process), 0)
    except (ProcessLookupError, ValueError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def _move_file(source: str, target: str) -> None:
    try:
        os.rename(source, target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise storage_error(error, target) from error
        _copy_file(source, target)


def _copy_file(source: str, target: str) -> None:
    """Moves a file to another file system: the object store may be on one of its own."""
    temporary = os.path.join(os.path.dirname(target), f"tmp_idse_{os.getpid()}_{os.path.basename(target)}")
    try:
        from shutil import copy

        copy(source, temporary)  # git has given it its mode
        os.rename(temporary, target)
    except OSError as error:
        raise storage_error(error, target) from error


def _remove(folder: str) -> None:
    from shutil import rmtree  # it loads every compressor

    rmtree(folder, ignore_errors=True)
