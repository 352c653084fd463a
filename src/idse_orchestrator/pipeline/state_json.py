"""A session's state as canonical JSON and back: what ``state.json`` in a ledger holds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from idse_orchestrator.base.ids import canonical_json
from idse_orchestrator.documents.pipeline_artifacts import STAGES
from idse_orchestrator.ledger.events import NotApplied
from idse_orchestrator.ledger.formats import read_format
from idse_orchestrator.pipeline.stage_state_model import (
    SessionState,
    StageRecord,
    ValidationVerdict,
    Waiver,
)


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
