"""Dates as people type them: ISO, "2 days ago", "yesterday"."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time

_AGO = re.compile(
    r"(?:(\d{1,5}|an?|one|last)[ .])?(second|minute|hour|day|week|month|year)s?(?:[ .]ago)?", re.IGNORECASE
)
_DAYS = {"day": 1, "week": 7, "month": 30, "year": 365}
_SECONDS = {"second": 1, "minute": 60, "hour": 3600}


def moment(  # noqa: PLR0911 - one return for each form
    text: str, now: float, *, is_end: bool = False
) -> float | None:
    """Returns the Unix time that `text` means at the time `now`; None where it is no such date.

    A day is its begin, or with `is_end` its end: git would take the time of day that it is now, and lose
    what happened before it.
    """
    words = " ".join(text.split())
    found = _AGO.fullmatch(words)
    if words.lower() == "now":
        return now
    if words.lower() == "yesterday":
        return now - 86_400
    if words.lower() == "today":
        return _of_day(datetime.fromtimestamp(now).astimezone().date(), is_end=is_end)
    if found and (found[1] or "ago" in words.lower()):
        count = int(found[1]) if (found[1] or "").isdigit() else 1
        unit = found[2].lower()
        return now - count * (_SECONDS.get(unit) or _DAYS[unit] * 86_400)
    try:
        return _of_day(date.fromisoformat(words), is_end=is_end)
    except ValueError:
        pass
    try:
        return _in_seconds(datetime.fromisoformat(words))
    except ValueError:
        return None


def _of_day(day: date, *, is_end: bool) -> float:
    return _in_seconds(datetime.combine(day, time(23, 59, 59) if is_end else time()))


def _in_seconds(at: datetime) -> float:
    try:
        return at.timestamp() if at.tzinfo else at.astimezone().timestamp()
    except (OverflowError, ValueError, OSError):  # the first and the last days that there are
        return at.replace(tzinfo=UTC).timestamp()
