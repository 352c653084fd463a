"""What this work tree last gave to a session's ledger, and on top of which code commits.

An edit is applied to a ledger as what changed since then. The parent commit's file alone would be the
wrong base after a save, an amend or a second save: a document would conflict with itself. Losing this
record loses nothing; the parent commit is the base again.
"""

from __future__ import annotations

import os
import re
import time
from typing import TYPE_CHECKING, NamedTuple

from idse_orchestrator.base.files import make_folder, write_atomically
from idse_orchestrator.git.lock import ledger_lock
from idse_orchestrator.git.program import failure
from idse_orchestrator.git.ref_update import PATIENCE, wait_for_lock_file
from idse_orchestrator.ledger.refs import session_ref

if TYPE_CHECKING:
    from collections.abc import Iterable

    from idse_orchestrator.worktree.work_tree import WorkTree

_WORD = re.compile(r"[0-9a-f]{40}|-", re.ASCII)
_NOTHING = "-"


class Contribution(NamedTuple):
    """The session's folder as `tree` ("" : empty), given while HEAD was one of `heads` ("" : none)."""

    tree: str
    heads: tuple[str, ...]


def last_contribution(work_tree: WorkTree, project: str, session: str) -> Contribution | None:
    """The last contribution of this work tree, or None when there is none that can be read."""
    try:
        with open(_path(work_tree, project, session), encoding="ascii") as file:
            words = file.read(4096).split()
    except (OSError, UnicodeDecodeError):
        return None
    if len(words) < 2 or not all(_WORD.fullmatch(word) for word in words):
        return None
    tree, *heads = ("" if word == _NOTHING else word for word in words)
    return Contribution(tree, tuple(heads))


def remember_contribution(
    work_tree: WorkTree, project: str, session: str, contribution: Contribution
) -> None:
    """Keep `contribution` as the last one of this work tree."""
    path = _path(work_tree, project, session)
    make_folder(os.path.dirname(path))
    words = [word or _NOTHING for word in (contribution.tree, *contribution.heads)]
    write_atomically(path, " ".join(words).encode() + b"\n")


def _path(work_tree: WorkTree, project: str, session: str) -> str:
    """In this work tree's own git directory, not the common one."""
    return os.path.join(work_tree.git_dir, "idse", "contributed", project, session)


_LOCKED = b".lock': File exists"


def point_at(work_tree: WorkTree, refs: Iterable[str], project: str, session: str) -> None:
    """Make `refs`, which belong to the work tree, symbolic refs to a session."""
    reason, target = f"idse: switch to {project}/{session}", session_ref(project, session)
    with ledger_lock(work_tree, name="current.lock"):
        for ref in refs:
            _point(work_tree, ref, target, reason)


def _point(work_tree: WorkTree, ref: str, target: str, reason: str) -> None:
    command, deadline = ("symbolic-ref", "-m", reason, ref, target), time.monotonic() + PATIENCE
    while (done := work_tree.git.attempt(*command)).returncode != 0:
        if _LOCKED not in done.stderr or time.monotonic() > deadline:
            raise failure(command, done)
        wait_for_lock_file(os.path.join(work_tree.git_dir, f"{ref}.lock"))
