"""The advisory lock around writes: it makes them fair and fast, never correct.

Correctness is a compare-and-swap of the store itself. Where a file system has no flock (some
network mounts), writing goes on without it. The kernel drops the lock with its process, so a
killed writer leaves nothing behind.
"""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from idse_orchestrator.base.files import make_folder, storage_error
from idse_orchestrator.errors import BusyError

TIMEOUT_SECONDS = 20.0
_PAUSE = 0.001
_HELD = frozenset({errno.EAGAIN, errno.EACCES})
_NOT_SUPPORTED = frozenset({errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS})


@contextmanager
def file_lock(folder: str, timeout: float = TIMEOUT_SECONDS, name: str = "lock") -> Iterator[None]:
    """Hold the lock of `folder`, which is made; BusyError when it is not free within `timeout` seconds.

    Another `name` is another lock.
    """
    descriptor = _open(folder, name)
    try:
        _acquire(descriptor, timeout)
        yield
    finally:
        os.close(descriptor)


def _open(folder: str, name: str) -> int:
    path = os.path.join(folder, name)
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
    try:
        return os.open(path, flags, 0o666)
    except FileNotFoundError:
        make_folder(folder)
    except OSError as error:
        raise storage_error(error, path) from error
    try:
        return os.open(path, flags, 0o666)
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
