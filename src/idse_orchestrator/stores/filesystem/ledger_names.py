"""Which ledgers stand in the folder of a store."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from idse_orchestrator.domain.names import check_name, check_new_name, is_name
from idse_orchestrator.stores.filesystem.files import unreadable
from idse_orchestrator.stores.filesystem.layout import PROJECTS, SESSIONS, TIP, ledger_folder

if TYPE_CHECKING:
    from idse_orchestrator.domain.design_store import LedgerKey


class LedgerNames:
    """The names of the ledgers below `root`: where a ledger is, there is its `tip`, readable or not."""

    def __init__(self, root: str) -> None:
        self._root = root

    def projects(self) -> list[str]:
        """Projects that have a ledger of their own, in order."""
        return [project for project in self._allowed("") if self._has((project, ""))]

    def sessions(self, project: str | None = None) -> list[LedgerKey]:
        """Keys of all sessions that have a ledger, in order; of one project if given."""
        owners = self._allowed("") if project is None else [check_name("project", project)]
        keys = [(owner, session) for owner in owners for session in self._allowed(owner)]
        return [key for key in keys if self._has(key)]

    def check_new(self, key: LedgerKey) -> None:
        """What `check_new_key` does, without asking all the others whether they are ledgers."""
        project, session = key
        taken = [name for name in self._alike("", project) if self._has((name, "")) or self.sessions(name)]
        check_new_name("project", project, taken)
        if session:
            taken = [name for name in self._alike(project, session) if self._has((project, name))]
            check_new_name("session", session, taken)

    def _alike(self, project: str, new: str) -> list[str]:
        """Other names that differ from `new` only in case."""
        form = new.casefold()
        return [name for name in self._listed(project) if name.casefold() == form and name != new]

    def _allowed(self, project: str) -> list[str]:
        return sorted(name for name in self._listed(project) if is_name(name))

    def _listed(self, project: str) -> list[str]:
        """Names of the projects that have a folder, or with `project` of its sessions."""
        folder = os.path.join(self._root, PROJECTS, *((project, SESSIONS) if project else ()))
        try:
            with os.scandir(folder) as found:
                return [entry.name for entry in found if entry.is_dir(follow_symlinks=False)]
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise unreadable(folder, error.strerror or str(error)) from error

    def _has(self, key: LedgerKey) -> bool:
        return os.path.lexists(os.path.join(ledger_folder(self._root, key), TIP))
