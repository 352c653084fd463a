"""What agents in this work tree were told already: a few lines in its git directory, the oldest forgotten.

It keeps warnings from being repeated at every edit. Losing it costs a repeated sentence and no more, so
nothing about it is an error.
"""

from __future__ import annotations

import os
from contextlib import suppress

from idse_orchestrator.base.files import make_folder, write_atomically
from idse_orchestrator.errors import IdseError

_MOST_LINES = 200
_FILE = "agent-told"


def forget_told(git_dir: str) -> None:
    """Forget what agents were told in the work tree whose git directory is `git_dir`."""
    with suppress(OSError):
        os.unlink(os.path.join(git_dir, "idse", _FILE))


class AgentMemory:
    """The memory of the work tree whose git directory is `git_dir`."""

    def __init__(self, git_dir: str) -> None:
        self._path = os.path.join(git_dir, "idse", _FILE)

    def is_new(self, what: str) -> bool:
        """Whether `what` was not told yet; from now on it was."""
        line = ascii(what)
        told = self._lines()
        if line in told:
            return False
        with suppress(IdseError):
            make_folder(os.path.dirname(self._path))
            write_atomically(
                self._path, "".join(f"{each}\n" for each in [*told, line][-_MOST_LINES:]).encode()
            )
        return True

    def _lines(self) -> list[str]:
        try:
            with open(self._path, encoding="ascii", errors="replace") as file:
                return file.read().splitlines()
        except OSError:
            return []
