"""Files of a store: read without trusting what stands there, written whole or not at all."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

from idse_orchestrator.base.files import make_folder, storage_error
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
    """The content of a plain file; None where there is nothing. CorruptLedgerError for anything else."""
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
    """Whether the file is there and whole. A power cut empties files that no entry named yet."""
    try:
        return read_file(path) == content
    except CorruptLedgerError:
        return False


def write_file(path: str, content: bytes, *, lasting: bool = True) -> None:
    """Write a new file; with `lasting` it is on the disk when this returns."""
    with open(path, "xb") as file:
        file.write(content)
        if lasting:
            file.flush()
            os.fsync(file.fileno())


def replace_file(path: str, content: bytes, *, lasting: bool = True) -> None:
    """Make `content` that of `path` in one step; with `lasting` it is on the disk when this returns."""
    temporary = f"{path}.{os.getpid()}-{os.urandom(4).hex()}.tmp"
    try:
        write_file(temporary, content, lasting=lasting)
        os.replace(temporary, path)
    except OSError as error:
        remove_quietly(temporary)
        error.filename = path  # nobody knows the temporary file
        raise refused(error, path) from error
    if lasting:
        sync_to_disk(os.path.dirname(path))


def settle(paths: Collection[str], top: str) -> None:
    """Have the files `paths` below `top`, which were written before, and their names on the disk."""
    if len(paths) > FEW and _settled_at_once(top):
        return
    for path in paths:
        sync_to_disk(path)
    for folder in {folder for path in paths for folder in _folders_to(path, top)}:
        sync_to_disk(folder)


def _settled_at_once(place: str) -> bool:
    """Have all of the file system of `place` on the disk, and no other; False where no call does that."""
    try:
        import ctypes

        call = ctypes.CDLL(None, use_errno=True).syncfs
    except (ImportError, OSError, AttributeError):
        return False
    descriptor = os.open(place, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if call(descriptor) == 0:
            return True
        _tell_lost(OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno())), place)
    finally:
        os.close(descriptor)
    return False


def sync_to_disk(path: str) -> None:
    """Have what is in a file, or the names in a folder, on the disk, where the system can do that.

    StorageError where the disk could not take it.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return
    try:
        os.fsync(descriptor)
    except OSError as error:
        _tell_lost(error, path)
    finally:
        os.close(descriptor)


def _tell_lost(error: OSError, path: str) -> None:
    """Raise StorageError where something was lost; some systems only cannot do what they were asked for."""
    if error.errno in (errno.EIO, errno.ENOSPC, errno.EDQUOT):
        raise refused(error, path) from error


def _folders_to(path: str, top: str) -> Iterator[str]:
    """The folders that lead to `path`, from its own up to `top`."""
    folder = os.path.dirname(path)
    while len(folder) > len(top):
        yield folder
        folder = os.path.dirname(folder)
    yield top


def make_own_folder(root: str, path: str) -> str:
    """Make the folder `path` below `root`; CorruptLedgerError where a link on the way leads elsewhere."""
    relative = os.path.relpath(path, root)
    place = root
    for part in relative.split(os.sep):
        place = os.path.join(place, part)
        if os.path.islink(place):
            raise unreadable(place, "a symbolic link could lead out of the store")
    return make_folder(path, STORE)


def remove_quietly(path: str) -> None:
    """Remove a file, if it can be."""
    try:
        os.unlink(path)
    except OSError:
        return


def refused(error: OSError, path: str) -> StorageError:
    """The error for what the system does not let us write in a store."""
    return storage_error(error, path, STORE)


def unreadable(path: str, cause: str) -> CorruptLedgerError:
    """The error for a file of a store that is not what it should be."""
    return CorruptLedgerError("this store is damaged", where=path, cause=cause)
