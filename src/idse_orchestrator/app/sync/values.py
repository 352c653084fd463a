"""Values that pass between a sync and its ports; apart from these, since a Protocol costs time to make."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from idse_orchestrator.domain.sync.sync_point import RefMove

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
