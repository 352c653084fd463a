"""Send what the Agency does not have: what is behind or diverged is pulled first, then one atomic push.

The sync point travels in the same push and becomes visible here only when the remote took it. Whoever
is slower than another clone fetches, joins and tries again, a bounded number of times.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext

from idse_orchestrator.ledger.sync_point import PUSH, RefMove
from idse_orchestrator.sync.outcome import (
    AHEAD,
    DIVERGED,
    MERGED,
    MOVING,
    PUSHED,
    REFUSED,
    REJECTED,
    WAITING,
    RefOutcome,
    SyncOutcome,
)
from idse_orchestrator.sync.ports import Incoming
from idse_orchestrator.sync.pull import Brought, bring, conflicts_of, note_pull
from idse_orchestrator.sync.syncing import TRIES, Syncing, noteworthy, permitted, refusals

_COLLATERAL = "atomic push fail"
"""How the words of git begin about a ref that only shares the fate of another one."""


def push(syncing: Syncing) -> SyncOutcome:
    """Send every ledger, note and sync point that the Agency does not have; ask `no_news` first."""
    pushing = _Pushing(syncing)
    for tries in range(TRIES):
        while (state := pushing.attempt()) == _LESS:
            pass  # each time, one ref more is known that the remote does not want
        if state == _DONE:
            return pushing.outcome()
        syncing.pause(tries)
    return pushing.given_up()


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


_DONE = "done"
_LESS = "less"
_RACED = "raced"
"""What came of one attempt: all that could go is there; some refs are barred, the rest may do better without
them; or others were faster."""


class _Pushing:
    """One push in the making.

    What was told of each ref so far, which refs the remote does not want (`_barred`), and which it took
    in an earlier attempt, so that no sync point speaks of them yet (`_taken`).
    """

    def __init__(self, syncing: Syncing) -> None:
        self._syncing = syncing
        self._told: dict[str, RefOutcome] = {}
        self._barred: set[str] = set()
        self._taken: dict[str, RefMove] = {}
        self._brought = Brought({})
        self._moves: list[RefMove] = []
        self._point = ""

    def attempt(self) -> str:
        """Pull and push once; how it went."""
        self._brought = bring(self._syncing)
        note_pull(self._syncing, self._brought.moved)
        self._tell(self._brought.outcomes)
        self._moves = self._outgoing()
        point = self._prepared()
        sent = self._with(point)
        if not sent:
            return _DONE
        report = self._syncing.remote.push(sent)
        self._note(report.accepted, point)
        if report.raced:
            return _RACED
        if report.rejected:
            self._bar(report.rejected, sent)
            return _LESS
        return _DONE

    def outcome(self) -> SyncOutcome:
        """What came of it."""
        told = tuple(self._told[ref] for ref in sorted(self._told))
        conflicts = conflicts_of(self._syncing, told)
        return SyncOutcome(self._syncing.agency, PUSH, told, self._brought.equal, self._point, conflicts)

    def _arrived_as(self, move: RefMove) -> str:
        """What is said of a ref that was joined here and then sent: the greater news."""
        before = self._told.get(move.ref)
        return MERGED if before is not None and before.result == MERGED else PUSHED

    def given_up(self) -> SyncOutcome:
        """The outcome when others were always faster."""
        left = [move for move in self._moves if move.ref not in self._taken]
        self._tell(RefOutcome(move.ref, MOVING, *move[1:], "others kept pushing it") for move in left)
        return self.outcome()

    def _outgoing(self) -> list[RefMove]:
        """What is to be sent, after the publish guard; what that refuses is told."""
        stuck = {told.ref for told in self._brought.outcomes if told.result in (REFUSED, MOVING)}
        theirs = self._brought.theirs
        moves = [
            RefMove(ref, theirs.get(ref, ""), head)
            for ref, head in self._syncing.refs.heads().items()
            if theirs.get(ref) != head and ref not in stuck | self._barred
        ]
        defects = self._syncing.guard.outgoing(moves)
        self._tell(refusals(moves, defects))
        return permitted(moves, defects)

    def _prepared(self) -> RefMove | None:
        """The sync point that is to go along, as a move of the local ref; None when none is made."""
        points = self._syncing.points
        going = {move.ref: move for move in noteworthy(self._moves)}
        worth = [*going.values(), *(move for ref, move in self._taken.items() if ref not in going)]
        if not worth or points.ref in self._barred:
            return None
        return points.prepare(PUSH, self._syncing.agency.remote, worth)

    def _with(self, point: RefMove | None) -> list[RefMove]:
        if point is None:
            return self._moves
        others = [move for move in self._moves if move.ref != point.ref]
        return [*others, RefMove(point.ref, self._brought.theirs.get(point.ref, ""), point.new)]

    def _note(self, accepted: Iterable[RefMove], point: RefMove | None) -> None:
        """Tell what the remote took, be it all or, where it is not atomic, a part."""
        arrived = {move.ref: move for move in accepted}
        moves = [move for move in self._moves if move.ref in arrived]
        self._tell(RefOutcome(move.ref, self._arrived_as(move), *move[1:]) for move in moves)
        self._taken.update({move.ref: move for move in noteworthy(moves)})
        if point is None:
            return
        if point.ref in arrived:
            self._syncing.points.arrived(point)
            self._point = point.new
            self._taken.clear()
        else:
            self._syncing.points.refused(point)

    def _bar(self, words: Mapping[str, str], sent: Sequence[RefMove]) -> None:
        """Keep what the remote does not want from being sent again; what only fell with it may go."""
        culprits = {ref: why for ref, why in words.items() if not why.startswith(_COLLATERAL)} or dict(words)
        refused = [move for move in sent if move.ref in culprits]
        self._tell(RefOutcome(move.ref, REJECTED, move.old, move.new, culprits[move.ref]) for move in refused)
        self._barred |= culprits.keys()

    def _tell(self, outcomes: Iterable[RefOutcome]) -> None:
        self._told.update({outcome.ref: outcome for outcome in outcomes})
