"""A merge conflict in the block of claims, settled where every line of it is one that we wrote.

Both sides of such a conflict are views of ledgers. A line is ours when it is a marker, or when the block of
some of the claims that are known has it; claims are never forgotten, so whatever was written once is known.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

_BEGIN, _END = b"<!-- idse:begin ", b"<!-- idse:end -->"
_SIGNS = (b"<<<<<<<", b"|||||||", b"=======", b">>>>>>>")


def without_conflict(content: bytes, ours: Collection[bytes]) -> bytes | None:
    """`content` with one empty block in the place of those that conflict; what is around them stays.

    `ours` are the lines a block can have. None where there is no conflict in the block, or where it has
    words of somebody else.
    """
    lines = content.splitlines(keepends=True)
    plain = [line.rstrip(b"\r\n") for line in lines]
    begins = [number for number, line in enumerate(plain) if line.startswith(_BEGIN)]
    ends = [number for number, line in enumerate(plain) if line == _END]
    if not begins or not ends or begins[0] > ends[-1]:
        return None
    tops, bottoms = _reach(plain, begins[0], -1), _reach(plain, ends[-1], 1)
    whole = ((top, bottom) for top in tops for bottom in bottoms if _is_whole(plain[top : bottom + 1]))
    top, bottom = next(whole, (0, -1))
    if not all(_is_ours(line, ours) for line in plain[top : bottom + 1]) or bottom < 0:
        return None
    before = [line for line in lines[top : begins[0]] if not line.strip()]
    block = [lines[begins[0]], lines[ends[-1]]]
    return b"".join((*lines[:top], *before, *block, *lines[bottom + 1 :]))


def conflict_at(content: bytes) -> int:
    """The line, counted from 1, where a conflict begins that has a marker of a block in it; 0 for none."""
    begun = depth = 0
    for number, line in enumerate(content.splitlines(), 1):
        sign = _sign(line)
        if sign == _SIGNS[0]:
            begun, depth = begun if depth else number, depth + 1
        depth -= sign == _SIGNS[3] and depth > 0
        if depth and (line.startswith(_BEGIN) or line == _END):
            return begun
    return 0


def _reach(plain: Sequence[bytes], start: int, step: int) -> Sequence[int]:
    """Line `start`, and the signs of conflicts that only empty lines part from it, the nearest first."""
    found, number = [start], start + step
    while 0 <= number < len(plain) and (not plain[number] or _sign(plain[number])):
        found += [number] if plain[number] else []
        number += step
    return found


def _is_whole(lines: Sequence[bytes]) -> bool:
    """Whether there are conflicts in `lines`, and each has its beginning, its middle and its end.

    What was merged with a conflict in it has one conflict inside of another.
    """
    counts = dict.fromkeys(_SIGNS, 0)
    for sign in filter(None, map(_sign, lines)):
        counts[sign] += 1
        if not counts[_SIGNS[0]] >= counts[_SIGNS[2]] >= counts[_SIGNS[3]]:
            return False
    return counts[_SIGNS[0]] == counts[_SIGNS[2]] == counts[_SIGNS[3]] > 0


def _is_ours(line: bytes, ours: Collection[bytes]) -> bool:
    return not line or line in ours or line == _END or line.startswith(_BEGIN) or bool(_sign(line))


def _sign(line: bytes) -> bytes:
    word = line.split(b" ", 1)[0]
    return word if word in _SIGNS else b""
