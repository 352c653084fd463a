"""The claims of a blueprint as one marked block of Markdown: a view of the ledger, the same for everyone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from idse_orchestrator.domain.claims.claim import DECLARED, PROMOTED, Claim
from idse_orchestrator.domain.claims.conflict import conflict_at, without_conflict
from idse_orchestrator.domain.claims.statements import SECTIONS
from idse_orchestrator.domain.marked_block import BlockTrouble, find_block, renewed, with_block

EDITED = "edited"
"""What `written` answers for a block that somebody changed by hand."""


_HEAD = ("## Claims", "", "A view of the ledger, made by `idse blueprint`. Write above or below, not here.")
_PROMOTED, _DECLARED = "### Promoted", "### Declared, not promoted yet"
_NONE = "No claim is promoted."
_CONFLICT = "the merge conflict that begins here has more in it than claims"


def block_body(claims: Iterable[Claim]) -> bytes:
    """What the block says: promoted claims, then declared ones; demoted claims are history."""
    known = sorted(claims, key=lambda claim: (claim.section, claim.text, claim.id))
    promoted = [claim for claim in known if claim.status == PROMOTED]
    declared = [claim for claim in known if claim.status == DECLARED]
    lines = [*_HEAD, *(_listed(_PROMOTED, promoted) if promoted else ("", _NONE))]
    lines += _listed(_DECLARED, declared) if declared else []
    return ("\n".join(lines) + "\n").encode()


def written(content: bytes | None, claims: Mapping[str, Claim], *, force: bool) -> bytes | str | BlockTrouble:
    """`content` with the block as it should be; None as content: there is no file.

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
    """Every line that a block can have had, whatever became of the claims since.

    Where two clones declared one claim, the section of the first counts, and the other's block had its own.
    """
    sections = ("", *SECTIONS)
    told = (_line(replace(claim, section=section)) for claim in claims.values() for section in sections)
    return frozenset(line.encode() for line in (*_HEAD, _PROMOTED, _DECLARED, _NONE, *told))


def _listed(heading: str, claims: Sequence[Claim]) -> Sequence[str]:
    return ["", heading, "", *map(_line, claims)]


def _line(claim: Claim) -> str:
    section = f", {claim.section}" if claim.section else ""
    return f"- {_escaped(claim.text)} (`{claim.id}`{section})"


def _escaped(text: str) -> str:
    """`text` so that it can open no comment, which would hide all that follows."""
    return text.replace("<!", "\\<!")
