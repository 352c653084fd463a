"""Claims of a blueprint from the ``claimed`` events of its ledger.

The cases, in the order of the code: declare (the first one counts) · promote (adds its evidence; that of a
demoted claim starts anew) · reinforce (adds evidence and moves nothing) · demote. A demotion beats a
concurrent promotion: who promotes says which demotions he had seen, counted by replica, and a promotion
that had not seen all of them is kept and shown as not applied. Taking a claim back is the careful side, and
promoting it again is one command.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from idse_orchestrator.domain.claims.claim import (
    DECLARE,
    DEMOTE,
    DEMOTED,
    PROMOTE,
    PROMOTED,
    REINFORCE,
    Claim,
    Evidence,
    evidence_from,
)

if TYPE_CHECKING:
    from idse_orchestrator.domain.events import Event
    from idse_orchestrator.domain.stage_state_model import SessionState


def apply_claim(state: SessionState, event: Event) -> SessionState | str:
    """The state after a ``claimed`` event; or why it does not apply."""
    name, action = event.body["claim"], event.body["action"]
    known = state.claims.get(name)
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
    """Whether the claim was demoted more often than `seen` says, by any replica."""
    return any(count > seen.get(replica, 0) for replica, count in claim.demotions.items())


def _with(state: SessionState, claim: Claim) -> SessionState:
    return state._replace(claims={**state.claims, claim.id: claim})


def _declared(name: str, event: Event) -> Claim:
    body = event.body
    return _moved(Claim(name, body.get("text", ""), body.get("section", "")), event)


def _promoted(claim: Claim, event: Event) -> Claim | str:
    if unseen_demotions(claim, event.body.get("demotions", {})):
        return "the claim was demoted meanwhile"
    before = replace(claim, evidence=()) if claim.status == DEMOTED else claim
    return replace(_moved(claim, event), status=PROMOTED, evidence=_more(before, event))


def _reinforced(claim: Claim, event: Event) -> Claim | str:
    if claim.status == DEMOTED:
        return "the claim was demoted"
    return replace(claim, evidence=_more(claim, event))


def _demoted(claim: Claim, event: Event) -> Claim:
    demotions = {**claim.demotions, event.replica: claim.demotions.get(event.replica, 0) + 1}
    return replace(_moved(claim, event), status=DEMOTED, demotions=demotions)


def _moved(claim: Claim, event: Event) -> Claim:
    reason = event.body.get("reason", "")
    return replace(claim, at=event.at, by=event.actor.label, event=event.id, reason=reason)


def _more(claim: Claim, event: Event) -> tuple[Evidence, ...]:
    return tuple(dict.fromkeys((*claim.evidence, *evidence_from(event.body.get("evidence", ())))))


_MOVES: Mapping[str, Callable[[Claim, Event], Claim | str]] = {
    PROMOTE: _promoted,
    REINFORCE: _reinforced,
    DEMOTE: _demoted,
}
