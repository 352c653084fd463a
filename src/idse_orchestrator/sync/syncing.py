"""The parts of a sync, and the outcomes that both directions share."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from idse_orchestrator.base.files import file_lock, remove_file, write_atomically
from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.errors import EXIT_CHECK_FAILED, EXIT_CONFLICT, EXIT_OK, worst_exit
from idse_orchestrator.ledger.refs import KNOWS_BOXES, PROJECTS, SESSIONS, SYNC
from idse_orchestrator.sync.published_refs import PublishedRefs, RefMove, RulesNews

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from contextlib import AbstractContextManager

    from idse_orchestrator.git.vault import Vault
    from idse_orchestrator.ledger.defects import Defect
    from idse_orchestrator.ledger.events import Acting
    from idse_orchestrator.ledger.kinds import Kinds
    from idse_orchestrator.ledger.merge.conflicts import ConflictPlace
    from idse_orchestrator.ledger.merge.joiner import GitJoiner
    from idse_orchestrator.sync.agency import Agency
    from idse_orchestrator.sync.guard import GitGuard
    from idse_orchestrator.sync.incoming import Incoming
    from idse_orchestrator.sync.points import GitSyncPoints
    from idse_orchestrator.sync.transport import GitRemote

PULLED = "pulled"
MERGED = "merged"
PUSHED = "pushed"
WAITING = "waiting"
REFUSED = "refused"
REJECTED = "rejected"
MOVING = "moving"
RESULTS = (PULLED, MERGED, PUSHED, WAITING, REFUSED, REJECTED, MOVING)
"""Results of one ref: moved forward here; joined here with what we had; sent; would be sent; kept out, or not
sent, because it is no sound ledger; refused by the remote; given up because it kept moving."""

_EXIT = {REFUSED: EXIT_CHECK_FAILED, REJECTED: EXIT_CHECK_FAILED, MOVING: EXIT_CONFLICT}


class RefOutcome(NamedTuple):
    """The outcome of one ref: one of RESULTS, from and to which id, and why where it did not go well."""

    ref: str
    result: str
    old: str
    new: str
    why: str = ""
    hint: str = ""

    @property
    def move(self) -> RefMove:
        """The ref, from and to which id."""
        return RefMove(self.ref, self.old, self.new)


def outcome_of(move: RefMove, result: str, why: str = "", hint: str = "") -> RefOutcome:
    """Returns the outcome of one move."""
    return RefOutcome(move.ref, result, move.old, move.new, why, hint)


class SyncOutcome(NamedTuple):
    """The outcome of one `push` or `pull`.

    `refs` holds what moved or failed to, `equal` counts the refs that were the same already, `point` is
    the sync point that was made ("" : nothing moved that one would be made for). `conflicts` are
    the places where documents of ledgers here carry conflict markers, left by this sync or an earlier one.
    """

    agency: Agency
    direction: str
    refs: tuple[RefOutcome, ...]
    equal: int
    point: str = ""
    conflicts: tuple[ConflictPlace, ...] = ()
    rules: RulesNews = RulesNews()

    @property
    def exit_code(self) -> int:
        """0 only if everything went well."""
        codes = [_EXIT.get(outcome.result, EXIT_OK) for outcome in self.refs]
        return worst_exit([*codes, EXIT_CONFLICT] if self.conflicts else codes)


_CONFLICTS = "conflicts"
"""The file among idse's own that names refs with a conflict, one a line."""

UNKNOWN = "unknown-ref"
"""Code of the note on a ref of a kind that only a newer idse knows."""
TRIES = 30
"""Rounds in which others may be faster: with eight clones that push at once, the last needs eight."""


