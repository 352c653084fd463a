"""What the events and states of sessions and projects look like."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from idse_orchestrator.documents.project_workspace import STAGES
from idse_orchestrator.ledger.refs import FIRST, HIGHEST
from idse_orchestrator.ledger.shapes import (
    ANYTHING,
    BLOB,
    COUNT,
    FLAG,
    MOMENT_OR_NEVER,
    NAME,
    NOT_APPLIED,
    TEXT,
    ULID,
    Record,
    Shape,
    body,
    either,
    maybe,
    one_of,
    problem_with,
    rows,
    table,
    text,
)
from idse_orchestrator.pipeline.stage_state_model import FAILING, PASSING, STAGE_STATUSES, UNKNOWN

STAGE = one_of(*STAGES)
STAGE_OR_NONE = either(STAGE, one_of(""))
_STATUS = one_of(*STAGE_STATUSES)
_SESSION_STATUS = one_of("draft", "active", "review", "complete", "archived")
_VERDICT = one_of(UNKNOWN, PASSING, FAILING)
_TEXTS = rows(TEXT)
_UPSTREAM = table(STAGE, BLOB)
_COUNTS = table(TEXT, COUNT)
_ALIAS = either(NAME, one_of(""))

Held = tuple[Record, Mapping[str, Any]]

_STAGES = rows(STAGE)
CREATED = body(
    "Created",
    {},
    {**dict.fromkeys(("type", "title", "owner", "stack"), TEXT), "parents": _TEXTS, "stages": _STAGES},
)
EDITED = body(
    "Edited", {}, {"changed": either(table(TEXT, maybe(TEXT)), _TEXTS), "code": maybe(BLOB), "boxes": FLAG}
)
MOVED = body(
    "Stage",
    {
        "stage": STAGE,
        "action": one_of("start", "complete", "confirm", "reopen"),
        "from": _STATUS,
        "to": _STATUS,
    },
    {"reopens": _COUNTS, "routed": maybe(Record("RoutedSchema", {"agent": TEXT, "why": TEXT}).shape)},
)
SEALING = MOVED.and_also({"artifact": BLOB, "upstream": _UPSTREAM})
VALIDATED = body("Validated", {"status": _VERDICT, "constitution": TEXT})
WITHDRAWN = body("Approved", {"rule": TEXT}, {"expires": maybe(TEXT), "withdrawn": FLAG})
PLACES = table(TEXT, rows(TEXT))
WAIVED = WITHDRAWN.and_also({"reason": text(least=1)}, {"places": PLACES})
ASSIGNED = body("Assigned", {"stage": STAGE, "agent": TEXT})
DESCRIBED = body(
    "Described",
    {},
    {
        "title": TEXT,
        "status": _SESSION_STATUS,
        "owner": TEXT,
        "tags": _TEXTS,
        "settings": table(TEXT, ANYTHING),
        "type": TEXT,
        "stages": _STAGES,
        "alias": _ALIAS,
    },
)
ARCHIVED = body("Archived", {}, {"restored": FLAG})
UNDELETED = ARCHIVED.and_also({"deleted": FLAG})
DELETED = UNDELETED.and_also({"seen": COUNT})


def moved(held: Mapping[str, Any]) -> Held:
    """Returns what a ``stage`` event holds: one that seals a stage says with which documents."""
    return SEALING if held.get("action") in ("complete", "confirm") else MOVED, held


def approved(held: Mapping[str, Any]) -> Held:
    """Returns what an ``approved`` event holds: a waiver has a reason."""
    return WITHDRAWN if held.get("withdrawn") else WAIVED, held


def archived(held: Mapping[str, Any]) -> Held:
    """Returns what an ``archived`` event holds: one that deletes says how many events it had seen."""
    if "deleted" not in held:
        return ARCHIVED, held
    return DELETED if held["deleted"] is True else UNDELETED, held


_STAGE_RECORD = Record(
    "StageSchema",
    {
        "status": _STATUS,
        "at": MOMENT_OR_NEVER,
        "by": TEXT,
        "event": TEXT,
        "artifact": BLOB,
        "upstream": _UPSTREAM,
        "reopens": _COUNTS,
    },
)
_VALIDATION = Record("ValidationSchema", {"status": _VERDICT, "constitution": TEXT, "at": MOMENT_OR_NEVER})
_WAIVER = Record(
    "WaiverSchema",
    {"rule": TEXT, "session": TEXT, "reason": TEXT, "expires": maybe(TEXT), "by": TEXT, "event": ULID},
    {"places": PLACES},
)
_DELETION = Record("DeletionSchema", {"times": COUNT, "upto": COUNT, "event": TEXT})
_STATE: Mapping[str, Shape] = {
    "format": one_of(*range(FIRST, HIGHEST + 1)),
    "project": TEXT,
    "created_at": MOMENT_OR_NEVER,
    "updated_at": MOMENT_OR_NEVER,
    "lamport": COUNT,
    "events": COUNT,
}
SESSION_STATE = Record(
    "SessionStateSchema",
    {
        **_STATE,
        "session": TEXT,
        "type": TEXT,
        "title": TEXT,
        "status": _SESSION_STATUS,
        "owner": TEXT,
        "tags": _TEXTS,
        "parents": _TEXTS,
        "stages": table(STAGE, _STAGE_RECORD.shape),
        "assigned": table(STAGE, TEXT),
        "validation": _VALIDATION.shape,
        "waivers": rows(_WAIVER.shape),
        "not_applied": rows(NOT_APPLIED.shape),
    },
    {"needed": _STAGES, "alias": NAME, "deletion": _DELETION.shape},
)
PROJECT_STATE = Record(
    "ProjectStateSchema",
    {**_STATE, "stack": TEXT, "settings": table(TEXT, ANYTHING)},
    {"not_applied": rows(NOT_APPLIED.shape)},
)


def session_problem(data: bytes, parts: Mapping[str, Shape]) -> str | None:
    """Returns what keeps `data` from being a session's state, with the path to it, or None."""
    problem = problem_with(SESSION_STATE.and_also({}, parts), data)
    if problem is not None:
        return problem
    import json

    stages = json.loads(data)["stages"]
    return next((f"stages: {stage} is missing" for stage in STAGES if stage not in stages), None)


def project_problem(data: bytes, parts: Mapping[str, Shape]) -> str | None:
    """Returns what keeps `data` from being a project's state, with the path to it, or None."""
    return problem_with(PROJECT_STATE.and_also({}, parts), data)
