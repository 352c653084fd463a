"""Sends what the Agency does not have, or only compares: `push` and `sync_status`.

A push pulls what is behind or diverged, then makes one atomic push.

The sync point travels in the same push and becomes visible here only if the remote accepts it. A clone
that is slower than another fetches, joins and tries again, a bounded number of times.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.errors import BusyError, UnreachableError
from idse_orchestrator.ledger.refs import SYNC
from idse_orchestrator.sync.published_refs import AHEAD, BEHIND, DIVERGED, EQUAL, PUSH, RefMove
from idse_orchestrator.sync.pull import Changes, install_changes, note_pull
from idse_orchestrator.sync.syncing import (
    MERGED,
    MOVING,
    PUSHED,
    REFUSED,
    REJECTED,
    TRIES,
    WAITING,
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
    from idse_orchestrator.ledger.merge.conflicts import ConflictPlace
    from idse_orchestrator.sync.agency import Agency
    from idse_orchestrator.sync.incoming import Incoming
    from idse_orchestrator.sync.points import SyncPoint
    from idse_orchestrator.sync.pushing import PushReport

_COLLATERAL = "atomic push fail"
"""How git's words begin about a ref that only shares the fate of another one."""
_NAMING_ROUNDS = 5
"""Times that the Agency may name refs it refuses: mostly it names all of them at once."""
_NO_END = "the Agency names other refs each time it is asked"


def push(syncing: Syncing) -> SyncOutcome:
    """Sends every ledger, note and sync point that the Agency does not have; call `no_news` first."""
    pushing = _Pushing(syncing)
    for tries in range(TRIES):
        while (state := pushing.attempt()) == _LESS:
            pass  # each time, one ref more is known that the remote does not want
        if state == _DONE:
            return pushing.outcome()
        pause(tries)
    return pushing.given_up()


def plan_push(syncing: Syncing) -> SyncOutcome:
    """Returns what `push` would send now; changes nothing here or there."""
    theirs, mine = syncing.remote.heads(), syncing.refs.heads()
    moves = [RefMove(ref, theirs.get(ref, ""), head) for ref, head in mine.items() if theirs.get(ref) != head]
    known = syncing.refs.known({move.old for move in moves if move.old})
    unknown = {move.ref: move.old for move in moves if move.old and move.old not in known}
    with syncing.remote.fetch(unknown) as objects:
        going = _ahead(syncing, moves, objects)
    defects = syncing.guard.outgoing(move for move in going if move.ref not in unknown)
    waiting = [outcome_of(move, WAITING) for move in permitted(going, defects)]
    return SyncOutcome(syncing.agency, PUSH, (*refusals(going, defects), *waiting), len(mine) - len(moves))


def _ahead(syncing: Syncing, moves: Sequence[RefMove], objects: Incoming | None) -> list[RefMove]:
    """Returns the moves that would be sent, as they are or after a merge."""
    both = [(move.new, move.old) for move in moves if move.old]
    relations = iter(syncing.refs.relations(both, objects))
    return [move for move in moves if not move.old or next(relations) in (AHEAD, DIVERGED)]


_DONE = "done"
_LESS = "less"
_RACED = "raced"
"""Results of one attempt: all that could go is there; some refs are barred, and the rest may go without them;
others were faster."""


