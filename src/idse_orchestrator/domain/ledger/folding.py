"""The two kinds of ledger, as a replay needs them."""

from __future__ import annotations

from idse_orchestrator.domain.ledger.commit import MAX_ARTIFACT_BYTES
from idse_orchestrator.domain.ledger.event_fold import apply
from idse_orchestrator.domain.ledger.project_fold import apply_to_project
from idse_orchestrator.domain.ledger.project_state import (
    ProjectState,
    project_from_json,
    project_to_json,
)
from idse_orchestrator.domain.ledger.replay import Folding
from idse_orchestrator.domain.ledger.state_json import state_from_json, state_to_json
from idse_orchestrator.domain.stage_state_model import SessionState


def session_folding(project: str, session: str) -> Folding[SessionState]:
    """How the ledger of one session folds."""
    return Folding(
        empty=SessionState(project, session),
        apply=apply,
        to_json=state_to_json,
        from_json=state_from_json,
        problem=_session_problem,
        name_of=lambda state: f"session {state.project}/{state.session}",
        limit=MAX_ARTIFACT_BYTES,
    )


def project_folding(project: str) -> Folding[ProjectState]:
    """How the ledger of one project folds."""
    return Folding(
        empty=ProjectState(project),
        apply=apply_to_project,
        to_json=project_to_json,
        from_json=project_from_json,
        problem=_project_problem,
        name_of=lambda state: f"project {state.project}",
        limit=MAX_ARTIFACT_BYTES,
    )


def _session_problem(data: bytes) -> str | None:
    from idse_orchestrator.domain.ledger.schema import session_state_problem  # slow, and hardly ever asked

    return session_state_problem(data)


def _project_problem(data: bytes) -> str | None:
    from idse_orchestrator.domain.ledger.schema import project_state_problem

    return project_state_problem(data)
