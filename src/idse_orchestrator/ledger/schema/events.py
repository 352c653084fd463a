"""``event.json``, whose body depends on its kind."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from idse_orchestrator.ledger.schema.registry import CLAIMED, Change, Claimed
from idse_orchestrator.ledger.schema.words import (
    Blob,
    Body,
    Count,
    Moment,
    SessionStatus,
    Stage,
    StageStatus,
    Strict,
    Ulid,
    Verdict,
    first_problem,
)


def event_problem(data: bytes) -> str | None:
    """What keeps `data` from being an event, with the path to it; None when nothing does."""
    try:
        event = EventSchema.model_validate_json(data)
        _body_schema(event.kind, event.body).model_validate(_plural(event))
    except ValidationError as error:
        return first_problem(error)
    return None


class ActorSchema(Strict):
    """Who acted."""

    name: str
    email: str
    agent: str


class EventSchema(Strict):
    """``event.json`` but for its body, which `BODIES` describes by kind."""

    format: Literal[1]
    id: Ulid
    kind: Literal[
        "created",
        "edited",
        "stage",
        "validated",
        "approved",
        "handoff",
        "assigned",
        "described",
        "migrated",
        "archived",
        "claimed",
    ]
    lamport: Annotated[int, Field(ge=1)]
    at: Moment
    replica: Ulid
    actor: ActorSchema
    body: dict[str, Any]


class _Created(Body):
    type: str = ""
    title: str = ""
    owner: str = ""
    stack: str = ""
    parents: list[str] = []


class _Edited(Body):
    changed: dict[str, str | None] | list[str] = {}
    code: Blob | None = None


class RoutedSchema(Strict):
    """Whom a stage was routed to when it moved, and why ("" : nobody handled it)."""

    agent: str
    why: str


class _Stage(Body):
    stage: Stage
    action: Literal["start", "complete", "confirm", "reopen"]
    from_: StageStatus = Field(alias="from")
    to: StageStatus
    reopens: dict[str, Count] = {}
    routed: RoutedSchema | None = None


class _Sealing(_Stage):
    artifact: Blob
    upstream: dict[Stage, Blob]


class _Validated(Body):
    status: Verdict
    constitution: str


class _Approved(Body):
    rule: str
    expires: str | None = None
    withdrawn: bool = False


class _Waived(_Approved):
    reason: str = Field(min_length=1)


class _Assigned(Body):
    stage: Stage
    agent: str


class _RegistryChanged(Body):
    """The ``assigned`` event of a project's ledger that carries many changes."""

    changes: list[Change]


class _Described(Body):
    title: str = ""
    status: SessionStatus = "active"
    owner: str = ""
    tags: list[str] = []
    settings: dict[str, Any] = {}


class _Handoff(Body):
    """A handoff that asks, or answers; one without ``action`` tells a story and is free."""

    handoff: Ulid
    action: Literal["approve", "accept", "reject"]
    stage: Stage | Literal[""] = ""


class _HandoffRequest(Body):
    action: Literal["request"]
    stage: Stage
    from_: str = Field(default="", alias="from")
    to: str = Field(min_length=1)
    after: Stage | Literal[""] = ""
    approval: bool = False


class _Archived(Body):
    restored: bool = False


BODIES: dict[str, type[Body]] = {
    "created": _Created,
    "edited": _Edited,
    "stage": _Stage,
    "validated": _Validated,
    "approved": _Approved,
    "assigned": _Assigned,
    "described": _Described,
    "archived": _Archived,
    "claimed": Claimed,
}
"""Kind to the schema of its body; kinds that are not here have a free one."""


def _plural(event: EventSchema) -> dict[str, Any]:
    """The body; a change of the registry that stands alone as the only one of many."""
    body = event.body
    if event.kind == "assigned" and "action" in body and "changes" not in body:
        return {"changes": [body]}
    return body


def _body_schema(kind: str, body: dict[str, Any]) -> type[Body]:
    if kind == "stage" and body.get("action") in ("complete", "confirm"):
        return _Sealing
    if kind == "approved" and not body.get("withdrawn"):
        return _Waived
    if kind == "assigned" and ("changes" in body or "action" in body):
        return _RegistryChanged
    if kind == "claimed" and isinstance(body.get("action"), str):
        return CLAIMED.get(body["action"], Claimed)
    if kind == "handoff" and "action" in body:
        return _HandoffRequest if body["action"] == "request" else _Handoff
    return BODIES.get(kind, Body)
