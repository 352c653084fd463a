"""The claims of a blueprint as one marked block of Markdown: a view of the ledger, the same for everyone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from idse_orchestrator.domain.claim import DECLARED, PROMOTED, Claim
from idse_orchestrator.domain.marked_block import BlockTrouble, find_block, renewed, with_block

EDITED = "edited"
"""What `written` answers for a block that somebody changed by hand."""


def block_body(claims: Iterable[Claim]) -> bytes:
    """What the block says: promoted claims, then declared ones; demoted claims are history."""
    known = sorted(claims, key=lambda claim: (claim.section, claim.text, claim.id))
    promoted = [claim for claim in known if claim.status == PROMOTED]
    declared = [claim for claim in known if claim.status == DECLARED]
    lines = [
        "## Claims",
        "",
        "A view of the ledger, made by `idse blueprint`. Write above or below, not here.",
    ]
    lines += _listed("### Promoted", promoted) if promoted else ["", "No claim is promoted."]
    lines += _listed("### Declared, not promoted yet", declared) if declared else []
    return ("\n".join(lines) + "\n").encode()


def written(content: bytes | None, claims: Mapping[str, Claim], *, force: bool) -> bytes | str | BlockTrouble:
    """`content` with the block as it should be; None as content: there is no file.

    EDITED where the block was changed by hand, unless `force`; BlockTrouble where it cannot be told apart.
    A file is not touched, and none is made, as long as there never was a claim.
    """
    found = find_block(content or b"")
    if isinstance(found, BlockTrouble):
        return found
    body = block_body(claims.values())
    if found is None:
        return with_block(content, body) if claims else content or b""
    if found.body == body and not found.is_edited:
        return content or b""
    if found.is_edited and not force:
        return EDITED
    return renewed(content or b"", found, body)


def _listed(heading: str, claims: Sequence[Claim]) -> Iterator[str]:
    yield from ("", heading, "")
    for claim in claims:
        section = f", {claim.section}" if claim.section else ""
        yield f"- {_escaped(claim.text)} (`{claim.id}`{section})"


def _escaped(text: str) -> str:
    """`text` so that it can open no comment, which would hide all that follows."""
    return text.replace("<!", "\\<!")
