"""Files written in one step, or not at all: a reader never sees a part, a full disk leaves what was there."""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from idse_orchestrator.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator


def storage_error(error: OSError, where: str, what: str = "the repository") -> StorageError:
    """Returns the error for a write that the system refused at `where`, which is a place in `what`."""
    return StorageError(
        f"{what} cannot be written",
        where=error.filename or where,
        cause=error.strerror or str(error),
        fix=(_fix(error.errno, what),),
    )


def _fix(number: int | None, what: str) -> str:
    if number in (errno.ENOSPC, errno.EDQUOT):
        return "free some space, then run the command again"
    if number in (errno.EEXIST, errno.ENOTDIR, errno.EISDIR):
        return "move away what stands there, then run the command again"
    return f"make {what} writable for you, then run the command again"


def make_folder(path: str, what: str = "the repository") -> str:
    """Creates `path` with its parents; returns it. Raises StorageError if that is not possible."""
    try:
        os.makedirs(path, exist_ok=True)
    except OSError as error:
        raise storage_error(error, path, what) from error
    return path


def write_atomically(
    path: str, content: bytes, *, mode: int = 0o666, durable: bool = False, what: str = "the repository"
) -> None:
    """Replaces `path` by `content` in one step: a reader sees the old bytes or the new, never a part.

    With `durable` it is on the disk when this returns. Raises StorageError; `path` is a place in `what`.
    """
    try:
        with _temporary(path, content, mode, durable=durable) as temporary:
            os.replace(temporary, path)
    except OSError as error:
        error.filename = path  # nobody knows the temporary file
        raise storage_error(error, path, what) from error
    if durable:
        sync_to_disk(os.path.dirname(path), what)


def write_new(path: str, content: bytes) -> bool:
    """Writes a whole file where there is none, in one step; False if there is one. Raises OSError."""
    try:
        with _temporary(path, content) as temporary:
            os.link(temporary, path)  # unlike a rename, it fails if somebody was faster
    except FileExistsError:
        return False
    except OSError as error:
        error.filename = path
        raise
    return True


def sync_to_disk(path: str, what: str = "the repository") -> None:
    """Has what is in a file, or the names in a folder, on the disk, if the system can do that.

    Raises StorageError if the disk could not take it.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return
    try:
        os.fsync(descriptor)
    except OSError as error:
        raise_if_lost(error, path, what)
    finally:
        os.close(descriptor)


def raise_if_lost(error: OSError, path: str, what: str) -> None:
    """Raises StorageError if something was lost; some systems only cannot do what they were asked for."""
    if error.errno in (errno.EIO, errno.ENOSPC, errno.EDQUOT):
        raise storage_error(error, path, what) from error


def remove_quietly(path: str) -> None:
    """Removes a file, if it can be."""
    with suppress(OSError):
        os.unlink(path)


@contextmanager
def _temporary(path: str, content: bytes, mode: int = 0o666, *, durable: bool = False) -> Iterator[str]:
    """Yields a new file beside `path`. `health/recovery.py` knows one whose process is gone by its name."""
    temporary = f"{path}.{os.urandom(4).hex()}.{os.getpid()}.tmp"  # threads may write the same file
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        with open(descriptor, "wb") as file:
            file.write(content)
            if durable:
                file.flush()
                os.fsync(descriptor)
        yield temporary
    finally:
        remove_quietly(temporary)
