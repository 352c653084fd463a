"""What ``event.json`` and ``state.json`` must look like, checked strictly where bytes come from outside.

`fsck` uses these models now, and whoever takes in ledgers from a remote. Inside, the frozen classes of
`events.py`, `stage_state_model.py` and `project_state.py` are used; a ledger of our own is read without
this file, whose import costs more than most commands.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from idse_orchestrator.domain.pipeline_artifacts import STAGES

Text = Annotated[str, Field(strict=True)]
Ulid = Annotated[str, Field(pattern=r"^[0-7][0-9A-HJKMNP-TV-Z]{25}\z")]
Moment = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\z")]
MomentOrNever = Annotated[str, Field(pattern=r"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)?\z")]
Blob = Annotated[str, Field(pattern=r"^([0-9a-f]{40})?\z")]
Count = Annotated[int, Field(ge=0)]
Object = Annotated[str, Field(pattern=r"^[0-9a-f]{40}\z")]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}\z")]
ClaimId = Annotated[str, Field(pattern=r"^c-[0-9a-f]{10}\z")]
Line = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]{1,500}\z")]
Stage = Literal["intent", "context", "spec", "plan", "tasks", "implementation", "feedback"]
StageStatus = Literal["pending", "in_progress", "complete"]
SessionStatus = Literal["draft", "active", "review", "complete", "archived"]
Verdict = Literal["unknown", "passing", "failing"]
Mode = Literal["planning", "implementation"]
Protocol = Literal["manual", "automatic"]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class _Body(BaseModel):
    """What a body must hold; what it may hold besides is free, since releases add to it."""

    model_config = ConfigDict(strict=True, extra="allow", frozen=True)

    reason: str = ""


class ActorSchema(_Strict):
    """Who acted."""

    name: str
    email: str
    agent: str


class EventSchema(_Strict):
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


class _Created(_Body):
    type: str = ""
    title: str = ""
    owner: str = ""
    stack: str = ""
    parents: list[str] = []


class _Edited(_Body):
    changed: dict[str, str | None] | list[str] = {}
    code: Blob | None = None


class RoutedSchema(_Strict):
    """Whom a stage was routed to when it moved, and why ("" : nobody handled it)."""

    agent: str
    why: str


class _Stage(_Body):
    stage: Stage
    action: Literal["start", "complete", "confirm", "reopen"]
    from_: StageStatus = Field(alias="from")
    to: StageStatus
    reopens: dict[str, Count] = {}
    routed: RoutedSchema | None = None


class _Sealing(_Stage):
    artifact: Blob
    upstream: dict[Stage, Blob]


class _Validated(_Body):
    status: Verdict
    constitution: str


class _Approved(_Body):
    rule: str
    expires: str | None = None
    withdrawn: bool = False


class _Waived(_Approved):
    reason: str = Field(min_length=1)


class _Assigned(_Body):
    stage: Stage
    agent: str


class AgentSchema(_Strict):
    """An agent of a registry."""

    id: str
    role: str = ""
    stages: list[Stage] = []
    capabilities: list[str] = []
    mode: Mode = "implementation"
    handoff_protocol: Protocol = "manual"


class HandoffRuleSchema(_Strict):
    """When an agent is done with a stage, another one goes on."""

    from_stage: Stage
    to_stage: Stage
    from_agent: str
    to_agent: str
    requires_approval: bool = False


class RegistrySchema(_Strict):
    """The agent registry in a project's state."""

    agents: list[AgentSchema]
    handoff_rules: list[HandoffRuleSchema]


class _AgentFields(_Strict):
    role: str = ""
    stages: list[Stage] = []
    capabilities: list[str] = []
    mode: Mode = "implementation"
    handoff_protocol: Protocol = "manual"


class _Change(_Strict):
    """One change of the agent registry; `action` says which of the others it has."""

    reason: str = ""


class _AddAgent(_Change):
    action: Literal["add"]
    agent: AgentSchema


class _RemoveAgent(_Change):
    action: Literal["remove"]
    agent: str


class _SetAgent(_Change):
    action: Literal["set"]
    agent: str
    fields: _AgentFields


class _OrderAgents(_Change):
    action: Literal["order"]
    agents: list[str]


class _ChangeRule(_Change):
    action: Literal["add-rule", "remove-rule"]
    rule: HandoffRuleSchema


Change = Annotated[
    _AddAgent | _RemoveAgent | _SetAgent | _OrderAgents | _ChangeRule, Field(discriminator="action")
]


class _RegistryChanged(_Body):
    """The ``assigned`` event of a project's ledger that carries many changes."""

    changes: list[Change]


class _Described(_Body):
    title: str = ""
    status: SessionStatus = "active"
    owner: str = ""
    tags: list[str] = []
    settings: dict[str, Any] = {}


