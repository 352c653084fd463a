"""``state.json`` of a session's ledger, and of a project's."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, ValidationError

from idse_orchestrator.documents.pipeline_artifacts import STAGES
from idse_orchestrator.ledger.schema.registry import EvidenceSchema, RegistrySchema
from idse_orchestrator.ledger.schema.words import (
    Blob,
    ClaimId,
    Count,
    Line,
    Moment,
    MomentOrNever,
    SessionStatus,
    Stage,
    StageStatus,
    Strict,
    Ulid,
    Verdict,
    first_problem,
)


def session_state_problem(data: bytes) -> str | None:
    """What keeps `data` from being a session's state, with the path to it; None when nothing does."""
    try:
        state = SessionStateSchema.model_validate_json(data)
    except ValidationError as error:
        return first_problem(error)
    missing = [stage for stage in STAGES if stage not in state.stages]
    return f"stages: {missing[0]} is missing" if missing else None


def project_state_problem(data: bytes) -> str | None:
    """What keeps `data` from being a project's state, with the path to it; None when nothing does."""
    try:
        ProjectStateSchema.model_validate_json(data)
    except ValidationError as error:
        return first_problem(error)
    return None


class StageSchema(Strict):
    """One stage in a session's state."""

    status: StageStatus
    at: MomentOrNever
    by: str
    event: str
    artifact: Blob
    upstream: dict[Stage, Blob]
    reopens: dict[str, Count]


class ValidationSchema(Strict):
    """The last verdict in a session's state."""

    status: Verdict
    constitution: str
    at: MomentOrNever


class WaiverSchema(Strict):
    """A recorded exception in a session's state."""

    rule: str
    session: str
    reason: str
    expires: str | None
    by: str
    event: Ulid


class NotAppliedSchema(Strict):
    """An event that was kept although it no longer applied."""

    event: Ulid
    why: str


class HandoffSchema(Strict):
    """An open handoff in a session's state."""

    id: Ulid
    stage: Stage
    from_: str = Field(alias="from")
    to: str
    reason: str
    at: MomentOrNever
    by: str
    after: Stage | Literal[""]
    approval: bool
    approved_by: str


class ClaimSchema(Strict):
    """A claim in the state of a blueprint's session."""

    text: Line
    section: str
    status: Literal["declared", "promoted", "demoted"]
    evidence: list[EvidenceSchema]
    at: Moment
    by: str
    event: Ulid
    reason: str
    demotions: dict[Ulid, Count]


class _State(Strict):
    format: Literal[1]
    project: str
    created_at: MomentOrNever
    updated_at: MomentOrNever
    lamport: Count
    events: Count


class SessionStateSchema(_State):
    """``state.json`` of a session's ledger."""

    session: str
    type: str
    title: str
    status: SessionStatus
    owner: str
    tags: list[str]
    parents: list[str]
    stages: dict[Stage, StageSchema]
    assigned: dict[Stage, str]
    validation: ValidationSchema
    waivers: list[WaiverSchema]
    not_applied: list[NotAppliedSchema]
    handoffs: list[HandoffSchema] = []
    claims: dict[ClaimId, ClaimSchema] = {}


class ProjectStateSchema(_State):
    """``state.json`` of a project's ledger."""

    stack: str
    settings: dict[str, Any]
    registry: RegistrySchema = RegistrySchema(agents=[], handoff_rules=[])
    not_applied: list[NotAppliedSchema] = []
