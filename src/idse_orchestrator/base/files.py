"""Files written in one step or not at all: no reader sees a part, a full disk leaves what was there.

What is made in a git directory that several users share is shared with them: see `share_below`.

Below them: the lock around writes, the folders that are shipped with the package, and the id of this
clone. The lock makes writes fair and fast, never correct: correctness is a compare-and-swap of the
store itself. Where a file system has no flock (some network mounts), writing goes on without it. The
kernel drops it with its process, so a killed writer leaves nothing behind.
"""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from typing import TypeAlias

from idse_orchestrator.base.names import is_ulid, ulid
from idse_orchestrator.errors import BusyError, StorageError


def storage_error(error: OSError, where: str, what: str = "the repository") -> StorageError:
    """Returns the error for a write that the system refused at `where`, which is a place in `what`."""
    return StorageError(
        f"{what} cannot be written",
        where=error.filename or where,
        cause=error.strerror or str(error),
        fix=(way_out(error.errno, what),),
    )


def way_out(number: int | None, what: str) -> str:
    """Returns what to do about an `errno` that kept something in `what` from being written."""
    if number in (errno.ENOSPC, errno.EDQUOT):
        return "free some space, then run the command again"
    if number == errno.EFBIG:
        return "ulimit -f unlimited  # lets files be larger"
    if number == errno.ELOOP:
        return "take the symbolic links apart, then run the command again"
    if number in (errno.EEXIST, errno.ENOTDIR, errno.EISDIR):
        return "move away what stands there, then run the command again"
    return f"make {what} writable for you, then run the command again"


Sharing: TypeAlias = "Callable[[str | int], None]"
"""Gives a file or folder that has just been made (its path, or its descriptor) the mode that others need."""

_sharing: dict[str, Callable[[], Sharing | None]] = {}


def share_below(folder: str, find: Callable[[], Sharing | None]) -> None:
    """Has everything that is made below `folder` from now on shared in the way that `find` returns.

    It is asked when something is first made there; None leaves modes to the umask. This is a property of the
    folder, whoever acts, so it is kept for the whole process: no writer has to hand it on.
    """
    _sharing[folder] = cache(find)


def sharing_at(path: str) -> Sharing | None:
    """Returns how what is made at `path` is shared; the innermost folder decides."""
    while path not in _sharing:
        path, before = os.path.dirname(path), path
        if path == before:
            return None
    return _sharing[path]()


def _share(path: str, made: str | int) -> None:
    share = sharing_at(path)
    if share is not None:
        share(made)


def make_folder(path: str, what: str = "the repository") -> str:
    """Creates `path` with its parents; returns it. Raises StorageError if that is not possible."""
    try:
        make_folders(path)
    except OSError as error:
        raise storage_error(error, path, what) from error
    return path


def make_folders(path: str) -> None:
    """Creates `path` with its parents. Raises OSError."""
    if os.path.isdir(path):
        return
    above = os.path.dirname(path)
    if above not in ("", path):
        make_folders(above)
    try:
        os.mkdir(path)
    except FileExistsError:
        if not os.path.isdir(path):
            raise
    else:
        _share(path, path)


def open_or_make(path: str, flags: int) -> int:
    """Opens a file, which is made where there is none; returns its descriptor. Raises OSError."""
    flags |= os.O_CLOEXEC
    try:
        return os.open(path, flags)
    except FileNotFoundError:
        pass
    try:
        descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o666)
    except FileExistsError:  # somebody was faster, or it is a link to nothing
        return os.open(path, flags | os.O_CREAT, 0o666)
    _share(path, descriptor)
    return descriptor


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


def remove_file(path: str) -> None:
    """Removes a file; one that is gone is no error. StorageError where the system refuses it."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        return
    except OSError as error:
        raise storage_error(error, path) from error


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
            _share(path, descriptor)
            file.write(content)
            if durable:
                file.flush()
                os.fsync(descriptor)
        yield temporary
    finally:
        remove_quietly(temporary)


TIMEOUT_SECONDS = 20.0
_PAUSE = 0.001
_HELD = frozenset({errno.EAGAIN, errno.EACCES})
_NOT_SUPPORTED = frozenset({errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EBADF})
"""The last: a network mount that locks only what may be written, and this file is another user's."""


