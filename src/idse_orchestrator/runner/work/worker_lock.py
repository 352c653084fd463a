"""Who works here: a lock that a worker holds as long as it lives, and a heartbeat in the same file.

No clock of another process is believed. A worker is gone when its lock is free, at once; it has lost its
lease when its heartbeat did not change for the lease and a grace by the clock of whoever looks.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable
from contextlib import suppress

from idse_orchestrator.base.files import make_folder, open_or_make

GONE, STILL = "worker-gone", "lease-over"
GRACE_S = 30.0


class WorkerLock:
    """The lock of the worker `name` below `folder`, held from now on. Raises StorageError."""

    def __init__(self, folder: str, name: str) -> None:
        self.name = name
        self._path = os.path.join(make_folder(folder), f"{name}.lock")
        self._file = open_or_make(self._path, os.O_RDWR)
        self._beats = 0
        fcntl.flock(self._file, fcntl.LOCK_EX)
        self.beat()

    def beat(self) -> None:
        """Says that it is alive."""
        self._beats += 1
        with suppress(
            OSError
        ):  # a full disk is no reason to be taken for dead at once: the lock still says it
            os.pwrite(self._file, b"%020d\n" % self._beats, 0)

    def release(self) -> None:
        """Says that it works no more."""
        with suppress(OSError):
            os.unlink(self._path)
        os.close(self._file)


class Watch:
    """Looks at the workers of this machine."""

    def __init__(self, folder: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._folder = folder
        self._clock = clock
        self._seen: dict[str, tuple[bytes, float]] = {}

    def trouble(self, worker: str, lease_s: float, grace_s: float = GRACE_S) -> str:
        """Returns GONE or STILL where what a worker holds may be taken from it, "" where it is alive."""
        path = os.path.join(self._folder, f"{worker}.lock")
        try:
            file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return GONE
        except OSError:
            return ""
        try:
            return self._look(worker, file, lease_s + grace_s)
        finally:
            os.close(file)

    def _look(self, worker: str, file: int, patience: float) -> str:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pass
        except OSError:
            pass  # a mount without flock: the lease alone counts
        else:
            return GONE
        now, beat = self._clock(), os.pread(file, 32, 0)
        before, since = self._seen.get(worker, (b"", now))
        if beat != before:
            self._seen[worker] = beat, now
            return ""
        return STILL if now - since > patience else ""

    def tidy(self, held_by: frozenset[str]) -> None:
        """Removes what workers left that are gone and hold nothing."""
        with suppress(OSError):
            for name in os.listdir(self._folder):
                worker = name.removesuffix(".lock")
                if worker not in held_by and self.trouble(worker, 1e9) == GONE:
                    with suppress(OSError):
                        os.unlink(os.path.join(self._folder, name))
