"""The two kinds of ledger: how each folds and stores its state. Only writing needs this."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

from idse_orchestrator.domain.events import Event
from idse_orchestrator.domain.ledger.event_fold import apply
from idse_orchestrator.domain.ledger.project_fold import apply_to_project
from idse_orchestrator.domain.ledger.project_state import (
    ProjectState,
    project_from_json,
    project_to_json,
)
from idse_orchestrator.domain.ledger.state_json import state_from_json, state_to_json
from idse_orchestrator.domain.stage_state_model import SessionState

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
