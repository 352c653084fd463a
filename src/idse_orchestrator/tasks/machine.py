"""The moves of a task: from which states each may start, where it leads, and what it changes.

`body_of` plans a move on a state, `moved` folds it. Both ask the same table, so what was planned applies, and
what was not cannot.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.ledger.events import Event
from idse_orchestrator.tasks.state import TaskState
from idse_orchestrator.tasks.words import CANCELLED, DONE, FAILED, HELD, READY, REVIEW, UNFINISHED, WAITING

PERSON = "person"
HOLDER = "holder"


class Move(NamedTuple):
    """From which states an action starts, where it leads, what else it sets, and who may.

    `who` is PERSON where no agent may, HOLDER where it must name the take that holds the task, else "".
    """

    start: tuple[str, ...]
    end: Callable[[TaskState, Mapping[str, Any]], str]
    fold: Callable[[TaskState, Event], TaskState]
    who: str = ""


def target(state: TaskState, action: str, body: Mapping[str, Any]) -> str:
    """Returns the state that `action` leads to from here; "" where it cannot start here."""
    move = MOVES.get(action)
    return move.end(state, body) if move is not None and state.state in move.start else ""


def is_fenced(state: TaskState, action: str, take: str) -> bool:
    """Tests for a move of a holder that holds the task no more, or never did."""
    return MOVES[action].who == HOLDER and (state.state != HELD or state.take != take)


def wants_person(action: str, fields: Mapping[str, Any]) -> bool:
    """Tests for a move that no agent may make. The list itself cancels with a word why."""
    return MOVES[action].who == PERSON or (action == "cancel" and not fields.get("why"))


def body_of(state: TaskState, action: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the body of the event of a move that may start here."""
    end = target(state, action, fields)
    return {"action": action, "from": state.state, "to": end, "task": state.task, **fields}


def begun(state: TaskState, event: Event) -> TaskState | str:
    """Begins a task."""
    body = event.body
    if state.state:
        return "the task existed already"
    wanted = WAITING if body.get("approve") else READY
    if body["to"] != wanted:
        return f"a task begins {wanted}, not {body['to']}"
    started = _described(state, event)
    return started._replace(
        state=wanted, approve=body.get("approve", ""), home=body["home"], created_at=event.at
    )


def moved(state: TaskState, event: Event) -> TaskState | str:
    """Moves a task, or says why the move is not legal."""
    problem = _problem(state, event)
    if problem:
        return problem
    body = event.body
    return MOVES[body["action"]].fold(state, event)._replace(state=body["to"])


def _problem(state: TaskState, event: Event) -> str:
    """Returns what keeps an event from being a legal move on `state`, "" for nothing."""
    body = event.body
    action, end = body["action"], target(state, body["action"], body)
    expected = state.attempt + 1 if action == "take" else state.attempt
    problems = (
        (body["task"] != state.task, f"it is of {body['task']}"),
        (body["from"] != state.state, f"the task was {state.state or 'not there'}, not {body['from']}"),
        (not end, f"a task that is {state.state} cannot {action}"),
        (end and is_fenced(state, action, body.get("take", "")), "another take holds the task"),
        (end and event.actor.agent and wants_person(action, body), f"only a person can {action} a task"),
        (body["to"] != end, f"it leads to {end}, not to {body['to']}"),
        (body.get("attempt", expected) != expected, f"the attempt is {expected}, not {body.get('attempt')}"),
    )
    return next((words for is_so, words in problems if is_so), "")


def _after_failure(state: TaskState, _body: Mapping[str, Any]) -> str:
    return READY if state.failures + 1 < state.max_attempts else FAILED


def _after_finish(_state: TaskState, body: Mapping[str, Any]) -> str:
    return DONE if body.get("into") else REVIEW


def _always(end: str) -> Callable[[TaskState, Mapping[str, Any]], str]:
    return lambda _state, _body: end


