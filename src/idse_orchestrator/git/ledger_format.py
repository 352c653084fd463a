"""The shape of a ledger commit, and the two kinds of ledger that have it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from idse_orchestrator.domain.event_fold import apply
from idse_orchestrator.domain.events import Event
from idse_orchestrator.domain.project_state import (
    ProjectState,
    apply_to_project,
    project_from_json,
    project_to_json,
)
from idse_orchestrator.domain.stage_state_model import SessionState
from idse_orchestrator.domain.state_json import state_from_json, state_to_json
from idse_orchestrator.errors import CorruptLedgerError

State = TypeVar("State")

ARTIFACTS = "artifacts"
EVENT = "event.json"
STATE = "state.json"


@dataclass(frozen=True, slots=True)
class LedgerFormat(Generic[State]):
    """How one kind of ledger folds and stores its state."""

    kind: str
    apply: Callable[[State, Event], State]
    to_json: Callable[[State], bytes]
    from_json: Callable[[bytes], State]


SESSION_LEDGER: LedgerFormat[SessionState] = LedgerFormat("session", apply, state_to_json, state_from_json)
PROJECT_LEDGER: LedgerFormat[ProjectState] = LedgerFormat(
    "project", apply_to_project, project_to_json, project_from_json
)


def corrupt(ref: str, cause: str) -> CorruptLedgerError:
    """The error for a ledger that cannot be read."""
    return CorruptLedgerError(
        "this ledger is damaged",
        where=ref,
        cause=cause,
        fix=(f"idse fsck    (names every defect; older states are in: git reflog {ref})",),
    )
