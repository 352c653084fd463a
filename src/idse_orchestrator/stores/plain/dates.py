"""Dates as people type them, without git: ISO dates, "2 days ago", "yesterday", "now"."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from idse_orchestrator.errors import UsageError

_AGO = re.compile(
    r"(?:(\d{1,5}|an?|one|last)[ .])?(second|minute|hour|day|week|month|year)s?(?:[ .]ago)?", re.IGNORECASE
)
_DAYS = {"day": 1, "week": 7, "month": 30, "year": 365}
_SECONDS = {"second": 1, "minute": 60, "hour": 3600}
_WORDS = {"now": 0, "today": 0, "yesterday": 1}


def moment(text: str, now: float, *, is_end: bool = False) -> float:
    """The Unix time `text` means; a day alone is its begin, or with `is_end` its end. UsageError."""
    words = " ".join(text.split())
    found = _AGO.fullmatch(words)
    here = datetime.fromtimestamp(now).astimezone()
    if words.lower() in _WORDS:
        return (here - timedelta(days=_WORDS[words.lower()])).timestamp()
    if found and (found[1] or "ago" in words.lower()):
        count = int(found[1]) if (found[1] or "").isdigit() else 1
        unit = found[2].lower()
        seconds = _SECONDS.get(unit) or _DAYS[unit] * 86_400
        return now - count * seconds
    try:
        day = datetime.fromisoformat(words)
    except ValueError as error:
        raise UsageError(
            f"{text!r} is no date that can be read without git",
            fix=("for instance: 2026-01-31", "or: 2026-01-31 14:00", "or: 2 days ago"),
        ) from error
    if day.tzinfo is None:
        day = day.astimezone() if not words.endswith("Z") else day.replace(tzinfo=UTC)
    whole = is_end and re.fullmatch(r"\d{4}-\d\d-\d\d", words)
    return (day + timedelta(days=1, seconds=-1)).timestamp() if whole else day.timestamp()
