"""Values that pass between a sync and its ports; apart from these, since a Protocol costs time to make."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from idse_orchestrator.errors import EXIT_CHECK_FAILED, EXIT_CONFLICT, EXIT_OK
from idse_orchestrator.ledger.sync_point import RefMove

EQUAL = "equal"
AHEAD = "ahead"
BEHIND = "behind"
DIVERGED = "diverged"


class Agency(NamedTuple):
    """Where to sync: the exact URL, the git remote that has it ("" : none), and who said so."""

    url: str
    remote: str
    origin: str


class PushReport(NamedTuple):
    """What the remote did. `rejected` maps a ref to the remote's words; all other moves were accepted.

    `raced`: refs that moved on the remote meanwhile (fetch, merge, push again). With an atomic remote,
    one rejected ref keeps all others from moving: then they are in `rejected` too.
    """

    accepted: tuple[RefMove, ...]
    rejected: Mapping[str, str]
    raced: tuple[str, ...]


PULLED = "pulled"
MERGED = "merged"
PUSHED = "pushed"
WAITING = "waiting"
REFUSED = "refused"
REJECTED = "rejected"
MOVING = "moving"
RESULTS = (PULLED, MERGED, PUSHED, WAITING, REFUSED, REJECTED, MOVING)
"""Brought here; brought here and joined with what we had; sent; would be sent; not taken in or not sent
because it is no sound ledger; not taken by the remote; it kept moving, and we gave up."""

_EXIT = {REFUSED: EXIT_CHECK_FAILED, REJECTED: EXIT_CHECK_FAILED, MOVING: EXIT_CONFLICT}


class RefOutcome(NamedTuple):
    """What came of one ref: one of RESULTS, from and to which id, and why where it did not go well."""

    ref: str
    result: str
    old: str
    new: str
    why: str = ""
    hint: str = ""


class SyncOutcome(NamedTuple):
    """What one `push` or `pull` did.

    `refs` holds what moved or failed to, `equal` counts the refs that were the same already, `point` is
    the sync point that was made ("" : nothing moved that one would be made for). `conflicts` are
    refs whose documents carry conflict markers since a merge.
    """

    agency: Agency
    direction: str
    refs: tuple[RefOutcome, ...]
    equal: int
    point: str = ""
    conflicts: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """0 only when everything went well."""
        codes = {_EXIT.get(outcome.result, EXIT_OK) for outcome in self.refs}
        return EXIT_CHECK_FAILED if EXIT_CHECK_FAILED in codes else max(codes, default=EXIT_OK)
