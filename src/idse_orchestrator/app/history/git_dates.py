"""Dates as git reads them ("2 days ago", "yesterday", "2026-01-31"), checked before git sees them."""

from __future__ import annotations

import re

from idse_orchestrator.errors import UsageError

_KNOWN = re.compile(
    r"ago|at|on|the|last|never|now|today|yesterday|noon|midnight|tea|am|pm|t|z|utc|gmt|[cemp][sd]t|ces?t"
    r"|(?:second|minute|hour|day|week|month|year)s?"
    r"|one|two|three|four|five|six|seven|eight|nine|ten"
    r"|(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|mon|tue|wed|thu|fri|sat|sun)[a-z]*",
    re.IGNORECASE,
)
_WORDS = re.compile(r"[^\W\d_]+")


def check_date(text: str) -> None:
    """Raise UsageError for a word that no date has: git would quietly read it as "now"."""
    for word in _WORDS.findall(text):
        if not _KNOWN.fullmatch(word):
            raise UsageError(
                f"{text!r} is not a date",
                cause=f"{word!r} means nothing in a date",
                fix=('for instance: --since "2 days ago"', "or: --since 2026-01-31"),
            )