@contextmanager
def file_lock(folder: str, timeout: float = TIMEOUT_SECONDS, name: str = "lock") -> Iterator[None]:
    """Holds the lock of `folder`, which is made; BusyError when it is not free within `timeout` seconds.

    Another `name` is another lock.
    """
    descriptor = _open(folder, name)
    try:
        _acquire(descriptor, timeout)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def folder_lock(folder: str, timeout: float = TIMEOUT_SECONDS) -> Iterator[None]:
    """Holds the lock of a folder itself, whatever it is called meanwhile; BusyError as `file_lock`.

    Raises FileNotFoundError where it is not there: it is not made.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _acquire(descriptor, timeout)
        yield
    finally:
        os.close(descriptor)


def _open(folder: str, name: str) -> int:
    path = os.path.join(folder, name)
    try:
        return open_or_make(path, os.O_RDWR)
    except FileNotFoundError:
        make_folder(folder)
    except PermissionError:
        with suppress(OSError):  # that of another user: whoever may read it can hold it
            return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise storage_error(error, path) from error
    try:
        return open_or_make(path, os.O_RDWR)
    except OSError as error:
        raise storage_error(error, path) from error


def _acquire(descriptor: int, timeout: float) -> None:
    if _try(descriptor):
        return
    in_main_thread = threading.current_thread() is threading.main_thread()
    wait = _wait_in_kernel if in_main_thread else _wait_by_polling
    if timeout <= 0 or not wait(descriptor, timeout):
        raise BusyError(
            f"the ledgers are being written by another process for more than {timeout:g} s",
            fix=("wait for it to end, then run the command again", "idse doctor"),
        )


def _try(descriptor: int, how: int = fcntl.LOCK_EX | fcntl.LOCK_NB) -> bool:
    try:
        fcntl.flock(descriptor, how)
    except OSError as error:
        if error.errno in _NOT_SUPPORTED:
            return True
        if error.errno in _HELD:
            return False
        raise
    return True


class _TimeIsUp(Exception):  # noqa: N818 - never leaves this file
    pass


def _ring(_signal: int, _frame: object) -> None:
    raise _TimeIsUp


def _wait_in_kernel(descriptor: int, timeout: float) -> bool:
    """Sleep until the kernel hands us the lock: fair, where polling lets the quick ones win for ever."""
    before = signal.signal(signal.SIGALRM, _ring)
    try:
        signal.setitimer(signal.ITIMER_REAL, timeout)
        return _try(descriptor, fcntl.LOCK_EX)
    except _TimeIsUp:
        return False
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _wait_by_polling(descriptor: int, timeout: float) -> bool:
    """Signals reach the main thread only, so other threads ask again and again."""
    deadline = time.monotonic() + timeout
    while not _try(descriptor):
        if time.monotonic() > deadline:
            return False
        time.sleep(_PAUSE)
    return True


_HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def shipped_folder(name: str) -> str:
    """Returns absolute path of the shipped folder `name` ("hooks", "templates").

    A wheel carries them under ``_shipped/``; an editable checkout has them at its root.
    """
    packaged = os.path.join(_HERE, "_shipped", name)
    if os.path.isdir(packaged):
        return packaged
    return os.path.join(os.path.dirname(os.path.dirname(_HERE)), name)


def constitution_bytes(ending: str = "yaml") -> bytes:
    """Returns the constitution of this release, as it was shipped; with ``json``, its compiled form."""
    with open(os.path.join(_HERE, f"constitution.{ending}"), "rb") as file:
        return file.read()


def replica_id(private_folder: str, milliseconds: int) -> str:
    """Returns the id of this clone, made at its first write and kept in the common git directory."""
    known = known_replica_id(private_folder)
    if not known:
        path = os.path.join(private_folder, "replica")
        if os.path.exists(path) and not os.access(path, os.R_OK):  # another user's: it is no new clone
            raise storage_error(PermissionError(errno.EACCES, os.strerror(errno.EACCES), path), path)
        known = new_replica_id(milliseconds)
        keep_replica_id(private_folder, known)
    return known


def known_replica_id(private_folder: str) -> str:
    """Returns the id of this clone, "" where it has none yet."""
    try:
        with open(os.path.join(private_folder, "replica"), encoding="ascii") as file:
            known = file.read().strip()
    except (OSError, UnicodeDecodeError):
        return ""
    return known if is_ulid(known) else ""


def new_replica_id(milliseconds: int) -> str:
    """Returns an id that no clone has."""
    return ulid(milliseconds, os.urandom(10))


def keep_replica_id(private_folder: str, replica: str) -> None:
    """Makes `replica` the id of this clone from now on."""
    make_folder(private_folder)
    write_atomically(os.path.join(private_folder, "replica"), replica.encode() + b"\n")