class _Handoff(_Body):
    """A handoff that asks, or answers; one without ``action`` tells a story and is free."""

    handoff: Ulid
    action: Literal["approve", "accept", "reject"]
    stage: Stage | Literal[""] = ""


class _HandoffRequest(_Body):
    action: Literal["request"]
    stage: Stage
    from_: str = Field(default="", alias="from")
    to: str = Field(min_length=1)
    after: Stage | Literal[""] = ""
    approval: bool = False


class EvidenceSchema(_Strict):
    """A ledger commit that bears out a claim."""

    session: Name
    stage: Stage
    commit: Object
    blob: Object


class _Claimed(_Body):
    """An event about a claim of a blueprint; `_CLAIMED` says what each action must hold besides."""

    action: Literal["declare", "promote", "reinforce", "demote"]
    claim: ClaimId
    section: str = ""
    demotions: dict[Ulid, Count] = {}


class _Declared(_Claimed):
    text: Line


class _Borne(_Claimed):
    evidence: Annotated[list[EvidenceSchema], Field(min_length=1)]


class _Demoted(_Claimed):
    reason: str = Field(min_length=1)


_CLAIMED: dict[str, type[_Body]] = {
    "declare": _Declared,
    "promote": _Borne,
    "reinforce": _Borne,
    "demote": _Demoted,
}


class _Archived(_Body):
    restored: bool = False


BODIES: dict[str, type[_Body]] = {
    "created": _Created,
    "edited": _Edited,
    "stage": _Stage,
    "validated": _Validated,
    "approved": _Approved,
    "assigned": _Assigned,
    "described": _Described,
    "archived": _Archived,
    "claimed": _Claimed,
}
"""Kind to the schema of its body; kinds that are not here have a free one."""


class StageSchema(_Strict):
    """One stage in a session's state."""

    status: StageStatus
    at: MomentOrNever
    by: str
    event: str
    artifact: Blob
    upstream: dict[Stage, Blob]
    reopens: dict[str, Count]


class ValidationSchema(_Strict):
    """The last verdict in a session's state."""

    status: Verdict
    constitution: str
    at: MomentOrNever


class WaiverSchema(_Strict):
    """A recorded exception in a session's state."""

    rule: str
    session: str
    reason: str
    expires: str | None
    by: str
    event: Ulid


class NotAppliedSchema(_Strict):
    """An event that was kept although it no longer applied."""

    event: Ulid
    why: str


class HandoffSchema(_Strict):
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


class ClaimSchema(_Strict):
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


class _State(_Strict):
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


def event_problem(data: bytes) -> str | None:
    """What keeps `data` from being an event, with the path to it; None when nothing does."""
    try:
        event = EventSchema.model_validate_json(data)
        _body_schema(event.kind, event.body).model_validate(_plural(event))
    except ValidationError as error:
        return _first(error)
    return None


def session_state_problem(data: bytes) -> str | None:
    """What keeps `data` from being a session's state, with the path to it; None when nothing does."""
    try:
        state = SessionStateSchema.model_validate_json(data)
    except ValidationError as error:
        return _first(error)
    missing = [stage for stage in STAGES if stage not in state.stages]
    return f"stages: {missing[0]} is missing" if missing else None


def project_state_problem(data: bytes) -> str | None:
    """What keeps `data` from being a project's state, with the path to it; None when nothing does."""
    try:
        ProjectStateSchema.model_validate_json(data)
    except ValidationError as error:
        return _first(error)
    return None


def _plural(event: EventSchema) -> dict[str, Any]:
    """The body; a change of the registry that stands alone as the only one of many."""
    body = event.body
    if event.kind == "assigned" and "action" in body and "changes" not in body:
        return {"changes": [body]}
    return body


def _body_schema(kind: str, body: dict[str, Any]) -> type[_Body]:
    if kind == "stage" and body.get("action") in ("complete", "confirm"):
        return _Sealing
    if kind == "approved" and not body.get("withdrawn"):
        return _Waived
    if kind == "assigned" and ("changes" in body or "action" in body):
        return _RegistryChanged
    if kind == "claimed" and isinstance(body.get("action"), str):
        return _CLAIMED.get(body["action"], _Claimed)
    if kind == "handoff" and "action" in body:
        return _HandoffRequest if body["action"] == "request" else _Handoff
    return BODIES.get(kind, _Body)


def _first(error: ValidationError) -> str:
    found = error.errors(include_url=False, include_context=False, include_input=False)
    first = found[0]
    where = ".".join(map(str, first["loc"]))
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return f"{where}: {first['msg']}{more}" if where else f"{first['msg']}{more}"
