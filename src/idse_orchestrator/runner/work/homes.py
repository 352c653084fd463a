"""The homes of agents: one for each agent and each that works beside another, 0700, outside the repository.

An agent keeps its login and its caches there, and finds nothing of the user's.
"""

from __future__ import annotations

import fcntl
import os

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.runner.work.workspace import furnish, make_private


class Home(NamedTuple):
    """A home that is held: its folder, and the lock on it."""

    folder: str
    lock: int

    def release(self) -> None:
        """Lets the next one have it."""
        os.close(self.lock)


def take_home(root: str, agent: str) -> Home:
    """Returns the first home of `agent` below `root` that nobody uses; one more where all are. OSError."""
    number = 0
    while True:
        folder = os.path.join(root, f"{agent}.{number}")
        make_private(folder)
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            number += 1
        else:
            furnish(folder)
            return Home(folder, lock)
