"""The two kinds of ledger that every project has, of itself and of each session; what events do there.

Both kinds list every event that the format knows, since a fold counts them all. Those of other themes
are added where the themes are known; until then they belong to an absent part of idse.

The folds follow in the order of the table. They are pure, the same for all who have seen the same
events. Each returns the next state, or why the event does not apply: its precondition may no longer
hold, since two replicas may both act in good faith. Below them are the subjects: one line for each kind
of event, from its body.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from idse_orchestrator.base.names import is_name
from idse_orchestrator.documents.project_workspace import STAGES
from idse_orchestrator.ledger import events
from idse_orchestrator.ledger.events import NotApplied
from idse_orchestrator.ledger.kinds import EventKind, Kind
from idse_orchestrator.ledger.refs import KNOWS_BOXES, PROJECT_FAMILY, SESSION_FAMILY
from idse_orchestrator.pipeline.stage_state_model import (
    ACTIVE,
    ARCHIVED,
    COMPLETE,
    IN_PROGRESS,
    PENDING,
    Deletion,
    SessionState,
    StageRecord,
    ValidationVerdict,
    Waiver,
    waived_places,
)

if TYPE_CHECKING:
    from idse_orchestrator.ledger.events import Event

_HERE = "idse_orchestrator.pipeline."
_FOLD = _HERE + "kinds:"
_PROJECT = _HERE + "values:"
_SHAPES = _HERE + "shapes:"

SESSION = "session"
PROJECT = "project"

SESSIONS = Kind(
    SESSION,
    SESSION_FAMILY,
    {"project": is_name, "session": is_name},
    _HERE + "states:SESSION_STATES",
    {
        events.CREATED: EventKind(
            _FOLD + "created", _SHAPES + "CREATED", _FOLD + "say_created", fields={"stages": 3}
        ),
        events.EDITED: EventKind("", _SHAPES + "EDITED", _FOLD + "say_edited", fields={"boxes": KNOWS_BOXES}),
        events.STAGE: EventKind(_FOLD + "stage", _SHAPES + "moved", _FOLD + "say_stage"),
        events.VALIDATED: EventKind(_FOLD + "validated", _SHAPES + "VALIDATED", _FOLD + "say_validated"),
        events.APPROVED: EventKind(
            _FOLD + "approved", _SHAPES + "approved", _FOLD + "say_approved", fields={"places": 2}
        ),
        events.ASSIGNED: EventKind(_FOLD + "assigned", _SHAPES + "ASSIGNED", _FOLD + "say_assigned"),
        events.DESCRIBED: EventKind(
            _FOLD + "described",
            _SHAPES + "DESCRIBED",
            _FOLD + "say_described",
            fields={"type": 3, "stages": 3, "alias": 3},
        ),
        events.MIGRATED: EventKind(),
        events.ARCHIVED: EventKind(
            _FOLD + "archived", _SHAPES + "archived", _FOLD + "say_archived", fields={"deleted": 3}
        ),
    },
)

PROJECTS = Kind(
    PROJECT,
    PROJECT_FAMILY,
    {"project": is_name},
    _HERE + "states:PROJECT_STATES",
    {
        **{kind: taken._replace(fold="") for kind, taken in SESSIONS.events.items()},
        events.CREATED: SESSIONS.events[events.CREATED]._replace(fold=_PROJECT + "created"),
        events.DESCRIBED: SESSIONS.events[events.DESCRIBED]._replace(fold=_PROJECT + "described"),
    },
)


def created(state: SessionState, event: Event) -> SessionState | str:
    """Begins the session."""
    if state.created_at:
        return "the session existed already"
    body = event.body
    return state._replace(
        type=body.get("type", state.type),
        title=body.get("title", ""),
        owner=body.get("owner", ""),
        parents=tuple(body.get("parents", ())),
        created_at=event.at,
        needed=_needed(state, body),
    )


def _needed(state: SessionState, body: Mapping[str, Any]) -> tuple[str, ...]:
    """Returns the stages of the type that `body` sets, in pipeline order; each session has an intent."""
    if "stages" not in body:
        return state.needed
    return tuple(stage for stage in STAGES if stage in body["stages"] or stage == STAGES[0])


def stage(state: SessionState, event: Event) -> SessionState | str:
    """Moves a stage."""
    name, action = event.body["stage"], event.body["action"]
    record = state.stages.get(name)
    move = _MOVES.get(action)
    if record is None or move is None:
        return f"this idse does not know how to {action} {name}"
    moved = move(record, event)
    if isinstance(moved, str):
        return moved
    return state.with_stage(name, moved._replace(at=event.at, by=event.actor.label, event=event.id))


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


def validated(state: SessionState, event: Event) -> SessionState:
    """Keeps the verdict."""
    verdict = ValidationVerdict(event.body["status"], event.body["constitution"], event.at)
    return state._replace(validation=verdict)


def approved(state: SessionState, event: Event) -> SessionState:
    """Records or withdraws a waiver."""
    body = event.body
    others = tuple(kept for kept in state.waivers if kept.rule != body["rule"])
    if body.get("withdrawn"):
        return state._replace(waivers=others)
    places = waived_places(body.get("places"))
    waiver = Waiver(
        body["rule"], state.session, body["reason"], body.get("expires"), event.actor.label, event.id, places
    )
    return state._replace(waivers=(*others, waiver))


def assigned(state: SessionState, event: Event) -> SessionState | str:
    """Gives a stage to an agent, or to nobody."""
    if "stage" not in event.body:
        return "a change of the agent registry belongs into the project's ledger"
    name, agent = event.body["stage"], event.body["agent"]
    others = {each: who for each, who in state.assigned.items() if each != name}
    return state._replace(assigned={**others, name: agent} if agent else others)


def described(state: SessionState, event: Event) -> SessionState:
    """Changes what is said of the session."""
    body = event.body
    return state._replace(
        type=body.get("type", state.type),
        needed=_needed(state, body),
        title=body.get("title", state.title),
        status=body.get("status", state.status),
        owner=body.get("owner", state.owner),
        tags=tuple(body.get("tags", state.tags)),
        alias=body.get("alias", state.alias),
    )


def archived(state: SessionState, event: Event) -> SessionState | str:
    """Archives the session, or brings it back; or deletes it, or takes that back."""
    if "deleted" in event.body:
        return _deleted(state, event) if event.body["deleted"] else _undeleted(state)
    return state._replace(status=ACTIVE if event.body.get("restored") else ARCHIVED)


def _deleted(state: SessionState, event: Event) -> SessionState | str:
    """Deletes the session, unless the event did not know of something that was done to it: that wins.

    A deletion that does not apply is counted with its reason, as any event: two deletions know nothing of
    each other, and agree.
    """
    before, others = state.deletion or Deletion(0), state.worked_on - 1
    counted = before._replace(times=before.times + 1)
    if others <= event.body["seen"]:
        return state._replace(deletion=counted._replace(upto=others, event=event.id))
    why = NotApplied(event.id, "the session was worked on meanwhile")
    return state._replace(deletion=counted, not_applied=(*state.not_applied, why))


def _undeleted(state: SessionState) -> SessionState | str:
    if state.deletion is None:
        return "the session was not deleted"
    return state._replace(deletion=Deletion(state.deletion.times))


_MOVES: Mapping[str, Callable[[StageRecord, Event], StageRecord | str]] = {
    "start": _start,
    "complete": _complete,
    "confirm": _confirm,
    "reopen": _reopen,
}


def say_created(body: Mapping[str, Any]) -> str:
    """Says what began."""
    return f"created {body.get('project', '')}{'/' if body.get('session') else ''}{body.get('session', '')}"


def say_edited(body: Mapping[str, Any]) -> str:
    """Says which documents changed."""
    changed = sorted(body.get("changed", {}))
    what = ", ".join(changed[:3]) + (f" and {len(changed) - 3} more" if len(changed) > 3 else "")
    if body.get("boxes"):
        return "from now on, marks of tasks do not conflict"
    if not body.get("code"):
        return f"saved {what or 'the folder'}"
    return f"committed {what or 'what was saved'} in {body['code'][:7]}"


def say_stage(body: Mapping[str, Any]) -> str:
    """Says which way a stage went."""
    arrow = f"{body['stage']}: {body['from']} → {body['to']}"
    return f"{arrow} ({body['action']}ed)" if body["action"] == "confirm" else arrow


def say_validated(body: Mapping[str, Any]) -> str:
    """Says the verdict."""
    return f"validated: {body['status']}"


def say_approved(body: Mapping[str, Any]) -> str:
    """Says which rule was waived, or is not any more."""
    if body.get("withdrawn"):
        return f"withdrew the waiver of {body['rule']}"
    return f"waived {body['rule']}" + (f" until {body['expires']}" if body.get("expires") else "")


def say_assigned(body: Mapping[str, Any]) -> str:
    """Says who has a stage now."""
    return (
        f"{body['stage']}: assigned to {body['agent']}" if body["agent"] else f"{body['stage']}: unassigned"
    )


def say_described(body: Mapping[str, Any]) -> str:
    """Says what is said now."""
    told = [f"{key} {_words(body[key])}" for key in sorted(body) if key not in ("reason", "alias", "stages")]
    described = ["described: " + ", ".join(told)] if told or "alias" not in body else []
    renamed = "renamed: " + (body["alias"] or "back to its first name") if "alias" in body else ""
    return "; ".join(filter(None, [renamed, *described]))


def say_archived(body: Mapping[str, Any]) -> str:
    """Says whether it came or went."""
    if "deleted" in body:
        return "deleted" if body["deleted"] else "brought back: it is not deleted any more"
    return "brought back from the archive" if body.get("restored") else "archived"


def _words(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else repr(value)
