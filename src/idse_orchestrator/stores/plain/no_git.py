"""A folder without git as a `Repository`: files as usual, and whoever asks git is told why not."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NoReturn, cast

from idse_orchestrator.errors import NeedsGitError
from idse_orchestrator.git.repository import Repository

if TYPE_CHECKING:
    from idse_orchestrator.git.program import Git

LOCAL_FOLDER = ".idse/local"
"""What belongs to this folder alone and is no ledger: the current session, locks, caches."""


class NoGit:
    """Stands where the git program would; whatever is asked of it is refused."""

    def __init__(self, root: str, store: str) -> None:
        self._root = root
        self._store = store

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):
            raise AttributeError(name)
        raise NeedsGitError(
            "this needs a git repository",
            where=self._root,
            cause=f"the ledgers here are in a store without git ({self._store})",
            fix=("idse export FOLDER", "idse import FOLDER    (in a repository: takes them in)"),
        )


def place_without_git(root: str, prefix: str, store: str) -> Repository:
    """The folder `root` as a repository; `prefix` is where we stand, `store` its store's name."""
    local = os.path.join(root, *LOCAL_FOLDER.split("/"))
    return Repository(root, local, local, prefix, cast("Git", NoGit(root, store)))
