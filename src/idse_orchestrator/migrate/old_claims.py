"""Makes claims of ours from the rows in which an older tool kept those of a blueprint.

A claim that counted there is declared here, for a promotion names the ledger commits that bear it out, and
the older tool had none. One that counted no more is declared and demoted, with the reason of then. What the
older tool said besides is in the reason, and its rows are kept beside the blueprint.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.base.text import few, one_line
from idse_orchestrator.claims.claim import DECLARE, DEMOTE
from idse_orchestrator.claims.words import claim_id, claim_text
from idse_orchestrator.errors import UsageError
from idse_orchestrator.migrate.words import Moment, parse_time

_COUNTED = frozenset({"active", "accepted", "confirmed", "converged", "promoted", "reinforced"})
_OPEN = frozenset({"", "candidate", "declared", "draft", "pending", "proposed"})
_GONE = frozenset(
    {
        *("archived", "contradicted", "demoted", "deprecated", "inactive", "invalid", "invalidated"),
        *("obsolete", "rejected", "retired", "revoked", "superseded", "withdrawn"),
    }
)
_SECTIONS = {
    "requirement": "requirements",
    "functional_requirement": "requirements",
    "non_functional_requirement": "requirements",
    "constraint": "constraints",
    "non_negotiable_constraint": "constraints",
    "decision": "decisions",
}
"""Classifications that are one of our sections; whatever is none of them has no section here."""

_LONGEST = 60

Row = Mapping[str, str]


class OldClaim(NamedTuple):
    """A claim to declare, and to demote if `gone` says why it counts no more. `counted`: it was promoted."""

    id: str
    text: str
    section: str
    reason: str
    at: Moment | None
    counted: bool = False
    gone: str = ""
    gone_at: Moment | None = None

    def bodies(self) -> Iterator[tuple[dict[str, Any], Moment | None]]:
        """Yields the body of each of its events, and when that was."""
        about = {"text": self.text, "section": self.section, "reason": self.reason}
        yield {"action": DECLARE, "claim": self.id, **about}, self.at
        if self.gone:
            yield {"action": DEMOTE, "claim": self.id, "reason": self.gone}, self.gone_at or self.at


class OldClaims(NamedTuple):
    """The claims of one project, the oldest first, and sentences about what did not come over as it was."""

    claims: tuple[OldClaim, ...] = ()
    doubts: tuple[str, ...] = ()


def old_claims(rows: Iterable[Row], lifecycle: Iterable[Row]) -> OldClaims:
    """Returns the claims of one project, from its rows and those about how they changed."""
    known = list(rows)
    names, doubts = _named(known)
    changes: dict[str, list[Row]] = {}
    for row in sorted(lifecycle, key=_when):
        changes.setdefault(row.get("claim_id", ""), []).append(row)
    heirs = {old: row for row in known if (old := row.get("supersedes_claim_id", ""))}
    found: dict[str, OldClaim] = {}
    odd: dict[str, list[str]] = {}
    for row in sorted(known, key=_when):
        number = row.get("claim_id", "")
        name = names.get(number)
        if name is None or name in found:
            continue
        found[name] = _claim(name, row, changes.get(number, ()), heirs.get(number))
        for said, is_known in _words(row):
            if not is_known:
                odd.setdefault(said, []).append(name)
    counted = [claim.id for claim in found.values() if claim.counted and not claim.gone]
    if counted:
        doubts.append(
            f"{few(counted)} counted there; here a claim is declared until ledgers bear it out: "
            f"idse blueprint promote {counted[0]}"
        )
    doubts += [
        f"{said} has no match here, so it is told as the reason of {few(ids)}" for said, ids in odd.items()
    ]
    doubts += [
        f"{names[old]} counted although {names.get(row.get('claim_id', ''), 'another')} superseded it"
        for old, row in heirs.items()
        if old in names and not found[names[old]].gone
    ]
    return OldClaims(tuple(found.values()), tuple(doubts))


def _named(rows: Sequence[Row]) -> tuple[dict[str, str], list[str]]:
    """Returns the number of each claim there to its id here, and a sentence about each that has none."""
    names: dict[str, str] = {}
    doubts: list[str] = []
    for row in rows:
        number, text = row.get("claim_id", ""), row.get("claim_text", "")
        try:
            name = claim_id(claim_text(text))
        except UsageError as error:
            doubts.append(f"claim {number or '?'} is not taken over: {error.message}")
            continue
        if name in names.values():
            doubts.append(f"claim {number} says what another one says: both are {name}")
        names[number] = name
    return names, doubts


def _when(row: Row) -> tuple[str, str]:
    return _date(row, "created_at", "changed_at", "timestamp", "updated_at"), row.get("claim_id", "").zfill(
        20
    )


def _date(row: Row, *keys: str) -> str:
    moment = _moment(row, *keys)
    return moment.at if moment else ""


def _moment(row: Row, *keys: str) -> Moment | None:
    return next((found for key in keys if (found := parse_time(row.get(key, "")))), None)


def _claim(name: str, row: Row, changes: Sequence[Row], heir: Row | None) -> OldClaim:
    said = _word(row, "status")
    gone, gone_at = "", None
    if said in _GONE:
        last = next((each for each in reversed(changes) if _word(each, "new_status") == said), {})
        why = [one_line(last.get("reason", ""))]
        why += [f"by {one_line(last['actor'])}"] if last.get("actor") else []
        why += [f"by {_short(heir.get('claim_text', ''))!r}"] if heir is not None else []
        gone = "migrated: " + ", ".join((f"it was {said}", *filter(None, why)))
        gone_at = _moment(last, "created_at", "changed_at", "timestamp") or _moment(row, "updated_at")
    words = [f"it was {said or 'a claim'}"]
    words += [said for key in ("classification", "origin") if (said := one_line(row.get(key, "")))]
    words += [f"promotion record {record}"] if (record := row.get("promotion_record_id", "")) else []
    return OldClaim(
        name,
        claim_text(row.get("claim_text", "")),
        _SECTIONS.get(_word(row, "classification").removesuffix("s"), ""),
        "migrated: " + ", ".join(words),
        _moment(row, "created_at", "updated_at"),
        said in _COUNTED,
        gone,
        gone_at,
    )


def _words(row: Row) -> Iterator[tuple[str, bool]]:
    """Yields what a row says in a word of its own, and whether we know that."""
    status, kind = _word(row, "status"), _word(row, "classification")
    yield f"status {status!r}", status in _COUNTED | _OPEN | _GONE
    if kind:
        yield f"classification {kind!r}", kind.removesuffix("s") in _SECTIONS


def _word(row: Row, key: str) -> str:
    return _short(row.get(key, "")).lower().replace(" ", "_").replace("-", "_")


def _short(text: str) -> str:
    line = one_line(text)
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"
