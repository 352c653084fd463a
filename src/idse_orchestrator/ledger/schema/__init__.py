"""What ``event.json`` and ``state.json`` must look like, checked strictly where bytes come from outside.

`fsck` uses these models now, and whoever takes in ledgers from a remote. Inside, the frozen classes of
`events.py`, `stage_state_model.py` and `project_state.py` are used; a ledger of our own is read without
this file, whose import costs more than most commands.
"""

from __future__ import annotations

from idse_orchestrator.ledger.schema.events import BODIES, event_problem
from idse_orchestrator.ledger.schema.states import (
    ProjectStateSchema,
    SessionStateSchema,
    project_state_problem,
    session_state_problem,
)

__all__ = [
    "BODIES",
    "ProjectStateSchema",
    "SessionStateSchema",
    "event_problem",
    "project_state_problem",
    "session_state_problem",
]
