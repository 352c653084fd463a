"""The published refs here, and what remotes were last seen to have, listed while other things are done."""

from __future__ import annotations

from threading import Thread
from typing import TYPE_CHECKING

from idse_orchestrator.git.ref_names import PUBLISHED, tracking_ref

if TYPE_CHECKING:
    from idse_orchestrator.git.program import Git


class RefListings:
    """Has git list the refs at once. Listings are in lines like those of `git ls-remote`.

    git is read by a thread: a pipe holds less than it says. Where a ref is broken it says no more, and the
    listings are not those of a settled repository.
    """

    def __init__(self, git: Git) -> None:
        self._rows = b""
        self._child = git.start("show-ref")  # of every ref, and in half the time for-each-ref takes for ours
        self._reader = Thread(target=self._read)
        self._reader.start()

    def here(self) -> bytes:
        """The published refs here."""
        return self._below(PUBLISHED)

    def seen(self, remote: str) -> bytes:
        """What was last seen at `remote`, under the names the refs have there."""
        own = tracking_ref(remote, "")
        return self._below(own).replace(f"\t{own}".encode(), f"\t{PUBLISHED}".encode())

    def close(self) -> None:
        """End a git that still runs."""
        if self._child.returncode is None:
            self._child.kill()
        self._reader.join()

    def _below(self, folder: str) -> bytes:
        """The rows of one folder, which stand together: git sorts them."""
        self._reader.join()
        name = f"\t{folder}".encode()
        first, last = self._rows.find(name), self._rows.rfind(name)
        if first < 0:
            return b""
        return self._rows[self._rows.rfind(b"\n", 0, first) + 1 : self._rows.index(b"\n", last) + 1]

    def _read(self) -> None:
        self._rows = self._child.communicate()[0].replace(b" ", b"\t")
