"""The documents of ledgers where there is no work tree: those of a tip, and those of a new session."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from idse_orchestrator.base.text import first_problem
from idse_orchestrator.documents.project_workspace import ARTIFACTS
from idse_orchestrator.errors import InvalidArtifactError
from idse_orchestrator.ledger.merge.conflicts import Merged
from idse_orchestrator.sessions.ports import Captured, Edit
from idse_orchestrator.sessions.status import NoFolders

if TYPE_CHECKING:
    from idse_orchestrator.ledger.events import SessionKey
    from idse_orchestrator.pipeline.ports import LedgerReader
    from idse_orchestrator.pipeline.values import SessionTip
    from idse_orchestrator.server.writing.private_objects import PrivateBackend

LARGEST = 1024 * 1024
"""Bytes of a document, as in a clone: see `worktree.capture`."""


def check_documents(folder: str, documents: Mapping[str, bytes], kept: Mapping[str, str]) -> None:
    """Raises InvalidArtifactError for the first of `documents` that a ledger may not hold."""
    for path, data in documents.items():
        if len(data) > LARGEST:
            raise InvalidArtifactError(
                "this document cannot enter a ledger",
                where=f"{folder}/{path}",
                cause=f"it has {len(data):,} bytes, and the limit is {LARGEST:,}",
                fix=("split it",),
            )
    problem = first_problem({**kept, **dict.fromkeys(documents, "")})
    if problem is None:
        problem = next(((path, "a part of its path is empty") for path in documents if _is_odd(path)), None)
    if problem is not None:
        raise InvalidArtifactError(
            "this document cannot enter a ledger",
            where=f"{folder}/{problem[0]}",
            cause=problem[1],
            fix=("give it another name",),
        )


def _is_odd(path: str) -> bool:
    return any(part in ("", ".", "..") for part in path.split("/"))


class TipDocuments(NoFolders):
    """The documents of a session as its ledger has them: nothing is edited beside it."""

    def __init__(self, ledgers: LedgerReader, tip: SessionTip) -> None:
        self._captured = Captured(tip.artifacts, ledgers.tree_files(tip.artifacts))

    def blobs(self, project: str, session: str, files: Mapping[str, str] = ARTIFACTS) -> Mapping[str, str]:  # noqa: ARG002 - a port
        """See `Documents.blobs`."""
        there = self._captured.files
        return {name: there[path] for name, path in files.items() if path in there}

    def capture(self, project: str, session: str) -> Captured | None:  # noqa: ARG002 - a port
        """See `Documents.capture`."""
        return self._captured if self._captured.files else None

    def edit(self, project: str, session: str, tree: str) -> Edit:  # noqa: ARG002 - a port
        """See `Contributions.edit`: nothing was changed."""
        return Edit(tree, (tree,))

    def agree(self, project: str, session: str, tree: str, heads: Sequence[str] = ()) -> None:
        """There is nothing to remember."""

    def apply(self, edit: Edit, ours: str) -> Merged:  # noqa: ARG002 - a port
        """See `Contributions.apply`: nothing was changed."""
        return Merged(ours, ())


class NewFolder(NoFolders):
    """The folder of a session that is being made: it is written as objects alone.

    It stands for a `Workspace` and for `Folders`.
    """

    def __init__(self, backend: PrivateBackend) -> None:
        self._backend = backend
        self._captured: Captured | None = None

    def session_folders(self) -> Sequence[SessionKey]:
        """There are none."""
        return ()

    def current(self, project: str | None = None) -> SessionKey | None:  # noqa: ARG002 - a port
        """There is none."""
        return None

    def set_current(self, project: str, session: str) -> None:
        """No session is current on a server."""

    def start_from_branch(self, project: str, session: str) -> None:
        """There is no branch."""

    def is_carried(self, project: str, session: str) -> bool:  # noqa: ARG002 - a port
        """There is no branch."""
        return False

    def head(self) -> str | None:
        """There is no code."""
        return None

    def capture(self, project: str, session: str) -> Captured | None:  # noqa: ARG002 - a port
        """See `Documents.capture`."""
        return self._captured

    def edit(self, project: str, session: str, tree: str) -> Edit:  # noqa: ARG002 - a port
        """See `Contributions.edit`."""
        return Edit(tree, (tree,))

    def agree(self, project: str, session: str, tree: str, heads: Sequence[str] = ()) -> None:
        """There is nothing to remember."""

    def apply(self, edit: Edit, ours: str) -> Merged:  # noqa: ARG002 - a port
        """See `Contributions.apply`."""
        return Merged(ours, ())

    def check_new(self, folder: str, files: Mapping[str, bytes]) -> None:
        """See `Folders.check_new`."""
        check_documents(folder, files, {})

    def make_folder(self, folder: str, files: Mapping[str, bytes]) -> None:  # noqa: ARG002 - a port
        """See `Folders.make_folder`."""
        self._captured = Captured(*self._backend.folder_of(files, {}))

    def write_new(self, files: Mapping[str, bytes]) -> tuple[str, ...]:  # noqa: ARG002 - a port
        """Nothing stands beside a ledger here."""
        return ()

    def replace_known(self, path: str, known: bytes, content: bytes) -> bool:  # noqa: ARG002 - a port
        """Nothing stands beside a ledger here."""
        return False

    def write_views(self, views: Mapping[str, bytes]) -> Sequence[str]:  # noqa: ARG002 - a port
        """There is no place for a view."""
        return ()

    def view(self, path: str) -> bytes | None:  # noqa: ARG002 - a port
        """There is none."""
        return None
