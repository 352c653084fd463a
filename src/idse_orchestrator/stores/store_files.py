"""Files of a store: read without trusting what stands there, and brought to the disk."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from idse_orchestrator.base.files import make_folder, raise_if_lost, storage_error, sync_to_disk
from idse_orchestrator.errors import CorruptLedgerError, StorageError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

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