class _Pushing:
    """One push: `_outcomes` by ref so far, and what the last pull found (`_changes`).

    `_barred` are the refs that the remote does not want, `_unnoted` the moves that it accepted in an earlier
    attempt, so that no sync point speaks of them yet.
    """

    def __init__(self, syncing: Syncing) -> None:
        self._syncing = syncing
        self._outcomes: dict[str, RefOutcome] = {}
        self._barred: set[str] = set()
        self._unnoted: dict[str, RefMove] = {}
        self._changes = Changes({})
        self._moves: list[RefMove] = []
        self._point = ""
        self._naming_rounds = 0
        self._are_rules_new = False

    def attempt(self) -> str:
        """Pulls and pushes once; returns _DONE, _LESS or _RACED."""
        self._changes = install_changes(self._syncing)
        self._are_rules_new = self._are_rules_new or self._changes.rules.are_new
        note_pull(self._syncing, self._changes.moved)
        self._record(self._changes.outcomes)
        self._moves = self._outgoing()
        point = self._prepared()
        sent = self._with(point)
        if not sent:
            return _DONE
        report = self._syncing.remote.push(sent)
        self._record_accepted(report.accepted, point)
        if report.raced:
            return _RACED
        if report.rejected:
            self._bar(report, sent)
            return _LESS
        return _DONE

    def outcome(self) -> SyncOutcome:
        """Returns the outcome of all attempts."""
        refs = tuple(self._outcomes[ref] for ref in sorted(self._outcomes))
        conflicts = self._syncing.conflicts(refs)
        rules = self._changes.rules._replace(are_new=self._are_rules_new)
        equal = self._changes.equal
        return SyncOutcome(self._syncing.agency, PUSH, refs, equal, self._point, conflicts, rules)

    def given_up(self) -> SyncOutcome:
        """Returns the outcome when others were always faster."""
        left = [move for move in self._moves if move.ref not in self._unnoted]
        self._record(outcome_of(move, MOVING, "others kept pushing it") for move in left)
        return self.outcome()

    def _outgoing(self) -> list[RefMove]:
        """Returns what is to be sent, and records what the guard refuses."""
        stuck = {each.ref for each in self._changes.outcomes if each.result in (REFUSED, MOVING)}
        theirs = self._changes.theirs
        moves = [
            RefMove(ref, theirs.get(ref, ""), head)
            for ref, head in self._syncing.refs.heads().items()
            if theirs.get(ref) != head and ref not in stuck | self._barred
        ]
        defects = self._syncing.guard.outgoing(moves)
        self._record(refusals(moves, defects))
        return permitted(moves, defects)

    def _prepared(self) -> RefMove | None:
        """Writes the sync point that is to go along; returns the move of the local ref, or None."""
        points = self._syncing.points
        going = {move.ref: move for move in without_points(self._moves)}
        noted = [*going.values(), *(move for ref, move in self._unnoted.items() if ref not in going)]
        if not noted or points.ref in self._barred:
            return None
        return points.prepare(PUSH, self._syncing.agency.remote, noted)

    def _with(self, point: RefMove | None) -> list[RefMove]:
        if point is None:
            return self._moves
        others = [move for move in self._moves if move.ref != point.ref]
        return [*others, RefMove(point.ref, self._changes.theirs.get(point.ref, ""), point.new)]

    def _record_accepted(self, accepted: Iterable[RefMove], point: RefMove | None) -> None:
        """Records what the remote accepted: all or, if it is not atomic, a part."""
        arrived = {move.ref: move for move in accepted}
        moves = [move for move in self._moves if move.ref in arrived]
        joined = {ref for ref, outcome in self._outcomes.items() if outcome.result == MERGED}
        self._record(outcome_of(move, MERGED if move.ref in joined else PUSHED) for move in moves)
        self._unnoted.update({move.ref: move for move in without_points(moves)})
        if point is None:
            return
        if point.ref in arrived:
            self._syncing.points.arrived(point)
            self._point = point.new
            self._unnoted.clear()
        else:
            self._syncing.points.refused(point)

    def _bar(self, report: PushReport, sent: Sequence[RefMove]) -> None:
        """Keeps what the remote does not want from being sent again; what only fell with it may go."""
        culprits = {ref: why for ref, why in report.rejected.items() if not why.startswith(_COLLATERAL)}
        self._naming_rounds += report.is_naming
        if not culprits:
            culprits = dict(report.rejected)
        elif self._naming_rounds > _NAMING_ROUNDS:
            culprits = {**dict.fromkeys(report.rejected, _NO_END), **culprits}
        self._record(
            outcome_of(move, REJECTED, culprits[move.ref], report.advice.get(move.ref, ""))
            for move in sent
            if move.ref in culprits
        )
        self._barred |= culprits.keys()
        if not without_points([move for move in sent if move.ref not in culprits]):
            self._syncing.remote.end_turn()

    def _record(self, outcomes: Iterable[RefOutcome]) -> None:
        self._outcomes.update({outcome.ref: outcome for outcome in outcomes})


