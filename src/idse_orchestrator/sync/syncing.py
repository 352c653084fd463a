"""What every sync works with, and the words both directions share."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from functools import cached_property
from typing import TYPE_CHECKING

from idse_orchestrator.git.lock import ledger_lock
from idse_orchestrator.ledger.sync_point import RefMove
from idse_orchestrator.sync.outcome import REFUSED, Agency, RefOutcome, SyncOutcome
from idse_orchestrator.sync.published_refs import GitPublishedRefs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from idse_orchestrator.git.vault import Vault
    from idse_orchestrator.ledger.defects import Defect
    from idse_orchestrator.ledger.events import Acting
    from idse_orchestrator.ledger.merge.joiner import GitJoiner
    from idse_orchestrator.sync.ports import Guard, Joiner, PublishedRefs, Remote, SyncPoints
    from idse_orchestrator.sync.transport import GitRemote

SYNC_REFS = "refs/idse/sync/"
UNKNOWN = "unknown-ref"
"""Code of the note on a ref of a kind that only a newer idse knows."""
TRIES = 30
"""Rounds in which others may be faster: with eight clones that push at once, the last needs eight."""


class Syncing:
    """The parts of a sync. `pause` sleeps after the given number of failed tries, longer each time.

    All but the first three are made when they are first needed: mostly there is nothing to do.
    """

    def __init__(  # noqa: PLR0913 - it is the list of parts
        self,
        agency: Agency,
        remote: Remote,
        refs: PublishedRefs,
        pause: Callable[[int], None],
        *,
        make_points: Callable[[], SyncPoints],
        make_guard: Callable[[], Guard],
        make_joiner: Callable[[], Joiner],
    ) -> None:
        self.agency = agency
        self.remote = remote
        self.refs = refs
        self.pause = pause
        self._make_points = make_points
        self._make_guard = make_guard
        self._make_joiner = make_joiner

    @cached_property
    def points(self) -> SyncPoints:
        """The sync points of this clone."""
        return self._make_points()

    @cached_property
    def guard(self) -> Guard:
        """What judges ledgers that come in or go out."""
        return self._make_guard()

    @cached_property
    def joiner(self) -> Joiner:
        """What joins histories."""
        return self._make_joiner()


def no_news(syncing: Syncing, direction: str) -> SyncOutcome | None:
    """The outcome of a sync that finds the very same on both sides, as most do; None where it does not."""
    equal = syncing.remote.settled()
    return None if equal is None else SyncOutcome(syncing.agency, direction, (), equal)


def noteworthy(moves: Sequence[RefMove]) -> list[RefMove]:
    """Those moves a sync point is made for: were it made for sync points too, two clones would never end."""
    return [move for move in moves if not move.ref.startswith(SYNC_REFS)]


def refusals(
    moves: Sequence[RefMove], defects: Mapping[str, Sequence[Defect]], hint: str = ""
) -> list[RefOutcome]:
    """The outcome of each move that has a defect; `hint` stands in for the defect's own."""
    found = []
    for move in moves:
        grave = [defect for defect in defects.get(move.ref, ()) if not defect.is_note]
        if grave:
            first = grave[0]
            at = f" at {first.commit[:12]}" if first.commit else ""
            more = f" (and {len(grave) - 1} more)" if len(grave) > 1 else ""
            why = f"{first.code}{at}: {first.what}{more}"
            found.append(RefOutcome(move.ref, REFUSED, move.old, move.new, why, hint or first.hint))
    return found


def permitted(moves: Sequence[RefMove], defects: Mapping[str, Sequence[Defect]]) -> list[RefMove]:
    """The moves that nothing speaks against; a ref of a kind that only a newer idse knows stays as it is."""
    return [
        move
        for move in moves
        if all(defect.is_note and defect.code != UNKNOWN for defect in defects.get(move.ref, ()))
    ]


PATIENCE_SECONDS = 600.0
"""How long a sync waits for another one in this repository: it may be sending much."""
_LONGEST_PAUSE = 2.0
_FIRST_PAUSE = 0.05


@contextmanager
def open_syncing(
    vault: Vault, agency: Agency, remote: GitRemote, actor: Acting, *, alone: bool = True
) -> Iterator[Syncing]:
    """The parts of a sync with `agency`; with `alone` no other sync runs here until the block ends.

    `actor` signs the sync points.
    """
    refs = GitPublishedRefs(vault)
    syncing = Syncing(
        agency,
        remote,
        refs,
        pause,
        make_points=lambda: _points(vault, refs, actor),
        make_guard=lambda: _guard(vault),
        make_joiner=lambda: _joiner(vault),
    )
    lock = ledger_lock(vault, PATIENCE_SECONDS, "sync.lock") if alone else nullcontext()
    try:
        with lock:
            yield syncing
    finally:
        remote.close()


def _points(vault: Vault, refs: GitPublishedRefs, actor: Acting) -> SyncPoints:
    from idse_orchestrator.sync.points import GitSyncPoints

    return GitSyncPoints(vault, refs, actor)


def _guard(vault: Vault) -> Guard:
    from idse_orchestrator.sync.guard import GitGuard

    return GitGuard(vault, lambda folder: _joiner(vault, folder))


def _joiner(vault: Vault, folder: str | None = None) -> GitJoiner:
    from idse_orchestrator.ledger.merge.joiner import GitJoiner

    return GitJoiner(vault, folder)


def pause(attempt: int) -> None:
    """Wait a random time, longer after each try, so that clones that collided do not do so again."""
    longest = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**attempt)
    time.sleep(longest * int.from_bytes(os.urandom(2), "big") / 0xFFFF)
