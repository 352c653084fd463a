"""What syncing needs of git, as Protocols. Refs are full names, ids 40 hexadecimal digits.

"Published refs" are those under ``refs/idse/``; nothing else is ever read from or sent to an Agency.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from idse_orchestrator.ledger.sync_point import RefMove, SyncPoint

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from idse_orchestrator.ledger.defects import Defect
    from idse_orchestrator.sync.outcome import PushReport


class Incoming(Protocol):
    """Objects that came from a remote and that nothing here refers to yet: readable, not installed."""

    @property
    def folder(self) -> str:
        """The object folder to read besides the repository's own."""

    def keep(self) -> None:
        """Move the objects into the repository's own store. Without it they go with the ``with`` block."""


class Remote(Protocol):
    """One Agency, reached by the git program.

    Every method may raise UnreachableError (exit 5), NotAuthorizedError (exit 4), or GitFailedError.
    """

    def settled(self) -> int | None:
        """How many ledgers and notes there are, if both sides have the very same; None if anything differs.

        The cheapest question there is: `heads` that follows asks nobody again.
        """

    def heads(self) -> Mapping[str, str]:
        """Ref to id of every published ref that the remote has."""

    def fetch(self, wanted: Mapping[str, str]) -> AbstractContextManager[Incoming]:
        """Bring the objects of `wanted` (ref to id, as `heads` said) without moving any ref."""

    def push(self, moves: Sequence[RefMove]) -> PushReport:
        """Move refs on the remote, all or none, forward only, each only from its `old`."""

    def track(self, heads: Mapping[str, str]) -> None:
        """Remember `heads` as what the remote has, as far as the objects are here."""

    def remembered(self) -> Mapping[str, str]:
        """Ref to id of what the remote had when it was reached last; asks nobody."""


class Guard(Protocol):
    """Judges ledgers before they may come in or go out. A Defect that is a note is no reason to refuse."""

    def incoming(
        self, moves: Iterable[RefMove], objects: Incoming | None, there: Iterable[str]
    ) -> Mapping[str, Sequence[Defect]]:
        """What is wrong with what a remote has, by ref: only refs with defects are there.

        `old` is the local id ("" : we have none), `new` the remote's. `there` are all local ref names,
        for names that differ only in case; `objects` is None where all of it is here. What is reachable
        from `old` was judged before.
        """

    def outgoing(self, moves: Iterable[RefMove]) -> Mapping[str, Sequence[Defect]]:
        """What keeps local refs from being published, by ref.

        `old` is what the remote has ("" : nothing). What is reachable from it is published already.
        """


class Joiner(Protocol):
    """Merges of ledgers, notes included. M(a, b) is a pure function of the two commits."""

    def join(self, ref: str, one: str, other: str) -> str:
        """Id of M(one, other), which is written to the object store. `ref` says which kind it is."""


class PublishedRefs(Protocol):
    """The published refs of this repository."""

    def heads(self) -> Mapping[str, str]:
        """Ref to id of all of them."""

    def relations(self, pairs: Iterable[tuple[str, str]], objects: Incoming | None) -> Sequence[str]:
        """For each (mine, theirs) one of EQUAL, AHEAD, BEHIND, DIVERGED; both must be readable."""

    def known(self, ids: Iterable[str]) -> frozenset[str]:
        """Those of `ids` whose commit is in this repository."""

    def conflicted(self, refs: Iterable[str]) -> frozenset[str]:
        """Those of `refs` whose documents carry conflict markers."""

    def move(self, moves: Iterable[RefMove], reason: str) -> Sequence[RefMove]:
        """Compare-and-swap each ref; the moves that were not done because somebody was faster."""


class SyncPoints(Protocol):
    """The sync points of this replica, on ``refs/idse/sync/<replica>``."""

    @property
    def ref(self) -> str:
        """Ref of this replica's sync points."""

    def settle(self, theirs: str) -> str:
        """Agree with the remote, whose tip of `ref` is `theirs` ("" : it has none); the ref it is now.

        A sync point that arrived although its push seemed to fail becomes ours. Where somebody else wrote
        to our ref, this clone is a copy: it goes on under a new replica id, and keeps what it had.
        """

    def prepare(self, direction: str, remote: str, moves: Iterable[RefMove]) -> RefMove:
        """A new sync point, written but not visible: the move that `publish` makes, or a push."""

    def publish(self, move: RefMove) -> None:
        """Make a prepared sync point visible."""

    def arrived(self, move: RefMove) -> None:
        """Make a prepared sync point visible whose push the remote has accepted."""

    def refused(self, move: RefMove) -> None:
        """Forget a prepared sync point of which the remote said that it did not take it."""

    def latest(self) -> SyncPoint | None:
        """The last sync point of this replica, or None."""
