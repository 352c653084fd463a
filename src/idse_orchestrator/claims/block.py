"""The block of claims in ``blueprint.md``: what it says, how it is written, and the check of it.

A merge conflict in it is settled where every line of it is one that we wrote: both sides are views of
ledgers. A line is ours when it is a marker, or when the block of some of the claims that are known has it;
claims are never forgotten, so whatever was written once is known.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from idse_orchestrator.claims.claim import DECLARED, PROMOTED, Claim
from idse_orchestrator.claims.statements import SECTIONS
from idse_orchestrator.constitution.checks.document import Document, Notice
from idse_orchestrator.constitution.rules import texts
from idse_orchestrator.documents.marked_block import BlockTrouble, find_block, renewed, with_block

_BEGIN, _END = b"<!-- idse:begin ", b"<!-- idse:end -->"
_SIGNS = (b"<<<<<<<", b"|||||||", b"=======", b">>>>>>>")


def without_conflict(content: bytes, ours: Collection[bytes]) -> bytes | None:
    """Returns `content` with one empty block in the place of those that conflict; what is around them stays.

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
    """Returns the line, from 1, where a conflict begins that has a marker of a block in it; 0 for none."""
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
    """Tests whether there are conflicts in `lines`, and each has its beginning, its middle and its end.

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


EDITED = "edited"
"""The answer of `written` for a block that somebody changed by hand."""


_HEAD = ("## Claims", "", "A view of the ledger, made by `idse blueprint`. Write above or below, not here.")
_PROMOTED, _DECLARED = "### Promoted", "### Declared, not promoted yet"
_NONE = "No claim is promoted."
_CONFLICT = "the merge conflict that begins here has more in it than claims"


def block_body(claims: Iterable[Claim]) -> bytes:
    """Returns what the block says: promoted claims, then declared ones; demoted claims are history."""
    known = sorted(claims, key=lambda claim: (claim.section, claim.text, claim.id))
    promoted = [claim for claim in known if claim.status == PROMOTED]
    declared = [claim for claim in known if claim.status == DECLARED]
    lines = [*_HEAD, *(_listed(_PROMOTED, promoted) if promoted else ("", _NONE))]
    lines += _listed(_DECLARED, declared) if declared else []
    return ("\n".join(lines) + "\n").encode()


def written(content: bytes | None, claims: Mapping[str, Claim], *, force: bool) -> bytes | str | BlockTrouble:
    """Returns `content` with the block as it should be; None as content: there is no file.

    EDITED where the block was changed by hand, unless `force`; BlockTrouble where it cannot be told apart.
    A merge conflict in nothing but the block is settled: every line of it was written by us. A file is not
    touched, and none is made, as long as there never was a claim.
    """
    settled = without_conflict(content, _lines(claims)) if content else None
    content = content if settled is None else settled
    found = find_block(content or b"")
    if isinstance(found, BlockTrouble):
        line = conflict_at(content or b"")
        return BlockTrouble(line, _CONFLICT) if line else found
    body = block_body(claims.values())
    if found is None:
        return with_block(content, body) if claims else content or b""
    if found.body == body and not found.is_edited:
        return content or b""
    if found.is_edited and not force and settled is None:
        return EDITED
    return renewed(content or b"", found, body)


def _lines(claims: Mapping[str, Claim]) -> frozenset[bytes]:
    """Returns every line that a block can have had, whatever became of the claims since.

    Where two clones declared one claim, the section of the first counts, and the other's block had its own.
    """
    sections = ("", *SECTIONS)
    listed = (_line(claim._replace(section=section)) for claim in claims.values() for section in sections)
    return frozenset(line.encode() for line in (*_HEAD, _PROMOTED, _DECLARED, _NONE, *listed))


def _listed(heading: str, claims: Sequence[Claim]) -> Sequence[str]:
    return ["", heading, "", *map(_line, claims)]


def _line(claim: Claim) -> str:
    section = f", {claim.section}" if claim.section else ""
    text = claim.text.replace("<!", "\\<!")  # it can open no comment, which would hide all that follows
    return f"- {text} (`{claim.id}`{section})"


_CONFLICT_IN_BLOCK = "a merge conflict (idse blueprint claims --write takes it out of the block)"


def block_as_written(document: Document, options: Mapping[str, object]) -> Iterator[Notice]:
    """Yields a notice where the block in one of `files` has a conflict, was edited, or has odd markers."""
    if document.path not in texts(options, "files"):
        return
    conflict = conflict_at(document.data)
    found = find_block(document.data)
    if conflict:
        yield Notice(conflict, 1, {"problem": _CONFLICT_IN_BLOCK})
    elif isinstance(found, BlockTrouble):
        yield Notice(found.line, 1, {"problem": found.what})
    elif found is not None and found.is_edited:
        yield Notice(found.line, 1, {"problem": "the block of claims was edited by hand"})
