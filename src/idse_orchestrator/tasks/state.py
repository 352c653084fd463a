"""Where one task stands: the fold of its events, and how that is written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from idse_orchestrator.base.names import canonical_json
from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.ledger.events import NotApplied
from idse_orchestrator.ledger.kinds import States
from idse_orchestrator.ledger.refs import FIRST, read_format
from idse_orchestrator.tasks.shapes import TASK_STATE, state_problem
from idse_orchestrator.tasks.words import CANCELLED, DONE, MAX_ATTEMPTS, TICKED


class TaskState(NamedTuple):
    """Where one task stands.

    `needs` are as `graph` reads them. `agent` is whom it is meant for ("" : anybody), `worker` and `doer` the
    worker and the agent of the last take. `attempt` counts takes, `failures` those that count against
    `max_attempts`. `take` is the id of the take that holds it, "" unless it is held. `list` is the blob of
    the tasks.md that it came from, `phase` counts that list's phases from 1. `home` is the clone that
    decides. `base`, `code` and `into` are commits of code, as text. `usage` and `evidence` are of the last
    attempt, `spent_usd` is of all. `why` and `exit` say how the last attempt ended, `reason` what a person
    typed. `not_before` is a moment, "" for at once.
    """

    project: str
    session: str
    task: str
    state: str = ""
    text: str = ""
    needs: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    agent: str = ""
    caps: Mapping[str, Any] = {}
    list: str = ""
    position: int = 0
    phase: int = 0
    approve: str = ""
    home: str = ""
    created_at: str = ""
    attempt: int = 0
    failures: int = 0
    take: str = ""
    taken_at: str = ""
    worker: str = ""
    doer: str = ""
    sandbox: str = ""
    lease_s: int = 0
    reserve_usd: float = 0
    base: str = ""
    code: str = ""
    into: str = ""
    usage: Mapping[str, Any] = {}
    evidence: Mapping[str, str] = {}
    spent_usd: float = 0
    why: str = ""
    exit: int = 0
    reason: str = ""
    not_before: str = ""
    lamport: int = 0
    events: int = 0
    updated_at: str = ""
    not_applied: tuple[NotApplied, ...] = ()
    format: int = FIRST

    @property
    def max_attempts(self) -> int:
        """How many attempts may count as failed before it has failed for good."""
        attempts: int = self.caps.get("attempts", MAX_ATTEMPTS)
        return attempts

    @property
    def is_met(self) -> bool:
        """True if what needs this task need not wait for it any more."""
        return self.state == DONE or (self.state == CANCELLED and self.why == TICKED)


class NewTask(NamedTuple):
    """A task as its list, or a person, asks for it. See `TaskState` for what the fields mean."""

    task: str
    text: str
    needs: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    agent: str = ""
    caps: Mapping[str, Any] = {}
    list: str = ""
    position: int = 0
    phase: int = 0
    approve: str = ""

    @property
    def said(self) -> dict[str, Any]:
        """What an event says of it."""
        return {
            "text": self.text,
            "needs": list(self.needs),
            "paths": list(self.paths),
            "agent": self.agent,
            "caps": dict(self.caps),
            "list": self.list,
            "position": self.position,
            "phase": self.phase,
        }


class Change(NamedTuple):
    """One move among many: `fields` are those of the event's body."""

    task: str
    action: str
    fields: Mapping[str, Any]


_NO_TASK = TaskState("", "", "")
_FIELDS: tuple[str, ...] = TaskState._fields
_KNOWN = frozenset(_FIELDS)
_ALWAYS = frozenset({"project", "session", "task", "state", "lamport", "events", "format"})


def to_plain(state: TaskState) -> dict[str, Any]:
    """Returns a state as JSON has it: what says nothing is left out."""
    plain = {
        name: value
        for name, value, nothing in zip(_FIELDS, state, _NO_TASK, strict=True)
        if value != nothing or name in _ALWAYS
    }
    if state.not_applied:
        plain["not_applied"] = [entry._asdict() for entry in state.not_applied]
    return plain


def from_plain(raw: Mapping[str, Any]) -> TaskState:
    """Returns the state in a table. Keys that are not known here are passed over. ValueError, TypeError."""
    known = raw if raw.keys() <= _KNOWN else {key: raw[key] for key in raw.keys() & _KNOWN}
    state = TaskState(**known)
    return state._replace(
        needs=tuple(state.needs),
        paths=tuple(state.paths),
        not_applied=tuple(NotApplied(**entry) for entry in known.get("not_applied", ())),
    )


def _to_json(state: TaskState) -> bytes:
    return canonical_json(to_plain(state))


def _from_json(data: bytes) -> TaskState:
    try:
        raw = json.loads(data)
        read_format(raw["format"])
        if not TASK_STATE.fits(raw):
            problem = state_problem(data, {})
            if problem is not None and "Extra inputs" not in problem:
                raise ValueError(problem)
        return from_plain(raw)
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"not the state of a task: {error!r}") from error


TASK_STATES = States(TaskState, _to_json, _from_json, state_problem)
