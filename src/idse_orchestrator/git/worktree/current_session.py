"""Makes a session the current one of a work tree, whatever a killed git left in the way."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from idse_orchestrator.git.ledger.lock import ledger_lock
from idse_orchestrator.git.ledger.ref_update import PATIENCE, wait_for_lock_file
from idse_orchestrator.git.program import failure
from idse_orchestrator.git.ref_names import session_ref

if TYPE_CHECKING:
    from collections.abc import Iterable

    from idse_orchestrator.git.repository import Repository

_LOCKED = b".lock': File exists"


def point_at(repository: Repository, refs: Iterable[str], project: str, session: str) -> None:
    """Make `refs`, which belong to the work tree, symbolic refs to a session."""
    reason, target = f"idse: switch to {project}/{session}", session_ref(project, session)
    with ledger_lock(repository, name="current.lock"):
        for ref in refs:
            _point(repository, ref, target, reason)


def _point(repository: Repository, ref: str, target: str, reason: str) -> None:
    command, deadline = ("symbolic-ref", "-m", reason, ref, target), time.monotonic() + PATIENCE
    while (done := repository.git.attempt(*command)).returncode != 0:
        if _LOCKED not in done.stderr or time.monotonic() > deadline:
            raise failure(command, done)
        wait_for_lock_file(os.path.join(repository.git_dir, f"{ref}.lock"))