class Remote(Protocol):
    """A source to pull from: an Agency that git reaches, or a store.

    Refs are full names under ``refs/idse/``, ids 40 hexadecimal digits. Every method may raise
    UnreachableError (exit 5), NotAuthorizedError (exit 4), or GitFailedError.
    """

    def heads(self) -> Mapping[str, str]:
        """Returns ref to id of every published ref that the remote has."""

    def fetch(self, wanted: Mapping[str, str]) -> AbstractContextManager[Incoming | None]:
        """Fetches the objects of `wanted` (ref to id, as `heads` said) without moving any ref.

        Yields None if nothing is wanted.
        """

    def track(self, heads: Mapping[str, str]) -> None:
        """Remembers `heads` as what the remote has, as far as the objects are here."""


class Pulling:
    """The parts of a pull. What judges and joins is made when it is first needed: mostly nothing is new.

    `kinds` gives the kinds of ledgers then.
    """

    def __init__(self, vault: Vault, kinds: Callable[[], Kinds], remote: Remote) -> None:
        self._kinds = kinds
        self.remote = remote
        self.refs = PublishedRefs(vault)
        self._vault = vault

    def conflicts(self, outcomes: Iterable[RefOutcome] = ()) -> tuple[ConflictPlace, ...]:
        """Returns the conflicts in ledgers that moved, as `outcomes` say, and in those that had one before.

        The refs that have one are kept for the next sync: most have none, and none is looked for there.
        """
        path = os.path.join(self._vault.private, _CONFLICTS)
        before: list[str] = []
        with suppress(OSError), open(path, encoding="utf-8", errors="surrogateescape") as file:
            before = file.read().split()
        moved = [each.ref for each in outcomes if each.ref.startswith((SESSIONS, PROJECTS))]
        if not before and not moved:
            return ()
        found = self.refs.conflicts([*before, *moved])
        refs = sorted({place.ref for place in found})
        if refs:
            text = "".join(f"{ref}\n" for ref in refs).encode("utf-8", "surrogateescape")
            write_atomically(path, text)
        elif before:
            remove_file(path)
        return tuple(found)

    @cached_property
    def kinds(self) -> Kinds:
        """All kinds of ledgers."""
        return self._kinds()

    @cached_property
    def guard(self) -> GitGuard:
        """The judge of ledgers that come in or go out."""
        from idse_orchestrator.sync.guard import GitGuard

        return GitGuard(self._vault, self.kinds)

    @cached_property
    def joiner(self) -> GitJoiner:
        """The merger of histories."""
        from idse_orchestrator.ledger.merge.joiner import GitJoiner

        return GitJoiner(self._vault, self.kinds)

    def know_boxes(self, ref: str, tip: str) -> str:  # noqa: ARG002 - for the heirs
        """Lets the ledger at `ref` know boxes where somebody can sign that; returns its tip."""
        return tip

    def take_rules(self) -> RulesNews:
        """Keeps the rules that the remote has; see `sync.rules.take_rules`."""
        return RulesNews()

    def settle(self, theirs: Mapping[str, str]) -> str:  # noqa: ARG002 - for the heirs
        """Agrees with a remote that has `theirs` on the sync points of this clone; returns their ref."""
        return ""


