"""What a sync may be run with in more than one way: `GitRemote` or a store, sync points or none.

Refs are full names, ids 40 hexadecimal digits; only refs under ``refs/idse/`` are read or sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from idse_orchestrator.sync.incoming import Incoming
    from idse_orchestrator.sync.points import SyncPoint
    from idse_orchestrator.sync.published_refs import RefMove
    from idse_orchestrator.sync.pushing import PushReport


class Remote(Protocol):
    """One Agency, reached by the git program.

    Every method may raise UnreachableError (exit 5), NotAuthorizedError (exit 4), or GitFailedError.
    """

    def settled(self) -> int | None:
        """Returns the number of ledgers and notes if both sides have the same; None if anything differs.

        The cheapest question there is: `heads` that follows asks nobody again.
        """

    def heads(self) -> Mapping[str, str]:
        """Returns ref to id of every published ref that the remote has."""

    def fetch(self, wanted: Mapping[str, str]) -> AbstractContextManager[Incoming]:
        """Fetches the objects of `wanted` (ref to id, as `heads` said) without moving any ref."""

    def push(self, moves: Sequence[RefMove]) -> PushReport:
        """Moves refs on the remote, all or none, forward only, each only from its `old`."""

    def track(self, heads: Mapping[str, str]) -> None:
        """Remembers `heads` as what the remote has, as far as the objects are here."""

    def remembered(self) -> Mapping[str, str]:
        """Returns ref to id of what the remote had when it was reached last; asks nobody."""


class SyncPoints(Protocol):
    """The sync points of this replica, on ``refs/idse/sync/<replica>``."""

    @property
    def ref(self) -> str:
        """Ref of this replica's sync points."""

    def settle(self, theirs: str) -> str:
        """Agrees with the remote, whose tip of `ref` is `theirs` ("" : none); returns the ref it is now.

        A sync point that arrived although its push seemed to fail becomes ours. Where somebody else wrote
        to our ref, this clone is a copy: it goes on under a new replica id, and keeps what it had.
        """

    def prepare(self, direction: str, remote: str, moves: Iterable[RefMove]) -> RefMove:
        """Writes a new sync point, not visible yet; returns the move that `publish` makes, or a push."""

    def publish(self, move: RefMove) -> None:
        """Makes a prepared sync point visible."""

    def arrived(self, move: RefMove) -> None:
        """Makes a prepared sync point visible whose push the remote accepted."""

    def refused(self, move: RefMove) -> None:
        """Forgets a prepared sync point that the remote refused."""

    def latest(self) -> SyncPoint | None:
        """Returns the last sync point of this replica, or None."""
