"""Compares the ledgers here with those at the Agency; changes nothing on either side."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import NamedTuple

from idse_orchestrator.errors import UnreachableError
from idse_orchestrator.ledger.refs import SYNC
from idse_orchestrator.ledger.sync_point import SyncPoint
from idse_orchestrator.sync.agency import Agency
from idse_orchestrator.sync.published_refs import AHEAD, BEHIND, DIVERGED, EQUAL
from idse_orchestrator.sync.syncing import Syncing

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


@dataclass(frozen=True, slots=True)
class SyncStatus:
    """All refs, worst first, and the sync point that was made last here.

    `unreachable` is why the remote could not be asked: then what it has is from memory.
    """

    agency: Agency
    refs: tuple[RefStanding, ...]
    last: SyncPoint | None
    unreachable: UnreachableError | None = None

    def count(self, standing: str) -> int:
        """Returns how many refs have this standing."""
        return sum(ref.standing == standing for ref in self.refs)


def sync_status(syncing: Syncing) -> SyncStatus:
    """Returns how every ledger stands; from memory if the Agency cannot be reached."""
    unreachable = None
    try:
        theirs = syncing.remote.heads()
    except UnreachableError as error:
        theirs, unreachable = syncing.remote.remembered(), error
    mine, theirs = _compared(syncing, syncing.refs.heads()), _compared(syncing, theirs)
    standings = _standings(syncing, mine, theirs)
    marked = syncing.refs.conflicted(mine)
    refs = [
        RefStanding(ref, CONFLICTED if ref in marked else standing, mine.get(ref, ""), theirs.get(ref, ""))
        for ref, standing in standings.items()
    ]
    refs.sort(key=lambda ref: (STANDINGS.index(ref.standing), ref.ref))
    return SyncStatus(syncing.agency, tuple(refs), syncing.points.latest(), unreachable)


def _compared(syncing: Syncing, heads: Mapping[str, str]) -> dict[str, str]:
    """Returns the refs that somebody works on: no sync points, and nothing that only a newer idse knows."""
    return {ref: head for ref, head in heads.items() if not ref.startswith(SYNC) and syncing.kinds.named(ref)}


def _standings(syncing: Syncing, mine: Mapping[str, str], theirs: Mapping[str, str]) -> dict[str, str]:
    both = [ref for ref, head in mine.items() if theirs.get(ref, head) != head]
    known = syncing.refs.known({theirs[ref] for ref in both})
    unknown = {ref: theirs[ref] for ref in both if theirs[ref] not in known}
    with syncing.remote.fetch(unknown) if unknown else nullcontext(None) as objects:
        found = syncing.refs.relations([(mine[ref], theirs[ref]) for ref in both], objects)
    standings = dict(zip(both, found, strict=True))
    for ref in (*mine, *theirs):
        only_here = EQUAL if ref in theirs else AHEAD
        standings.setdefault(ref, only_here if ref in mine else BEHIND)
    return standings
