"""State from events: a pure fold, the same for everyone who has seen the same events.

The cases, in the order of the code: created · edited, migrated (they change documents or tell a story,
the state only counts them) · stage · validated · approved (a waiver) · assigned · described · archived;
those of handoffs are in `agents.handoff_fold`, and those of claims in `claims.fold`. An event whose
precondition no longer holds is kept, counted and listed under `not_applied`: two replicas may both act in
good faith, and nothing either of them did is dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from idse_orchestrator.agents.handoff import apply_handoff
from idse_orchestrator.ledger.events import (
    APPROVED,
    ARCHIVED,
    ASSIGNED,
    CLAIMED,
    CREATED,
    DESCRIBED,
    EDITED,
    HANDOFF,
    MIGRATED,
    STAGE,
    VALIDATED,
    Event,
    fold_onto,
)
from idse_orchestrator.pipeline.stage_state_model import (
    ACTIVE,
    COMPLETE,
    IN_PROGRESS,
    PENDING,
    NotApplied,
    SessionState,
    StageRecord,
    ValidationVerdict,
    Waiver,
)
from idse_orchestrator.pipeline.stage_state_model import ARCHIVED as ARCHIVED_STATUS


def fold(project: str, session: str, events: Iterable[Event]) -> SessionState:
    """The state after `events`, which may come in any order; a repeated id changes nothing."""
    return fold_onto(SessionState(project, session), events, apply)


def apply(state: SessionState, event: Event) -> SessionState:
    """The state after one more event."""
    handler = _HANDLERS.get(event.kind, _ignore)
    counted = state._replace(
        lamport=max(state.lamport, event.lamport),
        events=state.events + 1,
        updated_at=max(state.updated_at, event.at),
    )
    result = handler(counted, event)
    if isinstance(result, str):
        return counted._replace(not_applied=(*counted.not_applied, NotApplied(event.id, result)))
    return result


def _created(state: SessionState, event: Event) -> SessionState | str:
    if state.created_at:
        return "the session existed already"
    body = event.body
    return state._replace(
        type=body.get("type", state.type),
        title=body.get("title", ""),
        owner=body.get("owner", ""),
        parents=tuple(body.get("parents", ())),
        created_at=event.at,
    )


def _ignore(state: SessionState, event: Event) -> SessionState:
    del event  # documents changed or a story was told: nothing in the state depends on it
    return state


def _stage(state: SessionState, event: Event) -> SessionState | str:
    stage, action = event.body["stage"], event.body["action"]
    record = state.stages.get(stage)
    move = _MOVES.get(action)
    if record is None or move is None:
        return f"this idse does not know how to {action} {stage}"
    moved = move(record, event)
    if isinstance(moved, str):
        return moved
    return state.with_stage(stage, moved._replace(at=event.at, by=event.actor.label, event=event.id))


def _start(record: StageRecord, event: Event) -> StageRecord | str:
    del event
    if record.status != PENDING:
        return f"the stage was {record.status} already"
    return record._replace(status=IN_PROGRESS)


def _complete(record: StageRecord, event: Event) -> StageRecord | str:
    if record.status != IN_PROGRESS:
        return f"the stage was {record.status}, not in_progress"
    return _sealed(record, event)


def _confirm(record: StageRecord, event: Event) -> StageRecord | str:
    if record.status != COMPLETE:
        return f"the stage was {record.status}, not complete"
    return _sealed(record, event)


def _sealed(record: StageRecord, event: Event) -> StageRecord | str:
    """Complete with the documents of `event`, unless it did not know of a reopening: that wins."""
    seen: Mapping[str, int] = event.body.get("reopens", {})
    if any(count > seen.get(replica, 0) for replica, count in record.reopens.items()):
        return "the stage was reopened meanwhile"
    return record._replace(
        status=COMPLETE,
        artifact=event.body["artifact"],
        upstream=dict(event.body["upstream"]),
    )


def _reopen(record: StageRecord, event: Event) -> StageRecord | str:
    if record.status == PENDING:
        return "the stage was never started"
    reopens = {**record.reopens, event.replica: record.reopens.get(event.replica, 0) + 1}
    return record._replace(status=IN_PROGRESS, reopens=reopens)


def _validated(state: SessionState, event: Event) -> SessionState:
    verdict = ValidationVerdict(event.body["status"], event.body["constitution"], event.at)
    return state._replace(validation=verdict)


def _approved(state: SessionState, event: Event) -> SessionState:
    body = event.body
    waiver = Waiver(
        body["rule"], state.session, body["reason"], body.get("expires"), event.actor.label, event.id
    )
    others = tuple(kept for kept in state.waivers if kept.rule != waiver.rule)
    if body.get("withdrawn"):
        return state._replace(waivers=others)
    return state._replace(waivers=(*others, waiver))


def _assigned(state: SessionState, event: Event) -> SessionState | str:
    if "stage" not in event.body:
        return "a change of the agent registry belongs into the project's ledger"
    stage, agent = event.body["stage"], event.body["agent"]
    others = {each: who for each, who in state.assigned.items() if each != stage}
    return state._replace(assigned={**others, stage: agent} if agent else others)


def _described(state: SessionState, event: Event) -> SessionState:
    body = event.body
    return state._replace(
        title=body.get("title", state.title),
        status=body.get("status", state.status),
        owner=body.get("owner", state.owner),
        tags=tuple(body.get("tags", state.tags)),
    )


def _archived(state: SessionState, event: Event) -> SessionState:
    return state._replace(status=ACTIVE if event.body.get("restored") else ARCHIVED_STATUS)


def _claimed(state: SessionState, event: Event) -> SessionState | str:
    from idse_orchestrator.claims.claim import apply_claim  # few ledgers have claims

    return apply_claim(state, event)


_MOVES: Mapping[str, Callable[[StageRecord, Event], StageRecord | str]] = {
    "start": _start,
    "complete": _complete,
    "confirm": _confirm,
    "reopen": _reopen,
}

_HANDLERS: Mapping[str, Callable[[SessionState, Event], SessionState | str]] = {
    CREATED: _created,
    EDITED: _ignore,
    MIGRATED: _ignore,
    HANDOFF: apply_handoff,
    STAGE: _stage,
    VALIDATED: _validated,
    APPROVED: _approved,
    ASSIGNED: _assigned,
    DESCRIBED: _described,
    ARCHIVED: _archived,
    CLAIMED: _claimed,
}
