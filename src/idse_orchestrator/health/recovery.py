"""What killed processes leave behind in a git directory, and how it is cleared away safely.

Everything is done under the ledger lock, and only to what is old enough or whose process is gone.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from idse_orchestrator.base.files import storage_error
from idse_orchestrator.base.text import counted
from idse_orchestrator.git.lock import ledger_lock
from idse_orchestrator.git.ref_update import STALE_AFTER_SECONDS, write_failure
from idse_orchestrator.health.refs import published_refs

if TYPE_CHECKING:
    from idse_orchestrator.git.repository import Repository

_PIECE = re.compile(r"(?:index\.(\d+)(?:\.lock)?|.*\.(\d+)\.tmp|.*\.new(\d+))")


def stale_locks(repository: Repository) -> Sequence[str]:
    """Lock files of ledgers and of this work tree's sessions, by path in the git directory."""
    found = []
    for base, refs in ((repository.common_dir, "refs/idse"), (repository.git_dir, "refs/worktree/idse")):
        for folder, _, names in os.walk(os.path.join(base, refs)):
            paths = [os.path.join(folder, name) for name in names if name.endswith(".lock")]
            found += [os.path.relpath(path, base) for path in paths if _age(path) > STALE_AFTER_SECONDS]
    return sorted(found)


def remove_stale_locks(repository: Repository) -> str:
    """Remove what `stale_locks` finds, under the ledger lock; what was done."""
    with ledger_lock(repository):
        stale = stale_locks(repository)
        for name in stale:
            base = repository.common_dir if name.startswith("refs/idse") else repository.git_dir
            _remove(os.path.join(base, name))
    return f"removed {', '.join(stale)}" if stale else "they were gone already"


def leftovers(repository: Repository) -> Sequence[str]:
    """Temporary files in idse's own folders whose process does not live any more, by absolute path."""
    return sorted(
        path
        for folder in dict.fromkeys((repository.private, os.path.join(repository.git_dir, "idse")))
        for path in _files(folder)
        if (found := _PIECE.fullmatch(os.path.basename(path)))
        and not _is_alive(int(next(filter(None, found.groups()))))
        and _age(path) > STALE_AFTER_SECONDS
    )


def remove_leftovers(repository: Repository) -> str:
    """Remove what `leftovers` finds, under the ledger lock; what was done."""
    with ledger_lock(repository):
        found = leftovers(repository)
        for path in found:
            _remove(path)
    return f"removed {len(found)} files" if found else "they were gone already"


def spooled(repository: Repository) -> int:
    """How many commits wait in the spool."""
    try:
        return len(os.listdir(os.path.join(repository.private, "spool")))
    except OSError:
        return 0


def drain_spool(repository: Repository, record: Callable[[], int]) -> str:
    """Let `record` record what was missed, and turn the spool into notes; what was done."""
    from idse_orchestrator.worktree.spool import drain

    recorded = record()
    changed = len(drain(repository))
    told = f"recorded {counted(recorded, 'commit')}, " if recorded else ""
    return f"{told}wrote {counted(changed, 'note')}"


def refs_without_log(repository: Repository) -> Sequence[str]:
    """Ledgers and notes that have no reflog. Refs that hold something else are none of our business."""
    names = published_refs(repository).ours
    return [name for name in names if not os.path.isfile(os.path.join(repository.common_dir, "logs", name))]


def write_reflogs(repository: Repository) -> str:
    """Begin the reflogs that are missing; what was done."""
    from idse_orchestrator.git.libgit2 import libgit2, open_repository

    missing = refs_without_log(repository)
    with ledger_lock(repository):
        backend = libgit2().RefdbFsBackend(open_repository(repository.common_dir))
        for name in missing:
            try:
                backend.ensure_log(name)
            except (libgit2().GitError, OSError) as error:
                raise write_failure(name, error) from error
    return f"began {counted(len(missing), 'reflog')}"


def _files(folder: str) -> Iterator[str]:
    for inner, _, names in os.walk(folder):
        yield from (os.path.join(inner, name) for name in names)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True  # it is somebody else's
    return True


def _age(path: str) -> float:
    try:
        return time.time() - os.lstat(path).st_mtime
    except OSError:
        return 0.0  # gone: nobody's trouble


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return
    except OSError as error:
        raise storage_error(error, path) from error
