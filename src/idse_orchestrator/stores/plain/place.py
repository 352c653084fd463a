"""A folder that keeps a project without git."""

from __future__ import annotations

import os
from typing import NamedTuple, NoReturn

from idse_orchestrator.errors import NeedsGitError

LOCAL_FOLDER = ".idse/local"
"""What belongs to this folder alone and is no ledger: the current session, locks, caches."""


class Place(NamedTuple):
    """`top` is the folder of the project, `prefix` where we stand inside it ("" or "a/b/").

    `store` is the name of the store that has its ledgers.
    """

    top: str
    prefix: str
    store: str

    @property
    def local(self) -> str:
        """What a git directory is to a work tree."""
        return os.path.join(self.top, *LOCAL_FOLDER.split("/"))

    @property
    def git_dir(self) -> str:
        """The same, for those who keep their refs in files there."""
        return self.local

    @property
    def private(self) -> str:
        """The folder for idse's own files that no one else reads: locks, caches, log."""
        return os.path.join(self.local, "idse")

    @property
    def git(self) -> NoGit:
        """What stands in its place."""
        return NoGit(self)

    def needs_git(self) -> NeedsGitError:
        """The error for what only a repository has."""
        return NeedsGitError(
            "this needs a git repository",
            where=self.top,
            cause=f"the ledgers here are in a store without git ({self.store})",
            fix=("idse export FOLDER", "idse import FOLDER    (in a repository: takes them in)"),
        )


class NoGit:
    """Stands where git, or what only a repository has, would; whatever is asked of it is refused."""

    def __init__(self, place: Place) -> None:
        self._place = place

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):
            raise AttributeError(name)
        raise self._place.needs_git()

    def __call__(self, *_: object, **__: object) -> NoReturn:
        """Raises NeedsGitError."""
        raise self._place.needs_git()
