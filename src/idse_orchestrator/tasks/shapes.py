"""What the events and the state of a task look like. Each is closed: what is not listed is not there.

Nothing that an agent said or wrote fits in here: closed words, numbers and ids, what the list of tasks says,
and what a person typed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from idse_orchestrator.ledger.refs import FIRST, HIGHEST
from idse_orchestrator.ledger.shapes import (
    BLOB,
    COUNT,
    MOMENT_OR_NEVER,
    NAME,
    NOT_APPLIED,
    OBJECT,
    TEXT,
    ULID,
    Record,
    Shape,
    amount,
    either,
    number,
    one_of,
    problem_with,
    rows,
    table,
    text,
    words,
)
from idse_orchestrator.tasks.words import (
    BASES,
    CANCELLED_BECAUSE,
    EXPIRED_BECAUSE,
    FACTS,
    FAILED_BECAUSE,
    REJECTED_BECAUSE,
    RELEASED_BECAUSE,
    SANDBOXES,
    STATES,
    TOKENS,
    VERDICTS,
)

MAX_TEXT = 2000
MAX_REASON = 2000
MAX_PATH = 1000

_ID = NAME
_NEED = words(140)
_STATE = one_of(*STATES)
_ULID_OR_NONE = either(ULID, one_of(""))
_NAME_OR_NONE = either(NAME, one_of(""))
_MODEL = text(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,79}")
_WORKER = text(r"[A-Za-z0-9_][A-Za-z0-9._:@-]{0,79}")
_REASON = either(words(MAX_REASON), one_of(""))
_MONEY = amount()
_EXIT = number(-255)

USAGE = Record(
    "UsageSchema",
    {},
    {
        **dict.fromkeys(TOKENS, COUNT),
        "cost_usd": _MONEY,
        "basis": one_of(*BASES),
        "model": _MODEL,
        "prices": text(r"[0-9a-f]{7,64}"),
        "requests": COUNT,
        "duration_ms": COUNT,
    },
).shape
EVIDENCE = table(one_of(*FACTS), one_of(*VERDICTS))
CAPS = Record(
    "CapsSchema",
    {},
    {
        "attempts": number(1),
        "budget_usd": _MONEY,
        "timeout_s": number(1),
        "model": _MODEL,
        "check": NAME,
        "sandbox": one_of("auto", "required", "none"),
        "output": words(200),
    },
).shape

_SAID = {
    "text": words(MAX_TEXT),
    "needs": rows(_NEED),
    "paths": rows(words(MAX_PATH)),
    "agent": _NAME_OR_NONE,
    "caps": CAPS,
    "list": BLOB,
    "position": COUNT,
    "phase": COUNT,
}
"""What the list says of a task."""

CREATED = Record(
    "TaskCreated",
    {"project": NAME, "session": NAME, "task": _ID, "to": _STATE, "home": ULID, **_SAID},
    {"approve": words(MAX_TEXT)},
)
_MOVED = {"from": _STATE, "to": _STATE, "task": _ID}
_HOLDER = {"take": ULID, "attempt": number(1)}


def _action(name: str, required: Mapping[str, Shape], optional: Mapping[str, Shape] = {}) -> Record:
    title = f"Task{name.capitalize()}"
    return Record(title, {"action": one_of(name), **_MOVED, **required}, {"reason": _REASON, **optional})


ACTIONS: Mapping[str, Record] = {
    "take": _action(
        "take",
        {
            "attempt": number(1),
            "worker": _WORKER,
            "agent": _NAME_OR_NONE,
            "base": BLOB,
            "lease_s": number(1),
            "reserve_usd": _MONEY,
            "sandbox": one_of(*SANDBOXES),
        },
    ),
    "finish": _action(
        "finish",
        {**_HOLDER, "code": BLOB, "base": BLOB, "usage": USAGE, "evidence": EVIDENCE},
        {"into": OBJECT},
    ),
    "fail": _action(
        "fail",
        {**_HOLDER, "why": one_of(*FAILED_BECAUSE), "exit": _EXIT, "usage": USAGE},
        {"not_before": MOMENT_OR_NEVER, "evidence": EVIDENCE},
    ),
    "release": _action(
        "release",
        {**_HOLDER, "why": one_of(*RELEASED_BECAUSE)},
        {"not_before": MOMENT_OR_NEVER, "usage": USAGE},
    ),
    "expire": _action("expire", {**_HOLDER, "why": one_of(*EXPIRED_BECAUSE)}),
    "accept": _action("accept", {"attempt": COUNT}, {"into": OBJECT}),
    "reject": _action("reject", {"attempt": COUNT}, {"why": one_of(*REJECTED_BECAUSE)}),
    "approve": _action("approve", {}),
    "refuse": _action("refuse", {}),
    "cancel": _action("cancel", {}, {"why": one_of(*CANCELLED_BECAUSE)}),
    "retry": _action("retry", {}),
    "reopen": _action("reopen", {}),
    "change": _action("change", _SAID),
}
_ANY_ACTION = Record("TaskEvent", {"action": one_of(*ACTIONS), **_MOVED}, is_open=True)


def acted(held: Mapping[str, Any]) -> tuple[Record, Mapping[str, Any]]:
    """Returns what a ``task`` event holds, by its action."""
    action = held.get("action")
    return (ACTIONS.get(action, _ANY_ACTION) if isinstance(action, str) else _ANY_ACTION), held


TASK_STATE = Record(
    "TaskStateSchema",
    {
        "format": one_of(*range(FIRST, HIGHEST + 1)),
        **dict.fromkeys(("project", "session", "task"), NAME),
        "state": either(_STATE, one_of("")),
        "lamport": COUNT,
        "events": COUNT,
    },
    {
        **_SAID,
        "text": TEXT,
        "approve": TEXT,
        "home": _ULID_OR_NONE,
        **dict.fromkeys(("created_at", "updated_at", "taken_at", "not_before"), MOMENT_OR_NEVER),
        **dict.fromkeys(("attempt", "failures", "lease_s"), COUNT),
        "take": _ULID_OR_NONE,
        "worker": either(_WORKER, one_of("")),
        "doer": _NAME_OR_NONE,
        "sandbox": one_of(*SANDBOXES),
        **dict.fromkeys(("reserve_usd", "spent_usd"), _MONEY),
        **dict.fromkeys(("base", "code", "into"), BLOB),
        "usage": USAGE,
        "evidence": EVIDENCE,
        "why": TEXT,
        "exit": _EXIT,
        "reason": _REASON,
        "not_applied": rows(NOT_APPLIED.shape),
    },
)


def state_problem(data: bytes, parts: Mapping[str, Shape]) -> str | None:
    """Returns what keeps `data` from being a task's state, with the path to it, or None."""
    return problem_with(TASK_STATE.and_also({}, parts), data)
