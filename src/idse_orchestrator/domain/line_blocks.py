"""The lines that two texts have in common, in order.

Lines that each text has just once hold the others in place, so only what lies between two of them has to be
compared line by line with line: a document of ten thousand lines takes no longer than its edits.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

_MANY = 4_000_000
"""Above so many pairs of lines to compare, those that stand there very often are not looked for."""


class Block(NamedTuple):
    """`size` lines that are the same, from line `one` of the one text and from line `other` of the other."""

    one: int
    other: int
    size: int


def common_blocks(one: Sequence[bytes], other: Sequence[bytes]) -> list[Block]:
    """The blocks that both have, in order, none of them next to another in both texts."""
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
