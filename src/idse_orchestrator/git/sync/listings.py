"""The published refs here, and what the Agency was last seen to have, listed while other things are done."""

from __future__ import annotations

from threading import Thread
from typing import TYPE_CHECKING

from idse_orchestrator.git.ref_names import PUBLISHED, tracking_ref

if TYPE_CHECKING:
    import subprocess

    from idse_orchestrator.git.program import Git

_HERE = ("--format=%(objectname)%09%(refname)", PUBLISHED)
_PARTS = 4
"""Of the name of a tracking ref, what stands before the name that the Agency has for it."""


class RefListings:
    """Starts git at once; `collect` waits. With `remote` "" nothing is remembered of the Agency.

    The lines are those of `git ls-remote`. Each git is read by a thread: a pipe holds less than it says.
    """

    def __init__(self, git: Git, remote: str) -> None:
        seen = (f"--format=%(objectname)%09{PUBLISHED}%(refname:lstrip={_PARTS})", tracking_ref(remote, ""))
        questions = (_HERE, seen) if remote else (_HERE,)
        self._children = [git.start("for-each-ref", *question) for question in questions]
        self._answers = [b""] * len(questions)
        self._readers = [Thread(target=self._read, args=item) for item in enumerate(self._children)]
        for reader in self._readers:
            reader.start()

    def collect(self) -> list[bytes]:
        """All that git says, one listing for each question."""
        for reader in self._readers:
            reader.join()
        return self._answers

    def close(self) -> None:
        """End whatever still runs."""
        for child in self._children:
            if child.returncode is None:
                child.kill()
        self.collect()

    def _read(self, number: int, child: subprocess.Popen[bytes]) -> None:
        self._answers[number] = child.communicate()[0]
