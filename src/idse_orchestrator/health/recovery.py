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
from idse_orchestrator.git.libgit2 import STALE_AFTER_SECONDS, write_failure
from idse_orchestrator.git.vault import ledger_lock
from idse_orchestrator.health.refs import published_refs

if TYPE_CHECKING:
    from idse_orchestrator.ledger.kinds import Kinds
    from idse_orchestrator.worktree.work_tree import WorkTree

_PIECE = re.compile(r"(?:index\.(\d+)(?:\.lock)?|.*\.(\d+)\.tmp|.*\.new(\d+))")


def stale_locks(work_tree: WorkTree) -> Sequence[str]:
    """Lock files of ledgers and of this work tree's sessions, by path in the git directory."""
    found = []
    for base, refs in ((work_tree.common_dir, "refs/idse"), (work_tree.git_dir, "refs/worktree/idse")):
        for folder, _, names in os.walk(os.path.join(base, refs)):
            paths = [os.path.join(folder, name) for name in names if name.endswith(".lock")]
            found += [os.path.relpath(path, base) for path in paths if _age(path) > STALE_AFTER_SECONDS]
    return sorted(found)


def remove_stale_locks(work_tree: WorkTree) -> str:
    """Remove what `stale_locks` finds, under the ledger lock; what was done."""
    with ledger_lock(work_tree):
        stale = stale_locks(work_tree)
        for name in stale:
            base = work_tree.common_dir if name.startswith("refs/idse") else work_tree.git_dir
            _remove(os.path.join(base, name))
    return f"removed {', '.join(stale)}" if stale else "they were gone already"


def leftovers(work_tree: WorkTree) -> Sequence[str]:
    """Temporary files in idse's own folders whose process does not live any more, by absolute path."""
    return sorted(
        path
        for folder in dict.fromkeys((work_tree.private, os.path.join(work_tree.git_dir, "idse")))
        for path in _files(folder)
        if (found := _PIECE.fullmatch(os.path.basename(path)))
        and not _is_alive(int(next(filter(None, found.groups()))))
        and _age(path) > STALE_AFTER_SECONDS
    )


def remove_leftovers(work_tree: WorkTree) -> str:
    """Remove what `leftovers` finds, under the ledger lock; what was done."""
    with ledger_lock(work_tree):
        found = leftovers(work_tree)
        for path in found:
            _remove(path)
    return f"removed {len(found)} files" if found else "they were gone already"


def spooled(work_tree: WorkTree) -> int:
    """How many commits wait in the spool."""
    try:
        return len(os.listdir(os.path.join(work_tree.private, "spool")))
    except OSError:
        return 0


def drain_spool(record: Callable[[], int], drain: Callable[[], Sequence[str]]) -> str:
    """Let `record` record what was missed, and `drain` turn the spool into notes; what was done."""
    recorded = record()
    changed = len(drain())
    told = f"recorded {counted(recorded, 'commit')}, " if recorded else ""
    return f"{told}wrote {counted(changed, 'note')}"


def refs_without_log(work_tree: WorkTree, kinds: Kinds) -> Sequence[str]:
    """Ledgers and notes that have no reflog. Refs that hold something else are none of our business."""
    names = published_refs(work_tree, kinds).ours
    return [name for name in names if not os.path.isfile(os.path.join(work_tree.common_dir, "logs", name))]


def write_reflogs(work_tree: WorkTree, kinds: Kinds) -> str:
    """Begin the reflogs that are missing; what was done."""
    from idse_orchestrator.git.libgit2 import libgit2, open_repository

    missing = refs_without_log(work_tree, kinds)
    with ledger_lock(work_tree):
        backend = libgit2().RefdbFsBackend(open_repository(work_tree.common_dir))
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
