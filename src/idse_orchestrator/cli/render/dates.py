"""Dates of events as people read them: how long ago, or in ISO."""

from __future__ import annotations

import time

from idse_orchestrator.ledger.entries import Entry

_MINUTE, _HOUR, _DAY, _WEEK = 60, 3600, 86_400, 604_800
_MONTH, _YEAR = 2_629_746, 31_556_952
_SCALE = (
    (90, 1, "second"),
    (90 * _MINUTE, _MINUTE, "minute"),
    (36 * _HOUR, _HOUR, "hour"),
    (14 * _DAY, _DAY, "day"),
    (10 * _WEEK, _WEEK, "week"),
    (_YEAR, _MONTH, "month"),
)
"""Below so many seconds, count in units of so many."""


def seconds_of(entry: Entry) -> float | None:
    """Unix time at which `entry` happened; None where its event has no date that can be read."""
    if entry.event is None:
        return float(entry.committed)
    from datetime import UTC, datetime

    try:
        at = datetime.fromisoformat(entry.event.at)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def iso(entry: Entry) -> str:
    """The date in UTC, ``2026-01-31T10:00:00Z``; of an event as it stands there."""
    if entry.event is not None:
        return entry.event.at
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(entry.committed))


def relative(entry: Entry, now: float) -> str:
    """How long before `now` (Unix time) it was, ``2 hours ago``; the date itself where none can be read."""
    then = seconds_of(entry)
    return iso(entry) if then is None else ago(now - then)


def ago(seconds: float) -> str:
    """A number of seconds in the past in words, as git would say it."""
    if seconds < 0:
        return "in the future"
    for limit, unit, name in _SCALE:
        if seconds < limit:
            return _counted(round(seconds / unit), name)
    years, rest = divmod(seconds, _YEAR)
    months = int(rest // _MONTH)
    tail = f", {months} month{'s' * (months != 1)}" if months and years < 5 else ""
    return f"{int(years)} year{'s' * (years != 1)}{tail} ago"


def _counted(count: int, name: str) -> str:
    return f"{count} {name}{'s' * (count != 1)} ago"