class Syncing(Pulling):
    """The parts of a sync with an Agency, which leaves sync points; `actor` signs them."""

    def __init__(
        self,
        vault: Vault,
        kinds: Callable[[], Kinds],
        agency: Agency,
        remote: GitRemote,
        actor: Acting,
    ) -> None:
        super().__init__(vault, kinds, remote)
        self.agency = agency
        self.remote: GitRemote = remote
        self._actor = actor

    @cached_property
    def points(self) -> GitSyncPoints:
        """The sync points of this clone."""
        from idse_orchestrator.sync.points import GitSyncPoints

        return GitSyncPoints(self._vault, self.refs, self._actor)

    def know_boxes(self, ref: str, tip: str) -> str:
        """See `Pulling.know_boxes`. One that moved on from `tip` stays as it is: the pull looks again."""
        from idse_orchestrator.ledger.events import EDITED, Draft
        from idse_orchestrator.ledger.git_backend import GitBackend
        from idse_orchestrator.ledger.writer import Writer

        named = self.kinds.named(ref)
        if named is None:
            return tip
        backend = GitBackend(self._vault, self._actor)
        writer = Writer(self._vault.private, self.kinds, backend, backend.maker)
        draft = Draft(EDITED, {"changed": {}, "boxes": True})
        tips = writer.append_to(
            named.kind.name, named.names, lambda now: [draft] if now and now.commit == tip else []
        )
        return tips[-1].commit if tips and tips[-1].state.format >= KNOWS_BOXES else tip

    def take_rules(self) -> RulesNews:
        """See `Pulling.take_rules`."""
        if self.remote.rules == self.remote.kept_rules:
            return RulesNews()
        from idse_orchestrator.sync.rules import take_rules

        return take_rules(self._vault, self.remote)

    def settle(self, theirs: Mapping[str, str]) -> str:
        """Agrees with the Agency; see `GitSyncPoints.settle`."""
        return self.points.settle(theirs.get(self.points.ref, ""))


def no_news(syncing: Syncing, direction: str) -> SyncOutcome | None:
    """Returns the outcome of a sync that finds both sides the same, as most do; None if they differ."""
    equal = syncing.remote.settled()
    if equal is None:
        return None
    return SyncOutcome(syncing.agency, direction, (), equal, conflicts=syncing.conflicts())


def without_points(moves: Sequence[RefMove]) -> list[RefMove]:
    """Returns the moves a sync point is made for: for sync points too, two clones would never end."""
    return [move for move in moves if not move.ref.startswith(SYNC)]


def refusals(
    moves: Sequence[RefMove], defects: Mapping[str, Sequence[Defect]], hint: str = ""
) -> list[RefOutcome]:
    """Returns the outcome of each move that has a defect; `hint` replaces the defect's own."""
    found = []
    for move in moves:
        grave = [defect for defect in defects.get(move.ref, ()) if not defect.is_note]
        if grave:
            first = grave[0]
            at = f" at {first.commit[:12]}" if first.commit else ""
            more = f" (and {len(grave) - 1} more)" if len(grave) > 1 else ""
            why = f"{first.code}{at}: {first.what}{more}"
            from idse_orchestrator.ledger.defects import CANNOT_JUDGE

            fix = first.hint if first.code in CANNOT_JUDGE else hint or first.hint
            found.append(outcome_of(move, REFUSED, why, fix))
    return found


def permitted(moves: Sequence[RefMove], defects: Mapping[str, Sequence[Defect]]) -> list[RefMove]:
    """Returns the moves without a defect; a ref of a kind that only a newer idse knows stays as it is."""
    return [
        move
        for move in moves
        if all(defect.is_note and defect.code != UNKNOWN for defect in defects.get(move.ref, ()))
    ]


PATIENCE_SECONDS = 600.0
"""Seconds to wait for another sync in this repository, which may be sending much."""
_LONGEST_PAUSE = 2.0
_FIRST_PAUSE = 0.05


@contextmanager
def open_syncing(
    vault: Vault,
    kinds: Callable[[], Kinds],
    agency: Agency,
    remote: GitRemote,
    actor: Acting,
    *,
    alone: bool = True,
) -> Iterator[Syncing]:
    """Yields the parts of a sync with `agency`; with `alone` no other sync runs here until the block ends.

    `actor` signs the sync points.
    """
    lock = file_lock(vault.private, PATIENCE_SECONDS, "sync.lock") if alone else nullcontext()
    try:
        with lock:
            yield Syncing(vault, kinds, agency, remote, actor)
    finally:
        remote.close()


def pause(attempt: int) -> None:
    """Waits a random time, longer after each try, so that clones that collided do not do so again."""
    longest = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**attempt)
    time.sleep(longest * int.from_bytes(os.urandom(2), "big") / 0xFFFF)
