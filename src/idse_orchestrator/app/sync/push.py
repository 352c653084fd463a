"""Send what the Agency does not have: what is behind or diverged is pulled first, then one atomic push.

The sync point travels in the same push and becomes visible here only when the remote took it. Whoever
is slower than another clone fetches, joins and tries again, a bounded number of times.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext

from idse_orchestrator.app.sync.outcome import (
    MOVING,
    PUSHED,
    REFUSED,
    REJECTED,
    WAITING,
    RefOutcome,
    SyncOutcome,
)
from idse_orchestrator.app.sync.ports import AHEAD, DIVERGED, Incoming
from idse_orchestrator.app.sync.pull import Brought, bring, note_pull
from idse_orchestrator.app.sync.syncing import TRIES, Syncing, noteworthy, permitted, refusals
from idse_orchestrator.domain.sync_point import PUSH, RefMove

_COLLATERAL = "atomic"
"""In the words of git about a ref that only shares the fate of another one."""


def push(syncing: Syncing) -> SyncOutcome:
    """Send every ledger, note and sync point that the Agency does not have."""
    outcomes: dict[str, RefOutcome] = {}
    barred: set[str] = set()
    for attempt in range(TRIES):
        brought = bring(syncing)
        note_pull(syncing, brought.moved)
        outcomes.update({outcome.ref: outcome for outcome in brought.outcomes})
        moves = _outgoing(syncing, brought, barred, outcomes)
        point = _point(syncing, moves)
        sent = _with_point(moves, point, brought)
        if not sent:
            return _outcome(syncing, brought, outcomes)
        report = syncing.remote.push(sent)
        if not report.raced and not report.rejected:
            if point is not None:
                syncing.points.arrived(point)
            outcomes.update({move.ref: RefOutcome(move.ref, PUSHED, *move[1:]) for move in moves})
            return _outcome(syncing, brought, outcomes, point.new if point else "")
        if not report.raced:
            culprits = {ref: why for ref, why in report.rejected.items() if _COLLATERAL not in why}
            outcomes.update(_rejections(sent, culprits or report.rejected))
            barred |= culprits.keys() or report.rejected.keys()
            if point is not None and point.ref in barred:
                return _outcome(syncing, brought, outcomes)
            continue
        syncing.pause(attempt)
    for move in moves:
        outcomes[move.ref] = RefOutcome(move.ref, MOVING, *move[1:], "others kept pushing it")
    return _outcome(syncing, brought, outcomes)


def plan_push(syncing: Syncing) -> SyncOutcome:
    """What `push` would send now, without changing anything here or there."""
    theirs, mine = syncing.remote.heads(), syncing.refs.heads()
    moves = [RefMove(ref, theirs.get(ref, ""), head) for ref, head in mine.items() if theirs.get(ref) != head]
    known = syncing.refs.known({move.old for move in moves if move.old})
    unknown = {move.ref: move.old for move in moves if move.old and move.old not in known}
    with syncing.remote.fetch(unknown) if unknown else nullcontext(None) as objects:
        going = _ahead(syncing, moves, objects)
    defects = syncing.guard.outgoing(move for move in going if move.ref not in unknown)
    waiting = [RefOutcome(move.ref, WAITING, *move[1:]) for move in permitted(going, defects)]
    return SyncOutcome(syncing.agency, PUSH, (*refusals(going, defects), *waiting), len(mine) - len(moves))


def _ahead(syncing: Syncing, moves: Sequence[RefMove], objects: Incoming | None) -> list[RefMove]:
    """Those moves that would be sent, as they are or after a merge."""
    both = [(move.new, move.old) for move in moves if move.old]
    relations = iter(syncing.refs.relations(both, objects))
    return [move for move in moves if not move.old or next(relations) in (AHEAD, DIVERGED)]


def _outgoing(
    syncing: Syncing, brought: Brought, barred: set[str], outcomes: dict[str, RefOutcome]
) -> list[RefMove]:
    """What is to be sent, after the publish guard; what it refuses is told in `outcomes`."""
    closed = barred | {outcome.ref for outcome in brought.outcomes if outcome.result in (REFUSED, MOVING)}
    moves = [
        RefMove(ref, brought.theirs.get(ref, ""), head)
        for ref, head in syncing.refs.heads().items()
        if brought.theirs.get(ref) != head and ref not in closed
    ]
    defects = syncing.guard.outgoing(moves)
    outcomes.update({outcome.ref: outcome for outcome in refusals(moves, defects)})
    return permitted(moves, defects)


def _point(syncing: Syncing, moves: Sequence[RefMove]) -> RefMove | None:
    """The sync point that is to go along, as a move of the local ref; None when none is made."""
    worth = noteworthy(moves)
    return syncing.points.prepare(PUSH, syncing.agency.remote, worth) if worth else None


def _with_point(moves: list[RefMove], point: RefMove | None, brought: Brought) -> list[RefMove]:
    if point is None:
        return moves
    others = [move for move in moves if move.ref != point.ref]
    return [*others, RefMove(point.ref, brought.theirs.get(point.ref, ""), point.new)]


def _rejections(moves: Sequence[RefMove], words: Mapping[str, str]) -> dict[str, RefOutcome]:
    return {
        move.ref: RefOutcome(move.ref, REJECTED, move.old, move.new, words[move.ref])
        for move in moves
        if move.ref in words
    }


def _outcome(
    syncing: Syncing, brought: Brought, outcomes: Mapping[str, RefOutcome], point: str = ""
) -> SyncOutcome:
    told = tuple(outcomes[ref] for ref in sorted(outcomes))
    return SyncOutcome(syncing.agency, PUSH, told, brought.equal, point)
