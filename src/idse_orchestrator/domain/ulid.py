"""ULIDs: ids that sort by the time they were made (github.com/ulid/spec).

Written here because the packages that make them import more than a hook has time for, and because
the clock and the randomness must come from outside the domain.
"""

from __future__ import annotations

import re

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PATTERN = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}", re.ASCII)


def ulid(milliseconds: int, randomness: bytes) -> str:
    """26 characters from a Unix time in milliseconds (48 bits) and 10 random bytes."""
    number = milliseconds << 80 | int.from_bytes(randomness, "big")
    return "".join(_ALPHABET[number >> shift & 31] for shift in range(125, -5, -5))


def is_ulid(text: str) -> bool:
    """Whether `text` has the form of a ULID."""
    return _PATTERN.fullmatch(text) is not None
