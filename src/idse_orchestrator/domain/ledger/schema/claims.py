"""What an event about a blueprint's claim must hold."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from idse_orchestrator.domain.ledger.schema.words import (
    Body,
    ClaimId,
    Count,
    Line,
    Name,
    Object,
    Stage,
    Strict,
    Ulid,
)


class EvidenceSchema(Strict):
    """A ledger commit that bears out a claim."""

    session: Name
    stage: Stage
    commit: Object
    blob: Object


class Claimed(Body):
    """An event about a claim of a blueprint; `CLAIMED` says what each action must hold besides."""

    action: Literal["declare", "promote", "reinforce", "demote"]
    claim: ClaimId
    section: str = ""
    demotions: dict[Ulid, Count] = {}


class _Declared(Claimed):
    text: Line


class _Borne(Claimed):
    evidence: Annotated[list[EvidenceSchema], Field(min_length=1)]


class _Demoted(Claimed):
    reason: str = Field(min_length=1)


CLAIMED: dict[str, type[Body]] = {
    "declare": _Declared,
    "promote": _Borne,
    "reinforce": _Borne,
    "demote": _Demoted,
}
