"""Reads ledgers through the git program alone: a status must not wait for libgit2 to load."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from idse_orchestrator.app.ports import ProjectTip, SessionKey, SessionTip, Tip
from idse_orchestrator.domain.project_state import ProjectState
from idse_orchestrator.domain.stage_state_model import SessionState
from idse_orchestrator.git.ledger_format import (
    ARTIFACTS,
    PROJECT_LEDGER,
    SESSION_LEDGER,
    STATE,
    LedgerFormat,
    corrupt,
)
from idse_orchestrator.git.object_stream import ObjectStream
from idse_orchestrator.git.ref_names import (
    PROJECTS,
    SESSIONS,
    parse_project_ref,
    parse_session_ref,
    project_ref,
    session_ref,
)
from idse_orchestrator.git.repository import Repository

State = TypeVar("State", SessionState, ProjectState)


class GitLedgerReader:
    """The `LedgerReader` port on a repository."""

    def __init__(self, repository: Repository) -> None:
        self._git = repository.git

    def projects(self) -> Sequence[str]:
        """See `LedgerReader.projects`."""
        return [name for ref in self._refs(PROJECTS) if (name := parse_project_ref(ref))]

    def sessions(self, project: str | None = None) -> Sequence[SessionKey]:
        """See `LedgerReader.sessions`."""
        refs = self._refs(f"{SESSIONS}{project}/" if project else SESSIONS)
        return [key for ref in refs if (key := parse_session_ref(ref))]

    def session(self, project: str, session: str) -> SessionTip | None:
        """See `LedgerReader.session`."""
        return self._tip(SESSION_LEDGER, session_ref(project, session))

    def project(self, project: str) -> ProjectTip | None:
        """See `LedgerReader.project`."""
        return self._tip(PROJECT_LEDGER, project_ref(project))

    def states(self, keys: Iterable[SessionKey]) -> Mapping[SessionKey, SessionState]:
        """See `LedgerReader.states`."""
        wanted = list(keys)
        names = [f"{session_ref(*key)}:{STATE}" for key in wanted]
        with ObjectStream(self._git) as objects:
            found = zip(wanted, objects.read_all(names), strict=True)
            return {
                key: _parsed(SESSION_LEDGER, session_ref(*key), blob.data) for key, blob in found if blob
            }

    def _tip(self, kind: LedgerFormat[State], ref: str) -> Tip[State] | None:
        with ObjectStream(self._git) as objects:
            commit = objects.read(ref)
            if commit is None:
                return None
            state = objects.read(f"{commit.id}:{STATE}")
            artifacts = objects.read(f"{commit.id}:{ARTIFACTS}")
        if state is None:
            raise corrupt(ref, f"it points at {commit.kind} {commit.id[:7]}, which has no {STATE}")
        return Tip(commit.id, artifacts.id if artifacts else "", _parsed(kind, ref, state.data))

    def _refs(self, prefix: str) -> Sequence[str]:
        return self._git.lines("for-each-ref", "--format=%(refname)", prefix)


def _parsed(kind: LedgerFormat[State], ref: str, data: bytes) -> State:
    try:
        return kind.from_json(data)
    except ValueError as error:
        raise corrupt(ref, f"{STATE}: {error}") from error
