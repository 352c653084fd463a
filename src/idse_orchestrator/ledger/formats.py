"""The format of a ledger: 1 until its first event that older code would fold or read otherwise, then more.

It is a property of the ledger, not of an event: once raised it stays, through merges too, since the state
keeps the highest format of all events that were folded. So a clone that reads only older formats sees at
every tip that it cannot judge this ledger, and the bytes of all other ledgers never change.
"""

from __future__ import annotations

import json
import re
from functools import cache

FIRST = 1
"""The format that every ledger begins with."""
HIGHEST = 1
"""The highest format that this idse reads and writes."""


class CannotJudgeError(ValueError):
    """A ledger is not damaged, but this idse is too old for it or lacks a part that reads its events."""

    code = "newer-format"


class NewerFormatError(CannotJudgeError):
    """Something has a newer format than this idse reads."""

    def __init__(self, found: int, highest: int = HIGHEST) -> None:
        super().__init__(f"format {found} needs a newer idse: this one reads format {highest}")


def read_format(value: object, highest: int = HIGHEST) -> int:
    """Returns `value` where it is a format that is read here. NewerFormatError, ValueError."""
    if type(value) is not int or value < FIRST:
        raise ValueError(f"{value!r} is no format")
    if value > highest:
        raise NewerFormatError(value, highest)
    return value


def newer_format(data: bytes, highest: int = HIGHEST) -> int | None:
    """Returns the format that the JSON in `data` declares where it is above `highest`, else None."""
    declared, otherwise = _patterns(highest)
    if declared.search(data) is not None and otherwise.search(data) is None:
        return None  # as idse writes it; parsing would double the time of a replay
    try:
        found = json.loads(data)["format"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return found if type(found) is int and found > highest else None


@cache
def _patterns(highest: int) -> tuple[re.Pattern[bytes], re.Pattern[bytes]]:
    known = "|".join(map(str, range(FIRST, highest + 1)))
    return (
        re.compile(rf'"format":(?:{known})[,}}]'.encode()),
        re.compile(rf'"format":(?!(?:{known})[,}}])'.encode()),
    )
