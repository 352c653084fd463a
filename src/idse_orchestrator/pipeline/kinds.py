"""The two kinds of ledger that every project has: of the project itself, and of each of its sessions.

Both list every kind of event that the format knows, since a fold counts them all. Those of other themes are
added where the themes are known; until then they belong to an absent part of idse.
"""

from __future__ import annotations

from idse_orchestrator.base.names import is_name
from idse_orchestrator.ledger.events import (
    APPROVED,
    ARCHIVED,
    ASSIGNED,
    CREATED,
    DESCRIBED,
    EDITED,
    MIGRATED,
    STAGE,
    VALIDATED,
)
from idse_orchestrator.ledger.kinds import EventKind, Kind
from idse_orchestrator.ledger.refs import PROJECT_FAMILY, SESSION_FAMILY

_HERE = "idse_orchestrator.pipeline."
_FOLD = _HERE + "session_fold:"
_PROJECT = _HERE + "values:"
_SHAPES = _HERE + "shapes:"

SESSION = "session"
PROJECT = "project"

SESSIONS = Kind(
    SESSION,
    SESSION_FAMILY,
    {"project": is_name, "session": is_name},
    _HERE + "states:SESSION_STATES",
    {
        CREATED: EventKind(_FOLD + "created", _SHAPES + "CREATED", _FOLD + "say_created"),
        EDITED: EventKind("", _SHAPES + "EDITED", _FOLD + "say_edited"),
        STAGE: EventKind(_FOLD + "stage", _SHAPES + "moved", _FOLD + "say_stage"),
        VALIDATED: EventKind(_FOLD + "validated", _SHAPES + "VALIDATED", _FOLD + "say_validated"),
        APPROVED: EventKind(_FOLD + "approved", _SHAPES + "approved", _FOLD + "say_approved"),
        ASSIGNED: EventKind(_FOLD + "assigned", _SHAPES + "ASSIGNED", _FOLD + "say_assigned"),
        DESCRIBED: EventKind(_FOLD + "described", _SHAPES + "DESCRIBED", _FOLD + "say_described"),
        MIGRATED: EventKind(),
        ARCHIVED: EventKind(_FOLD + "archived", _SHAPES + "ARCHIVED", _FOLD + "say_archived"),
    },
)

PROJECTS = Kind(
    PROJECT,
    PROJECT_FAMILY,
    {"project": is_name},
    _HERE + "states:PROJECT_STATES",
    {
        **{kind: taken._replace(fold="") for kind, taken in SESSIONS.events.items()},
        CREATED: SESSIONS.events[CREATED]._replace(fold=_PROJECT + "created"),
        DESCRIBED: SESSIONS.events[DESCRIBED]._replace(fold=_PROJECT + "described"),
    },
)
