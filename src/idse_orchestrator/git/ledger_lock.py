"""The advisory lock around ledger writes: it makes them fair and fast, never correct.

Correctness is the compare-and-swap in ``ref_update.py``. Where a file system has no flock (some
network mounts), writing goes on without it. The kernel drops the lock with its process, so a
killed writer leaves nothing behind.
"""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from idse_orchestrator.errors import BusyError
from idse_orchestrator.git.private_files import make_folder, storage_error
from idse_orchestrator.git.repository import Repository

TIMEOUT_SECONDS = 20.0
_FIRST_PAUSE = 0.0002
_LONGEST_PAUSE = 0.002
_HELD = frozenset({errno.EAGAIN, errno.EACCES})
_NOT_SUPPORTED = frozenset({errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS})


@contextmanager
def ledger_lock(repository: Repository, timeout: float = TIMEOUT_SECONDS) -> Iterator[None]:
    """Hold the repository's ledger lock; BusyError when it is not free within `timeout` seconds."""
    descriptor = _open(repository)
    try:
        _acquire(descriptor, timeout)
        yield
    finally:
        os.close(descriptor)


def _open(repository: Repository) -> int:
    path = os.path.join(repository.private, "lock")
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
    try:
        return os.open(path, flags, 0o666)
    except FileNotFoundError:
        make_folder(repository.private)
    except OSError as error:
        raise storage_error(error, path) from error
    try:
        return os.open(path, flags, 0o666)
    except OSError as error:
        raise storage_error(error, path) from error


def _acquire(descriptor: int, timeout: float) -> None:
    deadline = time.monotonic() + timeout
    pause = _FIRST_PAUSE
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in _NOT_SUPPORTED:
                return
            if error.errno not in _HELD:
                raise
        else:
            return
        if time.monotonic() > deadline:
            raise BusyError(
                f"the ledgers are being written by another process for more than {timeout:g} s",
                fix=("wait for it to end, then run the command again", "idse doctor"),
            )
        time.sleep(pause)
        pause = min(pause * 1.5, _LONGEST_PAUSE)
