"""A claim of a blueprint: a statement that sessions converge on, and the ledger commits that prove it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

DECLARED = "declared"
PROMOTED = "promoted"
DEMOTED = "demoted"

DECLARE = "declare"
PROMOTE = "promote"
REINFORCE = "reinforce"
DEMOTE = "demote"


class Evidence(NamedTuple):
    """The document `blob` of `stage`, as it stood in the ledger commit `commit` of `session`."""

    session: str
    stage: str
    commit: str
    blob: str


@dataclass(frozen=True, slots=True)
class Claim:
    """`id` is made of the words of `text`, so whoever declares the same statement declares the same claim.

    `status` is DECLARED, PROMOTED or DEMOTED; `at`, `by`, `event` and `reason` are those of the event that
    gave it. `demotions` counts demotions by replica: a promotion that had not seen all of them does not
    apply.
    """

    id: str
    text: str
    section: str = ""
    status: str = DECLARED
    evidence: tuple[Evidence, ...] = ()
    at: str = ""
    by: str = ""
    event: str = ""
    reason: str = ""
    demotions: Mapping[str, int] = field(default_factory=dict)


def claim_to_dict(claim: Claim) -> dict[str, Any]:
    """`claim` as plain JSON values, without its id."""
    return {
        "text": claim.text,
        "section": claim.section,
        "status": claim.status,
        "evidence": [entry._asdict() for entry in claim.evidence],
        "at": claim.at,
        "by": claim.by,
        "event": claim.event,
        "reason": claim.reason,
        "demotions": dict(claim.demotions),
    }


def claims_from_dict(raw: Mapping[str, Mapping[str, Any]]) -> dict[str, Claim]:
    """Claims by id, as `claim_to_dict` made them."""
    return {name: _claim(name, fields) for name, fields in raw.items()}


def evidence_from(raw: Iterable[Mapping[str, Any]]) -> tuple[Evidence, ...]:
    """Evidence as an event or a state holds it."""
    return tuple(Evidence(each["session"], each["stage"], each["commit"], each["blob"]) for each in raw)


def _claim(name: str, raw: Mapping[str, Any]) -> Claim:
    return Claim(
        id=name,
        text=raw["text"],
        section=raw["section"],
        status=raw["status"],
        evidence=evidence_from(raw["evidence"]),
        at=raw["at"],
        by=raw["by"],
        event=raw["event"],
        reason=raw["reason"],
        demotions=dict(raw["demotions"]),
    )
