"""Stands in for git where a project without it is made: no settings, and a word to a git that may come."""

from __future__ import annotations

from typing import TYPE_CHECKING

from idse_orchestrator.documents.project_workspace import GITIGNORE_PATH

if TYPE_CHECKING:
    from collections.abc import Mapping

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
