"""Three texts merged into one, line by line, where no git program can do it.

This is for one person's edit and the ledger it is saved to. Histories are never joined by it: that M(a, b)
is the same everywhere rests on one implementation, git's.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from idse_orchestrator.domain.line_blocks import common_blocks

_LOOKED_AT = 8000


class JoinedText(NamedTuple):
    """One text out of three; `conflicts`: some lines of it stand between markers."""

    text: bytes
    conflicts: bool


def join_texts(base: bytes, one: bytes, other: bytes, labels: tuple[str, str]) -> JoinedText | None:
    """What changed from `base` to `other`, applied to `one`; None where one of them is no text.

    `labels` name `one` and `other` in the markers.
    """
    if any(b"\0" in text[:_LOOKED_AT] for text in (base, one, other)):
        return None
    was, mine, theirs = (text.splitlines(keepends=True) for text in (base, one, other))
    out: list[bytes] = []
    conflicts = False
    for before, left, right in _chunks(was, mine, theirs):
        if right in (left, before):
            out += left
        elif left == before:
            out += right
        else:
            conflicts = True
            out += _marked(left, right, labels)
    return JoinedText(b"".join(out), conflicts)


def _marked(left: Sequence[bytes], right: Sequence[bytes], labels: tuple[str, str]) -> Iterator[bytes]:
    yield b"<<<<<<< " + labels[0].encode() + b"\n"
    yield from _ended(left)
    yield b"=======\n"
    yield from _ended(right)
    yield b">>>>>>> " + labels[1].encode() + b"\n"


def _ended(lines: Sequence[bytes]) -> Iterator[bytes]:
    for line in lines:
        yield line if line.endswith(b"\n") else line + b"\n"


Chunk = tuple[Sequence[bytes], Sequence[bytes], Sequence[bytes]]


def _chunks(was: Sequence[bytes], mine: Sequence[bytes], theirs: Sequence[bytes]) -> Iterator[Chunk]:
    """The three texts in parts that belong together: those all have, and what is between them."""
    at = (0, 0, 0)
    for start, left, right, length in _common(was, mine, theirs):
        if (start, left, right) != at:
            yield was[at[0] : start], mine[at[1] : left], theirs[at[2] : right]
        if length:
            same = was[start : start + length]
            yield same, same, same
        at = (start + length, left + length, right + length)


def _common(
    was: Sequence[bytes], mine: Sequence[bytes], theirs: Sequence[bytes]
) -> Iterator[tuple[int, int, int, int]]:
    """(place in each text, length) of the parts that all three have; last an empty one at the ends."""
    left, right = deque(common_blocks(was, mine)), deque(common_blocks(was, theirs))
    while left and right:
        (one, in_mine, size_one), (other, in_theirs, size_other) = left[0], right[0]
        start, end = max(one, other), min(one + size_one, other + size_other)
        if start < end:
            yield start, in_mine + start - one, in_theirs + start - other, end - start
        (left if one + size_one < other + size_other else right).popleft()
    yield len(was), len(mine), len(theirs), 0
