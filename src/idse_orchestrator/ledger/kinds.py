"""The two kinds of ledger: how each folds and stores its state. Only writing needs this."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

from idse_orchestrator.ledger.commit import MAX_ARTIFACT_BYTES
from idse_orchestrator.ledger.events import Event
from idse_orchestrator.ledger.replay import Folding
from idse_orchestrator.pipeline.project_state import (
    ProjectState,
    apply_to_project,
    project_from_json,
    project_to_json,
)
from idse_orchestrator.pipeline.session_fold import apply
from idse_orchestrator.pipeline.stage_state_model import SessionState
from idse_orchestrator.pipeline.state_json import state_from_json, state_to_json

State = TypeVar("State")


class LedgerKind(NamedTuple, Generic[State]):
    """How one kind of ledger folds and stores its state."""

    kind: str
    apply: Callable[[State, Event], State]
    to_json: Callable[[State], bytes]
    from_json: Callable[[bytes], State]


SESSION_LEDGER: LedgerKind[SessionState] = LedgerKind("session", apply, state_to_json, state_from_json)
PROJECT_LEDGER: LedgerKind[ProjectState] = LedgerKind(
    "project", apply_to_project, project_to_json, project_from_json
)


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
    from idse_orchestrator.ledger.schema.states import session_state_problem  # slow, and hardly ever asked

    return session_state_problem(data)


def _project_problem(data: bytes) -> str | None:
    from idse_orchestrator.ledger.schema.states import project_state_problem

    return project_state_problem(data)
