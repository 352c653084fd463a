"""What syncing needs of git, as Protocols. Refs are full names, ids 40 hexadecimal digits.

"Published refs" are those under ``refs/idse/``; nothing else is ever read from or sent to an Agency.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from idse_orchestrator.domain.ledger_defects import Defect

if TYPE_CHECKING:
    from contextlib import AbstractContextManager


class Agency(NamedTuple):
    """Where to sync: the exact URL, the git remote that has it ("" : none), and who said so."""

    url: str
    remote: str
    origin: str


class RefMove(NamedTuple):
    """One ref from `old` to `new`; `old` is "" where the ref is new."""

    ref: str
    old: str
    new: str


class PushReport(NamedTuple):
    """What the remote did. `rejected` maps a ref to the remote's words; all other moves were accepted.

    `raced`: refs that moved on the remote meanwhile (fetch, merge, push again). With an atomic remote,
    one rejected ref keeps all others from moving: then they are in `rejected` too.
    """

    accepted: tuple[RefMove, ...]
    rejected: Mapping[str, str]
    raced: tuple[str, ...]


class Incoming(Protocol):
    """Objects that came from a remote and that nothing here refers to yet: readable, not installed."""

    def keep(self) -> None:
        """Move the objects into the repository's own store. Without it they go with the ``with`` block."""


class Remote(Protocol):
    """One Agency, reached by the git program.

    Every method may raise UnreachableError (exit 5), NotAuthorizedError (exit 4), or GitFailedError.
    """

    def heads(self) -> Mapping[str, str]:
        """Ref to id of every published ref that the remote has."""

    def fetch(self, wanted: Mapping[str, str]) -> AbstractContextManager[Incoming]:
        """Bring the objects of `wanted` (ref to id, as `heads` said) without moving any ref."""

    def push(self, moves: Sequence[RefMove]) -> PushReport:
        """Move refs on the remote, all or none, forward only, each only from its `old`."""


class Guard(Protocol):
    """Judges ledgers before they may come in or go out. A Defect that is a note is no reason to refuse."""

    def incoming(
        self, moves: Iterable[RefMove], objects: Incoming, there: Iterable[str]
    ) -> Mapping[str, Sequence[Defect]]:
        """What is wrong with what a remote has, by ref: only refs with defects are there.

        `old` is the local id ("" : we have none), `new` the remote's. `there` are all local ref names,
        for names that differ only in case. What is reachable from `old` was judged before.
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

    def move(self, moves: Iterable[RefMove], reason: str) -> Sequence[RefMove]:
        """Compare-and-swap each ref; the moves that were not done because somebody was faster."""


EQUAL = "equal"
AHEAD = "ahead"
BEHIND = "behind"
DIVERGED = "diverged"
