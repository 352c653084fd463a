"""Reading lines of JSON that a program prints: whatever is in them, no key of them is trusted to be there."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from math import isfinite
from typing import Any

from idse_orchestrator.runner.agents.adapter import ERROR, LIMIT, LOGIN, Event

MOST_BYTES = 1 << 20
"""A longer line is no event: a program that prints a file in one line need not cost us its size ten times."""

MOST_COUNT, MOST_USD, MOST_WAIT_S = 10**10, 10_000.0, 7 * 86_400.0
"""Beyond this no attempt uses, costs or is told to wait: what says so is wrong, and budgets rest on it."""

_NOTHING: Mapping[str, Any] = {}
_LIMITED = re.compile(
    r"\b(429|529)\b|too many requests|rate.?limit|usage limit|hit your limit|resource_exhausted|quota",
    re.IGNORECASE,
)
_LOGGED_OUT = re.compile(
    r"\b(401|403)\b|not logged in|please run /login|invalid api key|failed to authenticate|unauthenticated"
    r"|unauthorized|missing environment variable",
    re.IGNORECASE,
)
_RETRY = re.compile(r"(?:retry(?:ing)?|try again) (?:after|in) ([0-9.]{1,9}) ?(m?s)", re.IGNORECASE)


def row_of(line: bytes) -> Mapping[str, Any]:
    """Returns the JSON object of `line`; an empty one where it is none."""
    if not line.startswith(b"{") or len(line) > MOST_BYTES:
        return _NOTHING
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return _NOTHING
    return found if isinstance(found, dict) else _NOTHING


def below(row: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Returns the object at `key`; an empty one where there is none."""
    found = row.get(key)
    return found if isinstance(found, dict) else _NOTHING


def text_at(row: Mapping[str, Any], key: str) -> str:
    """Returns the text at `key`; "" where there is none."""
    found = row.get(key)
    return found if isinstance(found, str) else ""


def count_at(row: Mapping[str, Any], key: str) -> int:
    """Returns the count at `key`; 0 where there is none, or what is there is no count."""
    found = row.get(key)
    return found if isinstance(found, int) and not isinstance(found, bool) and 0 <= found <= MOST_COUNT else 0


def money_at(row: Mapping[str, Any], key: str) -> float | None:
    """Returns the US dollars at `key`; None where there are none, or no attempt can have cost them."""
    found = _number(row.get(key))
    return found if found is not None and 0 <= found <= MOST_USD else None


def wait_of(value: object, unit_s: float = 1.0) -> float | None:
    """Returns the seconds that a provider says to wait, a week at most; None where it says nothing sound."""
    found = _number(value)
    return min(found * unit_s, MOST_WAIT_S) if found is not None and found > 0 else None


def _number(value: object) -> float | None:
    """Returns a number as JSON has it, None for anything else: Python reads NaN and 1e400 as well."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if isfinite(found) else None


def trouble(text: str, status: object = None) -> Event:
    """Returns the event of an error that says `text`, and gave `status` of HTTP where it is known."""
    if status in (401, 403) or (status is None and _LOGGED_OUT.search(text)):
        return Event(LOGIN, text)
    if status in (429, 529) or (status is None and _LIMITED.search(text)):
        found = _RETRY.search(text)
        seconds = None
        if found and found[1].count(".") <= 1 and found[1] != ".":
            seconds = wait_of(float(found[1]) / (1000 if found[2].lower() == "ms" else 1))
        return Event(LIMIT, text, retry_after_s=seconds)
    return Event(ERROR, text)
