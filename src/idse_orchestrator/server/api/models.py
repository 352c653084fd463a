"""The shapes of requests and answers: what a body must be, and what OpenAPI says of both."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

_MOST_WORDS = 10_000
Words = Annotated[str, Field(max_length=_MOST_WORDS)]
Line = Annotated[str, Field(max_length=500)]
Stage = Literal["intent", "context", "spec", "plan", "tasks", "implementation", "feedback"]


class In(BaseModel):
    """A body: what it does not know is refused."""

    model_config = ConfigDict(extra="forbid", strict=True)


class NewProject(In):
    """A project to make in a repository, which is made as by a first push where it is not there."""

    repository: Line = Field(description="CLIENT/REPOSITORY", examples=["acme/shop"])
    name: Line
    stack: Line = ""


class NewSession(In):
    """A session to make, with documents from the templates."""

    project_id: Line
    name: Line
    type: Line = "feature"
    title: Line = ""
    owner: Line = ""
    parents: list[Line] = Field(default=[], max_length=100)


class StageMove(In):
    """Says what to do with a stage. To reopen or confirm one, give a reason."""

    action: Literal["start", "complete", "confirm", "reopen"]
    reason: Words = ""


class HandoffAnswer(In):
    """A handoff to ask for, with `to`, `stage` and `reason`; or the answer to one, by `handoff`."""

    action: Literal["request", "accept", "reject", "approve"]
    to: Line = ""
    stage: Stage | Literal[""] = ""
    reason: Words = ""
    handoff: Line = ""


class SyncPush(In):
    """Documents of a session, by path, and the tip on which they were made."""

    session_id: Line
    tip: Annotated[str, Field(pattern="^[0-9a-f]{40}$")]
    documents: dict[Line, str] = Field(min_length=1, max_length=100)
    reason: Words = ""


class SyncPull(In):
    """A session whose documents are asked for."""

    session_id: Line


class Out(BaseModel):
    """An answer."""


class Handoff(Out):
    """A handoff that waits for an answer."""

    model_config = ConfigDict(extra="allow")
    id: str
    stage: str


class StageNow(Out):
    """Where a stage stands."""

    stage: Stage
    status: Literal["pending", "in_progress", "complete", "not_needed"]
    condition: str
    causes: list[str] | None
    at: str
    who: str
    artifact: str
    reopens: int
    assigned: str


class Artifact(Out):
    """A document of a session."""

    path: str
    stage: str
    blob_id: str
    bytes: int


class Next(Out):
    """Says what to do now: `why` in a sentence, and the commands that do it in a clone."""

    why: str
    commands: list[str]
    stage: str
    artifact: str


class Project(Out):
    """A project."""

    id: str
    client: str
    repository: str
    name: str
    stack: str
    tip: str
    events: int
    rules_broken: str
    created_at: str
    updated_at: str


class ProjectWhole(Project):
    """A project with its agents and settings."""

    registry: dict[str, Any] | None
    settings: dict[str, Any]


class Session(Out):
    """A session."""

    id: str
    client: str
    repository: str
    project_id: str
    project: str
    name: str
    alias: str
    type: str
    title: str
    status: str
    validation: str
    owner: str
    tip: str
    events: int
    blocking: int
    warnings: int
    unreadable: str
    tags: list[str] | None
    parents: list[str] | None
    created_at: str
    updated_at: str


class SessionWhole(Session):
    """A session with its stages, documents, handoffs, and what is next."""

    stages: list[StageNow]
    artifacts: list[Artifact]
    handoffs: list[Handoff]
    next: Next


class Event(Out):
    """An event of a ledger."""

    id: str
    kind: str
    stage: str
    action: str
    lamport: int
    at: str
    seen_at: str
    replica: str
    agent: str
    who: str
    commit_id: str
    subject: str
    body: dict[str, Any] | None


class Finding(Out):
    """Tells one thing that a rule finds in a session."""

    rule: str
    severity: Literal["error", "warning"]
    blocks: bool
    stage: str
    path: str
    line: int
    message: str
    hint: str
    waiver: dict[str, Any] | None
    waiver_ignored: str


class GateReport(Out):
    """Tells what a gate says, in the form of `idse validate --json`."""

    model_config = ConfigDict(extra="allow")
    source: str
    constitution: str
    sessions: list[str]
    summary: dict[str, int | bool]
    findings: list[dict[str, Any]]
    notes: list[str]


class SyncEvent(Out):
    """A push or a pull of a clone that moved something."""

    id: str
    client: str
    repository: str
    replica: str
    direction: Literal["push", "pull"]
    at: str
    refs: Any


class AuditRow(Out):
    """A row of the audit."""

    id: int
    at: str
    key_id: str
    action: str
    repository: str
    outcome: str
    rule: str
    detail: str
    previous_hash: str
    hash: str


class Standing(Out):
    """How a client stands; times are "" where there was none."""

    client: str
    repositories: int
    sessions: int
    active: int
    blocked: int
    stale: int
    waived: int
    last_event: str
    last_push: str
    audit_row: int
    audit_hash: str


class Measured(Out):
    """A metric of a client, and of one part of it (""; of all): seconds, a share or a sum; null for none."""

    client: str
    metric: str
    part: str
    rows: int
    value: float | None
    high: float | None
    doubtful: int
    target: float | None
    met: bool | None


class DesignLibrary(Out):
    """A library of designs: its versions, and the components of the newest."""

    library: str
    versions: list[str]
    newest: str
    components: list[str]


class DesignComponent(Out):
    """A component of a library."""

    model_config = ConfigDict(extra="allow")
    name: str
    summary: str


class DesignVersion(Out):
    """A version of a library, as its design.json has it."""

    library: str
    version: str
    components: list[DesignComponent]


class DesignFile(Out):
    """A file of a component; `text` is null where it is too large or no text."""

    path: str
    text: str | None


class Design(Out):
    """A component to adapt: what it is, what its library's README says, and its files."""

    reference: str
    component: DesignComponent
    readme: str
    files: list[DesignFile]


class Client(Out):
    """A client."""

    id: str
    name: str
    created_at: str
    archived_at: str
    max_bytes: int
    max_repositories: int
    repositories: int
    bytes: int
    keys: int
    pushed_at: str


class Key(Out):
    """A key, without what is secret of it."""

    id: str
    name: str
    prefix: str
    scopes: list[str]
    emails: list[str]
    role: str
    agent: str
    repositories: list[str]
    projects: list[str]
    created_at: str
    expires_at: str
    revoked_at: str
    last_used_at: str
    replaced_by: str


class Constitution(Out):
    """The rules in force, and the types of sessions with their stages."""

    types: dict[str, list[str]]
    rules: list[dict[str, Any]]


class Recorded(Out):
    """Tells one thing that was taken, and does not count."""

    code: str
    message: str


class Done(Out):
    """Tells what was written: the new tip of the ledger, and the ids of the events."""

    id: str
    client: str
    repository: str
    project: str
    tip: str
    events: list[str]
    session: str = ""
    status: str = ""
    stages: dict[str, str] = {}
    recorded: list[Recorded] = []


class Document(Out):
    """A document with its text."""

    path: str
    text: str
    blob_id: str


class Pulled(Out):
    """The documents of a session, and its tip."""

    session_id: str
    tip: str
    documents: list[Document]


class ProblemShape(Out):
    """What went wrong (RFC 9457): `code` is ours, `findings` are those of `idse validate --json`."""

    model_config = ConfigDict(extra="allow")
    type: str
    title: str
    status: int
    code: str
    detail: str
    cause: str = ""
    where: str = ""
    fix: list[str] = []
    findings: list[dict[str, Any]] = []
