"""A session's documents as one commit of its ledger holds them, whatever store the ledger is in."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from idse_orchestrator.domain.artifact_reader import REGULAR, FileEntry
from idse_orchestrator.domain.pipeline_artifacts import session_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from idse_orchestrator.app.history.ports import Trees
    from idse_orchestrator.app.ports import LedgerReader, SessionKey


class EntryDocuments:
    """The `ArtifactReader` port on one ledger commit: few files, all of them read."""

    def __init__(self, ledgers: LedgerReader, trees: Trees, key: SessionKey, commit: str) -> None:
        self._ledgers = ledgers
        self._trees = trees
        self._folder = session_folder(*key) + "/"
        self._commit = commit

    @property
    def description(self) -> str:
        """The word ledger, and the short id of the commit."""
        return f"ledger {self._commit[:7]}"

    def paths(self) -> Mapping[str, FileEntry]:
        """See ArtifactReader."""
        return {path: entry for path, (entry, _) in self._files.items()}

    def legacy_paths(self) -> Sequence[str]:
        """None: a ledger holds one session's folder and nothing else."""
        return ()

    def read_many(self, paths: Iterable[str]) -> Mapping[str, bytes]:
        """See ArtifactReader."""
        return {path: self._files[path][1] for path in paths}

    @cached_property
    def _files(self) -> Mapping[str, tuple[FileEntry, bytes]]:
        blobs = self._ledgers.tree_files(self._trees.of_entry(self._commit))
        found = {}
        for path, blob in blobs.items():
            content = self._trees.content(self._commit, path)
            if content is not None:
                found[self._folder + path] = (FileEntry(REGULAR, blob, len(content)), content)
        return found
