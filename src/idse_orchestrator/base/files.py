"""Files of our own inside the git directory: locks, caches, spool, log. Never published."""

from __future__ import annotations

import errno
import os
from contextlib import suppress

from idse_orchestrator.errors import StorageError


def storage_error(error: OSError, where: str, what: str = "the repository") -> StorageError:
    """The error to raise when the system refuses a write at `where`, which is a place in `what`."""
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
    """Create `path` with its parents; StorageError where that is not possible."""
    try:
        os.makedirs(path, exist_ok=True)
    except OSError as error:
        raise storage_error(error, path, what) from error
    return path


def write_atomically(path: str, content: bytes, *, mode: int = 0o666) -> None:
    """Replace `path` by `content` in one step: a reader sees the old bytes or the new, never a part."""
    temporary = f"{path}.{os.getpid()}.tmp"
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
        try:
            with open(descriptor, "wb") as file:
                file.write(content)
            os.replace(temporary, path)
        except BaseException:
            _remove_quietly(temporary)
            raise
    except OSError as error:
        error.filename = path  # nobody knows the temporary file
        raise storage_error(error, path) from error


def _remove_quietly(path: str) -> None:
    with suppress(OSError):  # the first error is the one to tell
        os.unlink(path)
