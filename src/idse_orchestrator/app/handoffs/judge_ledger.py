"""Judge a session's documents in one commit of its ledger, for the document of a handoff."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from idse_orchestrator.app.handoffs.handoff_document import Judged
from idse_orchestrator.app.validation.scope import Scope
from idse_orchestrator.app.validation.validate import Validation, validate
from idse_orchestrator.app.validation.verdicts import DocumentKey
from idse_orchestrator.domain.pipeline_artifacts import STAGE_OF, split_session_path
from idse_orchestrator.domain.stage_state_model import PENDING
from idse_orchestrator.domain.validation.wording_of_findings import filled

if TYPE_CHECKING:
    from idse_orchestrator.app.ports import SessionKey
    from idse_orchestrator.app.validation.examination import Examiner
    from idse_orchestrator.domain.artifact_reader import ArtifactReader
    from idse_orchestrator.domain.stage_state_model import SessionState

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