def _taken(state: TaskState, event: Event) -> TaskState:
    body = event.body
    return state._replace(
        attempt=body["attempt"],
        take=event.id,
        taken_at=event.at,
        worker=body["worker"],
        doer=body["agent"],
        base=body["base"],
        lease_s=body["lease_s"],
        reserve_usd=body["reserve_usd"],
        sandbox=body["sandbox"],
        code="",
        into="",
        usage={},
        evidence={},
        why="",
        exit=0,
        reason="",
        not_before="",
    )


def _settled(state: TaskState, event: Event) -> TaskState:
    """Ends an attempt: what it cost is spent, and what it held back is free. Unknown cost is the reserve."""
    body = event.body
    usage = body.get("usage", {})
    is_unknown = usage.get("basis") == "unknown" or event.body["action"] == "expire"
    cost = usage.get("cost_usd", state.reserve_usd if is_unknown else 0)
    return state._replace(
        take="",
        code=body.get("code", ""),
        base=body.get("base", state.base),
        into=body.get("into", ""),
        usage=usage,
        evidence=body.get("evidence", {}),
        spent_usd=round(state.spent_usd + cost, 6),
        reserve_usd=0,
        why=body.get("why", ""),
        exit=body.get("exit", 0),
        reason=body.get("reason", ""),
        not_before=body.get("not_before", ""),
    )


def _failed(state: TaskState, event: Event) -> TaskState:
    return _settled(state, event)._replace(failures=state.failures + 1)


def _judged(state: TaskState, event: Event) -> TaskState:
    """Keeps what a person, or the gate, says of it. A gate that rejects counts the attempt as failed."""
    body = event.body
    return state._replace(
        take="",
        spent_usd=round(
            state.spent_usd + state.reserve_usd, 6
        ),  # of an attempt that is cut off, cost is unknown
        reserve_usd=0,
        into=body.get("into", state.into),
        why=body.get("why", ""),
        reason=body.get("reason", ""),
        failures=state.failures + (1 if body["action"] == "reject" and body.get("why") else 0),
    )


def _afresh(state: TaskState, event: Event) -> TaskState:
    """Begins to count attempts anew, by a person's will."""
    return _judged(state, event)._replace(failures=0, exit=0, into="", not_before="")


def _described(state: TaskState, event: Event) -> TaskState:
    body = event.body
    return state._replace(
        text=body["text"],
        needs=tuple(body["needs"]),
        paths=tuple(body["paths"]),
        agent=body["agent"],
        caps=body["caps"],
        list=body["list"],
        position=body["position"],
        phase=body["phase"],
    )


MOVES: Mapping[str, Move] = {
    "take": Move((READY,), _always(HELD), _taken),
    "finish": Move((HELD,), _after_finish, _settled, HOLDER),
    "fail": Move((HELD,), _after_failure, _failed, HOLDER),
    "release": Move((HELD,), _always(READY), _settled, HOLDER),
    "expire": Move((HELD,), _after_failure, _failed, HOLDER),
    "accept": Move((REVIEW,), _always(DONE), _judged),
    "reject": Move((REVIEW,), _always(READY), _judged),
    "approve": Move((WAITING,), _always(READY), _judged, PERSON),
    "refuse": Move((WAITING,), _always(FAILED), _judged, PERSON),
    "cancel": Move(UNFINISHED, _always(CANCELLED), _judged),
    "retry": Move((FAILED, CANCELLED), _always(READY), _afresh, PERSON),
    "reopen": Move((DONE,), _always(READY), _afresh, PERSON),
    "change": Move((READY,), _always(READY), _described),
}
"""Every action of a task. `expire` is written by another, who names the take that he saw end."""

NOBODY_YET = ("renew", "move")
"""Actions of the design that only published tasks need."""


def say_created(body: Mapping[str, Any]) -> str:
    """Says which task began."""
    return f"{body['task']}: created, {body['to']}"


def say_moved(body: Mapping[str, Any]) -> str:
    """Says which way a task went, and why."""
    why = f" ({body['why']})" if body.get("why") else ""
    return f"{body['task']}: {body['from']} → {body['to']} by {body['action']}{why}"
