"""What differs between two texts, line by line, and within lines that took the place of others."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.base.text_merge import common_blocks

SAME, REMOVED, ADDED, GAP = "same", "removed", "added", "gap"
AROUND = 2
"""Lines that are shown before and after each difference."""
MOST = 120
"""Lines of a difference that a page shows."""
_MOST_PAIRS = 500_000
"""Pairs of words that are compared within lines: a fraction of a second. Later lines are not marked."""
_WORD = re.compile(r"\s+|\w+|[^\w\s]")
Parts = tuple[tuple[str, bool], ...]


class Line(NamedTuple):
    """One line: its `number` in the text that has it, the newer one where both do.

    `parts` are its text, each with whether the other line has it otherwise. Of a gap, `number` counts the
    lines that are left out.
    """

    kind: str
    number: int
    parts: Parts = ()


class Difference(NamedTuple):
    """What is to be shown, how many lines came and went, and how many more there are than are shown."""

    lines: tuple[Line, ...]
    added: int
    removed: int
    more: int = 0


def difference(old: str, new: str) -> Difference:
    """Returns how to make `new` of `old`."""
    marks = _Marks()
    lines: list[Line] = []
    one, other = (text.removesuffix("\n").split("\n") if text else [] for text in (old, new))
    for line in _lines(one, other, marks):
        lines.append(line)
        if len(lines) >= MOST:
            marks.left = 0  # nobody sees them
    added, removed = (sum(line.kind == kind for line in lines) for kind in (ADDED, REMOVED))
    shown = tuple(lines[:MOST]) if added or removed else ()
    return Difference(shown, added, removed, max(0, len(lines) - MOST))


class _Marks:
    """What may still be spent on differences within lines, in pairs of words."""

    def __init__(self) -> None:
        self.left = _MOST_PAIRS

    def of(self, old: str, new: str) -> tuple[Parts, Parts]:
        """Returns two lines in parts, marked where that is not too much work."""
        if self.left:
            one, other = _WORD.findall(old), _WORD.findall(new)
            pairs = len(one) * len(other)
            if 0 < pairs <= self.left:
                self.left -= pairs
                return _marked(old, new, one, other)
        return ((old, False),), ((new, False),)


def _lines(old: Sequence[str], new: Sequence[str], marks: _Marks) -> Iterator[Line]:
    one, other = ([line.encode("utf-8", "surrogatepass") for line in text] for text in (old, new))
    at, to = 0, 0
    for start, begin, size in (*common_blocks(one, other), (len(old), len(new), 0)):
        yield from _changed(old[at:start], new[to:begin], at, to, marks)
        is_last = begin + size == len(new)
        before = AROUND if start or begin else 0
        after = 0 if is_last else AROUND
        hidden = size - before - after
        for place in range(size):
            if hidden > 1 and before <= place < size - after:
                if place == before:
                    yield Line(GAP, hidden)
                continue
            yield Line(SAME, begin + place + 1, ((new[begin + place], False),))
        at, to = start + size, begin + size


def _changed(old: Sequence[str], new: Sequence[str], at: int, to: int, marks: _Marks) -> Iterator[Line]:
    if len(old) == len(new):
        for place, (one, other) in enumerate(zip(old, new, strict=True), 1):
            left, right = marks.of(one, other)
            yield Line(REMOVED, at + place, left)
            yield Line(ADDED, to + place, right)
        return
    for place, line in enumerate(old, 1):
        yield Line(REMOVED, at + place, ((line, False),))
    for place, line in enumerate(new, 1):
        yield Line(ADDED, to + place, ((line, False),))


def _marked(old: str, new: str, one: Sequence[str], other: Sequence[str]) -> tuple[Parts, Parts]:
    """Returns two lines in parts; what only one of them has is marked, unless they have little in common."""
    from difflib import SequenceMatcher  # only who looks at a difference needs it

    matcher = SequenceMatcher(None, one, other, autojunk=False)
    alike = sum(len("".join(one[at : at + size]).strip()) for at, _, size in matcher.get_matching_blocks())
    if alike < 0.4 * min(len(old.strip()), len(new.strip())):
        return ((old, False),), ((new, False),)
    left: list[tuple[str, bool]] = []
    right: list[tuple[str, bool]] = []
    for tag, start, end, begin, stop in matcher.get_opcodes():
        left += [("".join(one[start:end]), tag != "equal")] if end > start else []
        right += [("".join(other[begin:stop]), tag != "equal")] if stop > begin else []
    return tuple(left), tuple(right)
