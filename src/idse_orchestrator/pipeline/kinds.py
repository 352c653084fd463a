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
_PROJECT = _HERE + "project_state:"
_SHAPES = _HERE + "shapes:"
_WORDS = _HERE + "words:"

SESSION = "session"
PROJECT = "project"

SESSIONS = Kind(
    SESSION,
    SESSION_FAMILY,
    {"project": is_name, "session": is_name},
    _HERE + "states:SESSION_STATES",
    {
        CREATED: EventKind(_FOLD + "created", _SHAPES + "CREATED", _WORDS + "created"),
        EDITED: EventKind("", _SHAPES + "EDITED", _WORDS + "edited"),
        STAGE: EventKind(_FOLD + "stage", _SHAPES + "moved", _WORDS + "stage"),
        VALIDATED: EventKind(_FOLD + "validated", _SHAPES + "VALIDATED", _WORDS + "validated"),
        APPROVED: EventKind(_FOLD + "approved", _SHAPES + "approved", _WORDS + "approved"),
        ASSIGNED: EventKind(_FOLD + "assigned", _SHAPES + "ASSIGNED", _WORDS + "assigned"),
        DESCRIBED: EventKind(_FOLD + "described", _SHAPES + "DESCRIBED", _WORDS + "described"),
        MIGRATED: EventKind(),
        ARCHIVED: EventKind(_FOLD + "archived", _SHAPES + "ARCHIVED", _WORDS + "archived"),
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
