"""A claim of a blueprint: a statement that sessions converge on, and the ledger commits that prove it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from idse_orchestrator.base.names import filled
from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.ledger.events import Event, something_happened
from idse_orchestrator.pipeline.values import part_of

if TYPE_CHECKING:
    from idse_orchestrator.pipeline.stage_state_model import SessionState

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


class Claim(NamedTuple):
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
    demotions: Mapping[str, int] = {}


def claim_to_dict(claim: Claim) -> dict[str, Any]:
    """Returns `claim` as plain JSON values, without its id."""
    plain = {**claim._asdict(), "evidence": [entry._asdict() for entry in claim.evidence]}
    del plain["id"]
    return plain


def evidence_from(raw: Iterable[Mapping[str, Any]]) -> tuple[Evidence, ...]:
    """Evidence as an event or a state holds it."""
    return tuple(filled(Evidence, each) for each in raw)


def _claim(name: str, raw: Mapping[str, Any]) -> Claim:
    return filled(Claim, raw, id=name, evidence=evidence_from(raw["evidence"]))


CLAIMS = "claims"
"""The part of a session's state that is kept here: claims by id."""


def claims_of(state: SessionState) -> Mapping[str, Claim]:
    """Returns the claims of a blueprint by id. CorruptLedgerError where its state holds something else."""
    return part_of(state, CLAIMS, lambda raw: {name: _claim(name, raw[name]) for name in raw}, {})


def apply_claim(state: SessionState, event: Event) -> SessionState | str:
    """Returns the state after a ``claimed`` event; or why it does not apply."""
    name, action = event.body["claim"], event.body["action"]
    raw = state.parts.get(CLAIMS, {}).get(name)
    known = _claim(name, raw) if raw is not None else None
    if action == DECLARE:
        return "the claim was declared already" if known else _with(state, _declared(name, event))
    move = _MOVES.get(action)
    if move is None:
        return f"this idse does not know how to {action} a claim"
    if known is None:
        return "there was no such claim"
    moved = move(known, event)
    return moved if isinstance(moved, str) else _with(state, moved)


def unseen_demotions(claim: Claim, seen: Mapping[str, int]) -> bool:
    """Tests whether the claim was demoted more often than `seen` says, by any replica."""
    return any(count > seen.get(replica, 0) for replica, count in claim.demotions.items())


def _with(state: SessionState, claim: Claim) -> SessionState:
    claims = {**state.parts.get(CLAIMS, {}), claim.id: claim_to_dict(claim)}
    return state._replace(parts={**state.parts, CLAIMS: claims})


def _declared(name: str, event: Event) -> Claim:
    body = event.body
    return _moved(Claim(name, body.get("text", ""), body.get("section", "")), event)


def _promoted(claim: Claim, event: Event) -> Claim | str:
    if unseen_demotions(claim, event.body.get("demotions", {})):
        return "the claim was demoted meanwhile"
    before = claim._replace(evidence=()) if claim.status == DEMOTED else claim
    return _moved(claim, event)._replace(status=PROMOTED, evidence=_more(before, event))


def _reinforced(claim: Claim, event: Event) -> Claim | str:
    if claim.status == DEMOTED:
        return "the claim was demoted"
    return claim._replace(evidence=_more(claim, event))


def _demoted(claim: Claim, event: Event) -> Claim:
    demotions = {**claim.demotions, event.replica: claim.demotions.get(event.replica, 0) + 1}
    return _moved(claim, event)._replace(status=DEMOTED, demotions=demotions)


def _moved(claim: Claim, event: Event) -> Claim:
    reason = event.body.get("reason", "")
    return claim._replace(at=event.at, by=event.actor.label, event=event.id, reason=reason)


def _more(claim: Claim, event: Event) -> tuple[Evidence, ...]:
    return tuple(dict.fromkeys((*claim.evidence, *evidence_from(event.body.get("evidence", ())))))


_MOVES: Mapping[str, Callable[[Claim, Event], Claim | str]] = {
    PROMOTE: _promoted,
    REINFORCE: _reinforced,
    DEMOTE: _demoted,
}


def claim_words(body: Mapping[str, Any]) -> str:
    """Returns the subject of a ``claimed`` event."""
    if not body.get("action") or not body.get("claim"):
        return something_happened(body)
    text = f": {body['text']}" if body.get("text") else ""
    return f"{body['action']}d {body['claim']}{text}"
