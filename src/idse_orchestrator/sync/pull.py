"""Bring what the Agency has: fetch apart, judge all of it, then move local refs forward or join histories.

No local ref moves to anything that was not judged. A ref that is bad is named and left out; the good
ones proceed. Where both sides moved, M(a, b) is made here exactly as it would be anywhere else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING

from idse_orchestrator.errors import ConflictError, CorruptLedgerError
from idse_orchestrator.ledger.formats import CannotJudgeError
from idse_orchestrator.ledger.refs import SYNC
from idse_orchestrator.ledger.sync_point import PULL, RefMove
from idse_orchestrator.sync.outcome import (
    AHEAD,
    BEHIND,
    DIVERGED,
    EQUAL,
    MERGED,
    MOVING,
    PULLED,
    REFUSED,
    RefOutcome,
    SyncOutcome,
)
from idse_orchestrator.sync.syncing import TRIES, Syncing, noteworthy, permitted, refusals

if TYPE_CHECKING:
    from idse_orchestrator.sync.ports import Incoming

REASON = "pull"
_STAYS_OUT = "nothing of it came in: whoever keeps the Agency has to look at it, and everything else goes on"
_REWRITTEN = "the sync points of another clone were rewritten at the Agency"


class Brought:
    """What one look at the remote brought: its heads, the outcome of each ref that differed."""

    def __init__(self, theirs: Mapping[str, str], equal: int = 0) -> None:
        self.theirs = theirs
        self.equal = equal
        self.outcomes: list[RefOutcome] = []

    @property
    def moved(self) -> list[RefMove]:
        """The moves that were made here."""
        done = (outcome for outcome in self.outcomes if outcome.result in (PULLED, MERGED))
        return [RefMove(outcome.ref, outcome.old, outcome.new) for outcome in done]


def pull(syncing: Syncing) -> SyncOutcome:
    """Take in what the Agency has, and note it in a sync point when a ledger or a note moved.

    Ask `no_news` first.
    """
    brought = bring(syncing)
    point = note_pull(syncing, brought.moved)
    told = tuple(brought.outcomes)
    return SyncOutcome(syncing.agency, PULL, told, brought.equal, point, conflicts_of(syncing, told))


def conflicts_of(syncing: Syncing, told: Sequence[RefOutcome]) -> tuple[str, ...]:
    """Those of the merged refs whose documents carry conflict markers now."""
    merged = [outcome.ref for outcome in told if outcome.result == MERGED]
    return tuple(sorted(syncing.refs.conflicted(merged))) if merged else ()


def note_pull(syncing: Syncing, moved: Sequence[RefMove]) -> str:
    """Make the sync point of a pull that moved something worth it; its id, or ""."""
    moves = noteworthy(moved)
    if not moves:
        return ""
    point = syncing.points.prepare(PULL, syncing.agency.remote, moves)
    syncing.points.publish(point)
    return point.new


def bring(syncing: Syncing) -> Brought:
    """Fetch, judge and install whatever differs; nothing is sent.

    A remote that moves between the question and the answer is asked again.
    """
    for attempt in range(TRIES):
        try:
            return _bring(syncing)
        except ConflictError:
            if attempt == TRIES - 1:
                raise
            syncing.pause(attempt)
    raise AssertionError


def _bring(syncing: Syncing) -> Brought:
    theirs = syncing.remote.heads()
    own = syncing.points.settle(theirs.get(syncing.points.ref, ""))
    mine = syncing.refs.heads()
    differing = {ref: head for ref, head in theirs.items() if mine.get(ref) != head and ref != own}
    equal = [ref for ref, head in theirs.items() if mine.get(ref) == head and not ref.startswith(SYNC)]
    brought = Brought(theirs, equal=len(equal))
    # What has no ref here is most likely not here, and git takes its time to find that out.
    known = syncing.refs.known(head for ref, head in differing.items() if ref in mine)
    unknown = {ref: head for ref, head in differing.items() if head not in known}
    moves = [RefMove(ref, mine.get(ref, ""), head) for ref, head in sorted(differing.items())]
    good = _installed(syncing, moves, unknown, brought, mine)
    bad = {outcome.ref for outcome in brought.outcomes if outcome.result == REFUSED}
    syncing.remote.track({ref: head for ref, head in theirs.items() if ref not in bad})
    _apply(syncing, good, brought)
    return brought


def _installed(
    syncing: Syncing,
    moves: Sequence[RefMove],
    unknown: Mapping[str, str],
    brought: Brought,
    mine: Iterable[str],
) -> list[RefMove]:
    """The moves whose objects are in this repository and sound; the others are told in `brought`.

    What a remote has beside something bad is fetched again without it: bad objects do not come in.
    """
    with syncing.remote.fetch(unknown) if unknown else nullcontext(None) as objects:
        wanted = _forward(syncing, moves, objects)
        if objects is None:
            return _judged(syncing, wanted, None, brought, mine)
        good = _judged(syncing, wanted, objects, brought, mine)
        if len(good) == len(wanted):
            objects.keep()
            return good
    rest = {move.ref: move.new for move in good if move.ref in unknown}
    if rest:
        with syncing.remote.fetch(rest) as objects:
            objects.keep()
    return good


def _judged(
    syncing: Syncing,
    moves: Sequence[RefMove],
    objects: Incoming | None,
    brought: Brought,
    mine: Iterable[str],
) -> list[RefMove]:
    defects = syncing.guard.incoming(moves, objects, mine)
    brought.outcomes += refusals(moves, defects, _STAYS_OUT)
    return permitted(moves, defects)


def _forward(syncing: Syncing, moves: Sequence[RefMove], objects: Incoming | None) -> list[RefMove]:
    """Those moves that bring something: a remote that is behind us, or replays an old tip, brings nothing."""
    both = [(move.old, move.new) for move in moves if move.old]
    relations = iter(syncing.refs.relations(both, objects))
    return [move for move in moves if not move.old or next(relations) not in (AHEAD, EQUAL)]


def _apply(syncing: Syncing, moves: Sequence[RefMove], brought: Brought) -> None:
    """Move local refs: forward where that is possible, to the join of both histories where not."""
    waiting = {move.ref: move.new for move in moves}
    seen = {move.ref: move.old for move in moves}
    for attempt in range(TRIES):
        if not waiting:
            return
        planned = _planned(syncing, waiting, seen)
        moving = [move for move, result, _ in planned if result != REFUSED]
        late = {move.ref for move in syncing.refs.move(moving, REASON)}
        brought.outcomes += [
            RefOutcome(*move[:1], result, *move[1:], why)
            for move, result, why in planned
            if move.ref not in late
        ]
        waiting = {ref: head for ref, head in waiting.items() if ref in late}
        if late:
            syncing.pause(attempt)
            mine = syncing.refs.heads()
            seen = {ref: mine.get(ref, "") for ref in waiting}
    why = "it kept moving in this repository"
    brought.outcomes += [RefOutcome(ref, MOVING, seen[ref], head, why) for ref, head in waiting.items()]


def _planned(
    syncing: Syncing, waiting: Mapping[str, str], seen: Mapping[str, str]
) -> list[tuple[RefMove, str, str]]:
    """Where each ref has to go now, what that is called, and why it cannot; not those already there."""
    pairs = [(seen[ref], head) for ref, head in waiting.items() if seen[ref]]
    relations = iter(syncing.refs.relations(pairs, None))
    planned = []
    for ref, head in waiting.items():
        relation = next(relations) if seen[ref] else BEHIND
        if relation == BEHIND:
            planned.append((RefMove(ref, seen[ref], head), PULLED, ""))
        elif relation == DIVERGED and ref.startswith(SYNC):
            planned.append((RefMove(ref, seen[ref], head), REFUSED, _REWRITTEN))
        elif relation == DIVERGED:
            planned.append(_joined(syncing, RefMove(ref, seen[ref], head)))
    return planned


def _joined(syncing: Syncing, move: RefMove) -> tuple[RefMove, str, str]:
    """The move to the join of both histories; a ledger of ours that needs a newer idse stays as it is."""
    try:
        return move._replace(new=syncing.joiner.join(move.ref, move.old, move.new)), MERGED, ""
    except CorruptLedgerError as error:
        if not isinstance(error.__cause__, CannotJudgeError):
            raise
        return move, REFUSED, f"{error.message}: {error.cause}"
