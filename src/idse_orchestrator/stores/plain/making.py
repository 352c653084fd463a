"""Stands in for git where a project without it is made: no settings, and a word to a git that may come."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NoReturn, cast

from idse_orchestrator.documents.project_workspace import GITIGNORE_PATH
from idse_orchestrator.errors import NeedsGitError
from idse_orchestrator.worktree.work_tree import WorkTree

if TYPE_CHECKING:
    from collections.abc import Mapping

    from idse_orchestrator.git.program import Git
    from idse_orchestrator.sessions.create_session import Folders

_IGNORED = b"# Ledgers without git, and what belongs to this folder alone:\nstore/\nlocal/\n"


class NoSettings:
    """The `Settings` port of `idse init` where there is no git."""

    def show_notes(self) -> bool:
        """Sets nothing."""
        return False


class IgnoringFolders:
    """The `Folders` port, which has git ignore the ledgers should the folder become a repository."""

    def __init__(self, folders: Folders) -> None:
        self._folders = folders

    def write_new(self, files: Mapping[str, bytes]) -> tuple[str, ...]:
        """See `Folders.write_new`."""
        return self._folders.write_new(
            {path: data + _IGNORED if path == GITIGNORE_PATH else data for path, data in files.items()}
        )

    def make_folder(self, folder: str, files: Mapping[str, bytes]) -> None:
        """See `Folders.make_folder`."""
        self._folders.make_folder(folder, files)


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


def place_without_git(root: str, prefix: str, store: str) -> WorkTree:
    """Returns `root` as a work tree; `prefix` is where we stand, `store` its store's name."""
    local = os.path.join(root, *LOCAL_FOLDER.split("/"))
    return WorkTree(local, cast("Git", NoGit(root, store)), root, local, prefix)
