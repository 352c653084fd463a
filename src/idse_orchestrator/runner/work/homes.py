"""The homes of agents: one for each agent and each that works beside another, 0700, outside the repository.

An agent keeps its login and its caches there, and finds nothing of the user's.
"""

from __future__ import annotations

import errno
import fcntl
import os

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.runner.work.workspace import furnish, make_private, write_file


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


def put_file(home: str, path: str, content: bytes) -> None:
    """Writes a file into a home, where the agent may have put a link: none is followed. Raises OSError."""
    *above, name = path.split("/")
    if path.startswith("/") or ".." in (*above, name):
        raise OSError(errno.EINVAL, "a plan may not write there", path)
    folder = home
    for part in above:
        folder = os.path.join(folder, part)
        if os.path.islink(folder):
            os.unlink(folder)
        make_private(folder)
    place = os.path.join(folder, name)
    temporary = f"{place}.{os.urandom(4).hex()}"
    write_file(temporary, content.decode("utf-8", "surrogateescape"))
    os.replace(temporary, place)
