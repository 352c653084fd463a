"""What stands in the place of documents where there are none: in a bare repository."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from idse_orchestrator.errors import UnsupportedRepositoryError
from idse_orchestrator.worktree.work_tree import needs_work_tree

if TYPE_CHECKING:
    from collections.abc import Mapping

    from idse_orchestrator.git.vault import Vault
    from idse_orchestrator.ledger.events import SessionKey
    from idse_orchestrator.pipeline.ports import LedgerReader


class NoDocuments:
    """The workspace of a bare repository: nothing is edited, current or viewed there.

    What cannot do without documents is refused with what to type.
    """

    def __init__(self, vault: Vault, ledgers: LedgerReader) -> None:
        self._vault = vault
        self._ledgers = ledgers

    def current(self, project: str | None = None) -> SessionKey | None:
        """Returns the only session of `project`; None where there are several."""
        sessions = self._ledgers.sessions(project) if project else ()
        return sessions[0] if len(sessions) == 1 else None

    def session_folders(self) -> tuple[SessionKey, ...]:
        """There are none."""
        return ()

    def write_views(self, views: Mapping[str, bytes]) -> tuple[str, ...]:  # noqa: ARG002 - a port
        """There is no place for a view."""
        return ()

    def __getattr__(self, name: str) -> NoReturn:
        needs_work_tree(self._vault)
        raise AttributeError(name)


class NobodyWorks(NoDocuments):
    """The same for who asks which session is meant: where it has to be named, that is the answer."""

    def current(self, project: str | None = None) -> SessionKey | None:
        """Returns the only session of `project`; UnsupportedRepositoryError where there are several."""
        sessions = self._ledgers.sessions(project) if project else ()
        if len(sessions) > 1:
            raise UnsupportedRepositoryError(
                "this is a bare repository",
                where=self._vault.common_dir,
                cause="no session is current where there is no work tree",
                fix=(
                    *(f"idse log {'/'.join(key)}" for key in sessions[:3]),
                    "or work in a clone that has a work tree",
                ),
            )
        return super().current(project)

    def session_folders(self) -> tuple[SessionKey, ...]:
        """There are none; UnsupportedRepositoryError where there is no ledger either."""
        if self._ledgers.projects():
            return ()
        raise UnsupportedRepositoryError(
            "this is a bare repository",
            where=self._vault.common_dir,
            cause="there is no ledger in it, and a project begins in a work tree",
            fix=("idse init NAME  # in a clone that has a work tree",),
        )
