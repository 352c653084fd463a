"""Pulls from the Agency: fetches apart, judges all of it, then moves local refs forward or joins histories.

No local ref moves to anything that was not judged. A ref that is bad is named and left out; the good
ones proceed. Where both sides moved, M(a, b) is made here exactly as it would be anywhere else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from idse_orchestrator.errors import ConflictError, NewerLedgerError
from idse_orchestrator.ledger.refs import SYNC
from idse_orchestrator.sync.published_refs import AHEAD, BEHIND, DIVERGED, EQUAL, PULL, RefMove, RulesNews
from idse_orchestrator.sync.syncing import (
    MERGED,
    MOVING,
    PULLED,
    REFUSED,
    TRIES,
    Pulling,
    RefOutcome,
    Syncing,
    SyncOutcome,
    outcome_of,
    pause,
    permitted,
    refusals,
    without_points,
)

if TYPE_CHECKING:
    from idse_orchestrator.sync.incoming import Incoming

REASON = "pull"
_STAYS_OUT = "nothing of it came in: whoever keeps the Agency has to look at it, and everything else goes on"
_REWRITTEN = "the sync points of another clone were rewritten at the Agency"


class Changes:
    """One pull: the remote's heads, the number of equal ledgers, the outcome of each ref that differed."""

    def __init__(self, theirs: Mapping[str, str], equal: int = 0) -> None:
        self.theirs = theirs
        self.equal = equal
        self.outcomes: list[RefOutcome] = []
        self.rules = RulesNews()

    @property
    def moved(self) -> list[RefMove]:
        """The moves that were made here."""
        return [outcome.move for outcome in self.outcomes if outcome.result in (PULLED, MERGED)]


def pull(syncing: Syncing) -> SyncOutcome:
    """Pulls what the Agency has; makes a sync point if a ledger or a note moved.

    Call `no_news` first.
    """
    changes = install_changes(syncing)
    point = note_pull(syncing, changes.moved)
    refs = tuple(changes.outcomes)
    conflicts = syncing.conflicts(refs)
    return SyncOutcome(syncing.agency, PULL, refs, changes.equal, point, conflicts, changes.rules)


def note_pull(syncing: Syncing, moved: Sequence[RefMove]) -> str:
    """Makes the sync point of a pull that moved a ledger or a note; returns its id, else ""."""
    moves = without_points(moved)
    if not moves:
        return ""
    point = syncing.points.prepare(PULL, syncing.agency.remote, moves)
    syncing.points.publish(point)
    return point.new


def install_changes(syncing: Pulling) -> Changes:
    """Fetches, judges and installs whatever differs; nothing is sent.

    A remote that moves between the question and the answer is asked again.
    """
    for attempt in range(TRIES):
        try:
            return _install(syncing)
        except ConflictError:
            if attempt == TRIES - 1:
                raise
            pause(attempt)
    raise AssertionError


def _install(syncing: Pulling) -> Changes:
    theirs = syncing.remote.heads()
    own = syncing.settle(theirs)
    mine = syncing.refs.heads()
    differing = {ref: head for ref, head in theirs.items() if mine.get(ref) != head and ref != own}
    equal = [ref for ref, head in theirs.items() if mine.get(ref) == head and not ref.startswith(SYNC)]
    changes = Changes(theirs, equal=len(equal))
    # What has no ref here is most likely not here, and git takes its time to find that out.
    known = syncing.refs.known(head for ref, head in differing.items() if ref in mine)
    unknown = {ref: head for ref, head in differing.items() if head not in known}
    moves = [RefMove(ref, mine.get(ref, ""), head) for ref, head in sorted(differing.items())]
    good = _installed(syncing, moves, unknown, changes, mine)
    bad = {outcome.ref for outcome in changes.outcomes if outcome.result == REFUSED}
    syncing.remote.track({ref: head for ref, head in theirs.items() if ref not in bad})
    _apply(syncing, good, changes)
    changes.rules = syncing.take_rules()
    return changes


def _installed(
    syncing: Pulling,
    moves: Sequence[RefMove],
    unknown: Mapping[str, str],
    changes: Changes,
    mine: Iterable[str],
) -> list[RefMove]:
    """Returns the moves whose objects are installed and sound; `changes` gets the outcome of the others.

    What a remote has beside something bad is fetched again without it: bad objects are never installed.
    """
    with syncing.remote.fetch(unknown) as objects:
        wanted = _forward(syncing, moves, objects)
        defects = syncing.guard.incoming(wanted, objects, mine)
        changes.outcomes += refusals(wanted, defects, _STAYS_OUT)
        good = permitted(wanted, defects)
        if objects is None:
            return good
        if len(good) == len(wanted):
            objects.keep()
            return good
    with syncing.remote.fetch({move.ref: move.new for move in good if move.ref in unknown}) as objects:
        if objects is not None:
            objects.keep()
    return good


def _forward(syncing: Pulling, moves: Sequence[RefMove], objects: Incoming | None) -> list[RefMove]:
    """Returns the moves with news: a remote that is behind us, or replays an old tip, has none."""
    both = [(move.old, move.new) for move in moves if move.old]
    relations = iter(syncing.refs.relations(both, objects))
    return [move for move in moves if not move.old or next(relations) not in (AHEAD, EQUAL)]


def _apply(syncing: Pulling, moves: Sequence[RefMove], changes: Changes) -> None:
    """Moves local refs: forward if that is possible, else to the join of both histories."""
    waiting = {move.ref: move.new for move in moves}
    seen = {move.ref: move.old for move in moves}
    for attempt in range(TRIES):
        if not waiting:
            return
        planned = _planned(syncing, waiting, seen)
        moving = [each.move for each in planned if each.result != REFUSED]
        late = {move.ref for move in syncing.refs.move(moving, REASON)}
        changes.outcomes += [each for each in planned if each.ref not in late]
        waiting = {ref: head for ref, head in waiting.items() if ref in late}
        if late:
            pause(attempt)
            mine = syncing.refs.heads()
            seen = {ref: mine.get(ref, "") for ref in waiting}
    why = "it kept moving in this repository"
    changes.outcomes += [RefOutcome(ref, MOVING, seen[ref], head, why) for ref, head in waiting.items()]


def _planned(syncing: Pulling, waiting: Mapping[str, str], seen: Mapping[str, str]) -> list[RefOutcome]:
    """Returns what each ref would come to, without refs that are in place already."""
    pairs = [(seen[ref], head) for ref, head in waiting.items() if seen[ref]]
    relations = iter(syncing.refs.relations(pairs, None))
    planned = []
    for ref, head in waiting.items():
        move, relation = RefMove(ref, seen[ref], head), next(relations) if seen[ref] else BEHIND
        if relation == BEHIND:
            planned.append(outcome_of(move, PULLED))
        elif relation == DIVERGED and ref.startswith(SYNC):
            planned.append(outcome_of(move, REFUSED, _REWRITTEN))
        elif relation == DIVERGED:
            planned.append(_joined(syncing, move))
    return planned


def _joined(syncing: Pulling, move: RefMove) -> RefOutcome:
    """Returns what the join of both histories comes to; a ledger that needs a newer idse stays as it is."""
    try:
        joined = syncing.joiner.join_with_conflicts(*move)
        if syncing.joiner.conflicts_for_boxes(move.ref, joined):
            move = move._replace(old=syncing.know_boxes(move.ref, move.old))
            joined = syncing.joiner.join_with_conflicts(*move)
        return outcome_of(move._replace(new=joined.commit), MERGED)
    except NewerLedgerError as error:
        return outcome_of(move, REFUSED, f"{error.message}: {error.cause}")
