"""What a sync that was stopped leaves behind: objects nobody judged, and pushes whose end is not known."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from idse_orchestrator.domain.text import counted
from idse_orchestrator.git.identity import known_replica_id
from idse_orchestrator.git.ref_names import sync_ref
from idse_orchestrator.git.sync.incoming import dead_folders, remove_leftovers
from idse_orchestrator.git.sync.points import PENDING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from idse_orchestrator.git.repository import Repository

OLD_SECONDS = 24 * 3600
"""A push is over after a day, whatever became of it."""


class SyncLeftovers(NamedTuple):
    """`folders` of processes that are gone, and sync points that were sent more than a day ago.

    Those that are `settled` are known to have arrived: this clone's sync points stand on them. Of those
    that are `open` only the Agency can tell.
    """

    folders: Sequence[str]
    settled: Sequence[str]
    open: Sequence[str]


def sync_leftovers(repository: Repository) -> SyncLeftovers:
    """What is there now; writes nothing."""
    git, own = repository.git, sync_ref(known_replica_id(repository.private))
    old = time.time() - OLD_SECONDS
    rows = git.lines("for-each-ref", "--format=%(objectname) %(committerdate:unix)", PENDING)
    sent = [name for name, _, at in (row.partition(" ") for row in rows) if at and int(at) < old]
    settled = [name for name in sent if git.attempt("merge-base", "--is-ancestor", name, own).returncode == 0]
    return SyncLeftovers(
        dead_folders(repository.private), settled, [name for name in sent if name not in settled]
    )


def remove_sync_leftovers(repository: Repository) -> str:
    """Remove the folders, and forget what is settled; what was done."""
    found = sync_leftovers(repository)
    if found.folders:
        remove_leftovers(repository.private)
    for name in found.settled:
        repository.git.attempt("update-ref", "-d", PENDING + name, name)
    return f"removed {told(found._replace(open=()))}" if any(found[:2]) else "nothing that is safe to remove"


def told(found: SyncLeftovers) -> str:
    """`found` in words."""
    folders, pushes = len(found.folders), len(found.settled) + len(found.open)
    words = []
    if folders:
        words.append(f"{counted(folders, 'folder')} of objects that were never taken in")
    if pushes:
        words.append(f"{pushes} push{'es' if pushes > 1 else ''} from days ago whose end is not known")
    return " and ".join(words)
