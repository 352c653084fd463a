"""Judge a session's documents in one commit of its ledger, for the document of a handoff."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from idse_orchestrator.agents.handoff_document import Judged
from idse_orchestrator.constitution.scope import Scope
from idse_orchestrator.constitution.validate import Validation, validate
from idse_orchestrator.constitution.validation_engine import DocumentKey, filled
from idse_orchestrator.documents.project_workspace import (
    REGULAR,
    STAGE_OF,
    FileEntry,
    session_folder,
    split_session_path,
)
from idse_orchestrator.pipeline.stage_state_model import PENDING

if TYPE_CHECKING:
    from idse_orchestrator.constitution.examination import Examiner
    from idse_orchestrator.documents.project_workspace import ArtifactReader
    from idse_orchestrator.ledger.events import SessionKey
    from idse_orchestrator.pipeline.ports import LedgerReader
    from idse_orchestrator.pipeline.stage_state_model import SessionState
    from idse_orchestrator.sessions.trees import Trees

_QUESTIONS = ("questions_answered", "no_marker")
"""Check verbs whose hits are something that nobody has answered yet, however far the stage is."""


@dataclass(frozen=True, slots=True)
class _Then:
    """What the ledgers said when the commit was made: one session."""

    state: SessionState

    def projects(self) -> Sequence[str]:
        """The project of the session."""
        return (self.state.project,)

    def states(self, keys: Iterable[SessionKey]) -> Mapping[SessionKey, SessionState]:
        """The state of the session."""
        return {key: self.state for key in keys if key == (self.state.project, self.state.session)}


def judge_ledger(reader: ArtifactReader, examiner: Examiner, state: SessionState, today: str) -> Judged:
    """Findings about the documents of `reader`, one session of a ledger, and what they leave open."""
    if not reader.paths():
        return Judged((), ())
    context = Validation(reader, examiner, _Then(state), today)
    report = validate(context, Scope(state.project, state.session))
    return Judged(report.findings, tuple(_questions(reader, examiner, state)))


def _questions(reader: ArtifactReader, examiner: Examiner, state: SessionState) -> Iterator[str]:
    """Those of the documents that are begun: before that a document is all questions."""
    files = {
        DocumentKey(own[2], entry.mode, entry.blob): (path, entry)
        for path, entry in sorted(reader.paths().items())
        if (own := split_session_path(path)) and _is_begun(state, own[2])
    }
    for key, hits in examiner.hits(reader, files).items():
        for hit in hits:
            rule = examiner.constitution.rule(hit.rule)
            if rule is not None and rule.check in _QUESTIONS:
                params = {"artifact": key.path, **hit.params}
                yield f"{key.path}:{hit.line}: {filled(rule.message, params)}"


def _is_begun(state: SessionState, path: str) -> bool:
    stage = STAGE_OF.get(path)
    return stage is None or state.stages[stage].status != PENDING


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
