"""A session's state as canonical JSON and back: what ``state.json`` in a ledger holds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from idse_orchestrator.base.ids import FORMAT, canonical_json
from idse_orchestrator.documents.pipeline_artifacts import STAGES
from idse_orchestrator.pipeline.stage_state_model import (
    NotApplied,
    SessionState,
    StageRecord,
    ValidationVerdict,
    Waiver,
)

if TYPE_CHECKING:
    from idse_orchestrator.agents.handoff import Handoff
    from idse_orchestrator.claims.claim import Claim


def state_to_dict(state: SessionState) -> dict[str, Any]:
    """`state` as plain JSON values; what came later is left out where there is none of it."""
    return {
        "format": FORMAT,
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
        **({"handoffs": _handoffs_to_list(state)} if state.handoffs else {}),
        **({"claims": _claims_to_dict(state)} if state.claims else {}),
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
    if raw["format"] != FORMAT:
        raise ValueError(f"format {raw['format']} is newer than this idse, which reads format {FORMAT}")
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
        handoffs=_handoffs_from_list(raw["handoffs"]) if "handoffs" in raw else (),
        claims=_claims_from_dict(raw["claims"]) if "claims" in raw else {},
    )


def _handoffs_to_list(state: SessionState) -> list[dict[str, Any]]:
    from idse_orchestrator.agents.handoff import handoff_to_dict  # a status mostly meets none

    return [handoff_to_dict(handoff) for handoff in state.handoffs]


def _handoffs_from_list(raw: list[Mapping[str, Any]]) -> tuple[Handoff, ...]:
    from idse_orchestrator.agents.handoff import handoff_from_dict

    return tuple(map(handoff_from_dict, raw))


def _claims_to_dict(state: SessionState) -> dict[str, Any]:
    from idse_orchestrator.claims.claim import claim_to_dict  # a status mostly meets no claim

    return {name: claim_to_dict(claim) for name, claim in state.claims.items()}


def _claims_from_dict(raw: Mapping[str, Any]) -> dict[str, Claim]:
    from idse_orchestrator.claims.claim import claims_from_dict

    return claims_from_dict(raw)


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
