"""Three texts merged into one without git, and the lines that two texts have in common.

Lines that each text has just once hold the others in place, so only what lies between two of them has to be
compared line by line with line: a document of ten thousand lines takes no longer than its edits.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence

from idse_orchestrator.base.records import NamedTuple

_MANY = 4_000_000
"""Above so many pairs of lines to compare, those that stand there very often are not looked for."""


class Block(NamedTuple):
    """`size` lines that are the same, from line `one` of the one text and from line `other` of the other."""

    one: int
    other: int
    size: int


def common_blocks(one: Sequence[bytes], other: Sequence[bytes]) -> list[Block]:
    """Returns the blocks that both have, in order, none of them next to another in both texts."""
    found: list[Block] = []
    for block in _pieces(one, other):
        last = found[-1] if found else None
        if last and (last.one + last.size, last.other + last.size) == (block.one, block.other):
            found[-1] = last._replace(size=last.size + block.size)
        else:
            found.append(block)
    return found


def _pieces(one: Sequence[bytes], other: Sequence[bytes]) -> Iterator[Block]:
    start, begin = 0, 0
    for left, right in (*_anchors(one, other), (len(one), len(other))):
        for block in _compared(one[start:left], other[begin:right]):
            yield Block(start + block.one, begin + block.other, block.size)
        if left < len(one):
            yield Block(left, right, 1)
        start, begin = left + 1, right + 1


def _compared(one: Sequence[bytes], other: Sequence[bytes]) -> Iterator[Block]:
    if one and other:
        from difflib import SequenceMatcher  # who merges with git has no use for it

        matcher = SequenceMatcher(None, one, other, autojunk=len(one) * len(other) > _MANY)
        yield from (Block(*block) for block in matcher.get_matching_blocks() if block.size)


def _anchors(one: Sequence[bytes], other: Sequence[bytes]) -> list[tuple[int, int]]:
    """Places of lines that each text has once: the longest run of them that is in order in both."""
    here, there = _places_of_single(one), _places_of_single(other)
    pairs = sorted((here[line], there[line]) for line in here.keys() & there.keys())
    lowest: list[int] = []  # the place in `other` where a run of so many lines can end at the earliest
    ends: list[int] = []
    before: list[int] = []
    for number, (_, place) in enumerate(pairs):
        length = bisect_left(lowest, place)
        before.append(ends[length - 1] if length else -1)
        lowest[length : length + 1] = [place]
        ends[length : length + 1] = [number]
    return _run(pairs, before, ends[-1] if ends else -1)


def _run(pairs: Sequence[tuple[int, int]], before: Sequence[int], last: int) -> list[tuple[int, int]]:
    found = []
    while last >= 0:
        found.append(pairs[last])
        last = before[last]
    return found[::-1]


def _places_of_single(lines: Sequence[bytes]) -> dict[bytes, int]:
    counts = Counter(lines)
    return {line: place for place, line in enumerate(lines) if counts[line] == 1}


_LOOKED_AT = 8000


class MergedText(NamedTuple):
    """One text out of three; `conflicts`: some lines of it stand between markers."""

    text: bytes
    conflicts: bool


TextMerger = Callable[[bytes, bytes, bytes], MergedText | None]
"""Applies what changed from the second text to the third to the first one; None where one is no text."""


def merge_lines(ours: bytes, base: bytes, theirs: bytes, *, labels: tuple[str, str]) -> MergedText | None:
    """Applies what changed from `base` to `theirs` to `ours`; None where one of them is no text.

    `labels` name `ours` and `theirs` in the markers.
    """
    if any(b"\0" in text[:_LOOKED_AT] for text in (ours, base, theirs)):
        return None
    out: list[bytes] = []
    conflicts = False
    for before, left, right in _chunks(*(_split(text) for text in (base, ours, theirs))):
        if right in (left, before):
            out += left
        elif left == before:
            out += right
        else:
            conflicts = True
            out += _marked(left, right, labels)
    return MergedText(b"".join(out), conflicts)


def _split(text: bytes) -> list[bytes]:
    """Returns the lines of a text with their ends.

    As for git, a line ends at a line feed and nowhere else.
    """
    lines = [line + b"\n" for line in text.split(b"\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]


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
    """Yields the three texts in parts that belong together: those all have, and what is between them."""
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
