"""What every sync works with, and the words both directions share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from idse_orchestrator.app.sync.outcome import REFUSED, RefOutcome, SyncOutcome
from idse_orchestrator.app.sync.values import Agency
from idse_orchestrator.domain.sync.sync_point import RefMove

if TYPE_CHECKING:
    from idse_orchestrator.app.sync.ports import Guard, Joiner, PublishedRefs, Remote, SyncPoints
    from idse_orchestrator.domain.ledger.defects import Defect

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