CONFLICTED = "conflicted"
STANDINGS = (CONFLICTED, DIVERGED, BEHIND, AHEAD, EQUAL)


class RefStanding(NamedTuple):
    """One ref: one of STANDINGS, its id here and there ("" : it is not there).

    CONFLICTED counts before the others: its documents carry conflict markers until somebody resolves them.
    """

    ref: str
    standing: str
    mine: str
    theirs: str


class SyncStatus(NamedTuple):
    """All refs, worst first, and the sync point that was made last here.

    `unreachable` is why the remote could not be asked: then what it has is from memory.
    `conflicts` are the places where documents carry conflict markers.
    """

    agency: Agency
    refs: tuple[RefStanding, ...]
    last: SyncPoint | None
    unreachable: UnreachableError | BusyError | None = None
    conflicts: tuple[ConflictPlace, ...] = ()

    def number(self, standing: str) -> int:
        """Returns how many refs have this standing."""
        return sum(ref.standing == standing for ref in self.refs)

    def without(self, refs: Collection[str]) -> SyncStatus:
        """Returns the same without those of `refs` that are equal on both sides."""
        kept = tuple(each for each in self.refs if each.ref not in refs or each.mine != each.theirs)
        named = {each.ref for each in kept}
        return self._replace(
            refs=kept, conflicts=tuple(place for place in self.conflicts if place.ref in named)
        )


def sync_status(syncing: Syncing) -> SyncStatus:
    """Returns how every ledger stands; from memory if the Agency cannot be reached."""
    unreachable: UnreachableError | BusyError | None = None
    try:
        theirs = syncing.remote.heads()
    except (UnreachableError, BusyError) as error:
        theirs, unreachable = syncing.remote.remembered(), error
    mine, theirs = _compared(syncing, syncing.refs.heads()), _compared(syncing, theirs)
    standings = _standings(syncing, mine, theirs)
    conflicts = tuple(syncing.refs.conflicts(mine))
    marked = {place.ref for place in conflicts}
    refs = [
        RefStanding(ref, CONFLICTED if ref in marked else standing, mine.get(ref, ""), theirs.get(ref, ""))
        for ref, standing in standings.items()
    ]
    refs.sort(key=lambda ref: (STANDINGS.index(ref.standing), ref.ref))
    return SyncStatus(syncing.agency, tuple(refs), syncing.points.latest(), unreachable, conflicts)


def _compared(syncing: Syncing, heads: Mapping[str, str]) -> dict[str, str]:
    """Returns the refs that somebody works on: no sync points, and nothing that only a newer idse knows."""
    return {ref: head for ref, head in heads.items() if not ref.startswith(SYNC) and syncing.kinds.named(ref)}


def _standings(syncing: Syncing, mine: Mapping[str, str], theirs: Mapping[str, str]) -> dict[str, str]:
    both = [ref for ref, head in mine.items() if theirs.get(ref, head) != head]
    known = syncing.refs.known({theirs[ref] for ref in both})
    unknown = {ref: theirs[ref] for ref in both if theirs[ref] not in known}
    with syncing.remote.fetch(unknown) as objects:
        found = syncing.refs.relations([(mine[ref], theirs[ref]) for ref in both], objects)
    standings = dict(zip(both, found, strict=True))
    for ref in (*mine, *theirs):
        only_here = EQUAL if ref in theirs else AHEAD
        standings.setdefault(ref, only_here if ref in mine else BEHIND)
    return standings
