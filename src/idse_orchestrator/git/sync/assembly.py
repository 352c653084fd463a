"""Puts the parts of a sync together for one repository and one Agency."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

from idse_orchestrator.app.sync.syncing import Syncing
from idse_orchestrator.git.ledger.lock import ledger_lock
from idse_orchestrator.git.sync.published_refs import GitPublishedRefs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from idse_orchestrator.app.sync.ports import Guard, SyncPoints
    from idse_orchestrator.app.sync.values import Agency
    from idse_orchestrator.git.merge.joiner import GitJoiner
    from idse_orchestrator.git.repository import Repository
    from idse_orchestrator.git.sync.transport import GitRemote

PATIENCE_SECONDS = 600.0
"""How long a sync waits for another one in this repository: it may be sending much."""
_LONGEST_PAUSE = 2.0
_FIRST_PAUSE = 0.05


@contextmanager
def open_syncing(
    repository: Repository, agency: Agency, remote: GitRemote, *, alone: bool = True
) -> Iterator[Syncing]:
    """The parts of a sync with `agency`; with `alone` no other sync runs here until the block ends."""
    refs = GitPublishedRefs(repository)
    syncing = Syncing(
        agency,
        remote,
        refs,
        pause,
        make_points=lambda: _points(repository, refs),
        make_guard=lambda: _guard(repository),
        make_joiner=lambda: _joiner(repository),
    )
    lock = ledger_lock(repository, PATIENCE_SECONDS, "sync.lock") if alone else nullcontext()
    try:
        with lock:
            yield syncing
    finally:
        remote.close()


def _points(repository: Repository, refs: GitPublishedRefs) -> SyncPoints:
    from idse_orchestrator.git.sync.points import GitSyncPoints

    return GitSyncPoints(repository, refs)


def _guard(repository: Repository) -> Guard:
    from idse_orchestrator.git.sync.guard import GitGuard

    return GitGuard(repository, lambda folder: _joiner(repository, folder))


def _joiner(repository: Repository, folder: str | None = None) -> GitJoiner:
    from idse_orchestrator.git.merge.joiner import GitJoiner

    return GitJoiner(repository, folder)


def pause(attempt: int) -> None:
    """Wait a random time, longer after each try, so that clones that collided do not do so again."""
    longest = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**attempt)
    time.sleep(longest * int.from_bytes(os.urandom(2), "big") / 0xFFFF)
