"""Where a session stands: each stage's status, and whether the documents still are what was completed.

`SessionState` is the fold of a ledger's events (`session_fold`). `standing` compares it with
documents: completion expires by content, so nothing has to remember to reset a flag.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from idse_orchestrator.base.names import canonical_json
from idse_orchestrator.documents.project_workspace import STAGES, upstream_of
from idse_orchestrator.ledger.events import NotApplied
from idse_orchestrator.ledger.refs import FIRST, read_format


class Waiver(NamedTuple):
    """A recorded exception: `rule` does not block `session` until `expires` (ISO date, or None)."""

    rule: str
    session: str
    reason: str
    expires: str | None
    by: str
    event: str


PENDING = "pending"
IN_PROGRESS = "in_progress"
COMPLETE = "complete"
STAGE_STATUSES = (PENDING, IN_PROGRESS, COMPLETE)

ACTIVE = "active"
ARCHIVED = "archived"

UNKNOWN = "unknown"
PASSING = "passing"
FAILING = "failing"

CURRENT = "current"
CHANGED = "changed"
STALE = "stale"


class StageRecord(NamedTuple):
    """What the ledger knows of one stage.

    `artifact` and `upstream` (stage to blob id) are those of the last completion or confirmation
    and empty before it. `reopens` counts reopenings by replica: a completion that had not seen
    all of them does not apply. `event` is the id of the event that moved the stage last.
    """

    status: str = PENDING
    at: str = ""
    by: str = ""
    event: str = ""
    artifact: str = ""
    upstream: Mapping[str, str] = {}
    reopens: Mapping[str, int] = {}


_UNTOUCHED: Mapping[str, StageRecord] = dict.fromkeys(STAGES, StageRecord())


class ValidationVerdict(NamedTuple):
    """`validation_status` in the state: what the engine said last, by which constitution, when."""

    status: str = UNKNOWN
    constitution: str = ""
    at: str = ""


class SessionState(NamedTuple):
    """A session as its ledger tells it. `lamport` and `events` count what was folded.

    `parts` is what the events of other themes made, by key, as it stands in ``state.json``; each theme
    reads and writes its own, and a key is there only where it holds something.
    """

    project: str
    session: str
    type: str = "feature"
    title: str = ""
    status: str = ACTIVE
    owner: str = ""
    tags: tuple[str, ...] = ()
    parents: tuple[str, ...] = ()
    created_at: str = ""
    updated_at: str = ""
    lamport: int = 0
    events: int = 0
    stages: Mapping[str, StageRecord] = _UNTOUCHED
    assigned: Mapping[str, str] = {}
    validation: ValidationVerdict = ValidationVerdict()
    waivers: tuple[Waiver, ...] = ()
    not_applied: tuple[NotApplied, ...] = ()
    parts: Mapping[str, Any] = {}
    format: int = FIRST

    def with_stage(self, stage: str, record: StageRecord) -> SessionState:
        """A copy in which `stage` has `record`."""
        return self._replace(stages={**self.stages, stage: record})

    @property
    def effective_status(self) -> str:
        """`status`, or ``complete`` once all seven stages of an active session are complete."""
        if self.status == ACTIVE and all(r.status == COMPLETE for r in self.stages.values()):
            return COMPLETE
        return self.status


class Standing(NamedTuple):
    """One stage, judged against documents.

    `condition` is CURRENT; CHANGED (completed, and its own artifact differs since); or STALE
    (completed, and the artifacts of the stages in `causes` differ since).
    """

    stage: str
    status: str
    condition: str = CURRENT
    causes: tuple[str, ...] = ()
    recorded: str = ""
    actual: str = ""

    @property
    def holds(self) -> bool:
        """Complete, and still what was completed."""
        return self.status == COMPLETE and self.condition == CURRENT


def standing(state: SessionState, stage: str, blobs: Mapping[str, str]) -> Standing:
    """Judge `stage` of `state` against `blobs`, stage to blob id of the artifact (absent: no file)."""
    record = state.stages[stage]
    actual = blobs.get(stage, "")
    if record.status != COMPLETE:
        return Standing(stage, record.status, recorded=record.artifact, actual=actual)
    causes = tuple(up for up in upstream_of(stage) if record.upstream.get(up, "") != blobs.get(up, ""))
    condition = CHANGED if actual != record.artifact else STALE if causes else CURRENT
    return Standing(stage, COMPLETE, condition, causes, record.artifact, actual)


def standings(state: SessionState, blobs: Mapping[str, str]) -> tuple[Standing, ...]:
    """`standing` of all stages in pipeline order."""
    return tuple(standing(state, stage, blobs) for stage in STAGES)


def state_to_dict(state: SessionState) -> dict[str, Any]:
    """Returns `state` as plain JSON values."""
    return {
        "format": state.format,
        "project": state.project,
        "session": state.session,
        "type": state.type,
        "title": state.title,
        "status": state.status,
        "owner": state.owner,
        "tags": list(state.tags),
        "parents": list(state.parents),
        "created_at": state.created_at,
        "updated_at": state.updated_at,
        "lamport": state.lamport,
        "events": state.events,
        "stages": {stage: _record_to_dict(record) for stage, record in state.stages.items()},
        "assigned": dict(state.assigned),
        "validation": {
            "status": state.validation.status,
            "constitution": state.validation.constitution,
            "at": state.validation.at,
        },
        "waivers": [_waiver_to_dict(waiver) for waiver in state.waivers],
        "not_applied": [{"event": entry.event, "why": entry.why} for entry in state.not_applied],
        **state.parts,
    }


def state_to_json(state: SessionState) -> bytes:
    """`state` as canonical JSON: equal states give equal bytes."""
    return canonical_json(state_to_dict(state))


def state_from_json(data: bytes) -> SessionState:
    """The state in `data`; ValueError when it is none."""
    try:
        return _state_from_dict(json.loads(data))
    except (KeyError, TypeError, AttributeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"not a session's state: {error!r}") from error


def _state_from_dict(raw: Mapping[str, Any]) -> SessionState:
    form = read_format(raw["format"])
    validation = raw["validation"]
    return SessionState(
        project=raw["project"],
        session=raw["session"],
        type=raw["type"],
        title=raw["title"],
        status=raw["status"],
        owner=raw["owner"],
        tags=tuple(raw["tags"]),
        parents=tuple(raw["parents"]),
        created_at=raw["created_at"],
        updated_at=raw["updated_at"],
        lamport=raw["lamport"],
        events=raw["events"],
        stages={stage: _record_from_dict(raw["stages"][stage]) for stage in STAGES},
        assigned=raw["assigned"],
        validation=ValidationVerdict(validation["status"], validation["constitution"], validation["at"]),
        waivers=tuple(_waiver_from_dict(waiver) for waiver in raw["waivers"]),
        not_applied=tuple(NotApplied(entry["event"], entry["why"]) for entry in raw["not_applied"]),
        parts={key: value for key, value in raw.items() if key not in _OWN},
        format=form,
    )


def _record_to_dict(record: StageRecord) -> dict[str, Any]:
    return {
        "status": record.status,
        "at": record.at,
        "by": record.by,
        "event": record.event,
        "artifact": record.artifact,
        "upstream": dict(record.upstream),
        "reopens": dict(record.reopens),
    }


def _record_from_dict(raw: Mapping[str, Any]) -> StageRecord:
    return StageRecord(
        raw["status"], raw["at"], raw["by"], raw["event"], raw["artifact"], raw["upstream"], raw["reopens"]
    )


def _waiver_to_dict(waiver: Waiver) -> dict[str, Any]:
    return {
        "rule": waiver.rule,
        "session": waiver.session,
        "reason": waiver.reason,
        "expires": waiver.expires,
        "by": waiver.by,
        "event": waiver.event,
    }


def _waiver_from_dict(raw: Mapping[str, Any]) -> Waiver:
    return Waiver(raw["rule"], raw["session"], raw["reason"], raw["expires"], raw["by"], raw["event"])


_OWN = frozenset(SessionState._fields) - {"parts"}


_OF_PROJECTS = frozenset(
    ("format", "project", "stack", "created_at", "updated_at", "lamport", "events", "settings", "not_applied")
)


def project_parts(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    """Returns what other themes keep in a project's state, given as plain JSON values."""
    return {key: value for key, value in raw.items() if key not in _OF_PROJECTS}
