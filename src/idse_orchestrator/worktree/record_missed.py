"""Record later what could not be recorded when it happened."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from idse_orchestrator.errors import BusyError, IdseError, StorageError
from idse_orchestrator.worktree.record_commit import Recorder, record_commit

if TYPE_CHECKING:
    from idse_orchestrator.worktree.code_commits import Missed
    from idse_orchestrator.worktree.spool import GitMissedCommits

_ENOUGH = 5
"""After so many failures the rest waits for the next command."""


def record_missed(recorder: Recorder, missed: GitMissedCommits, tell: Callable[[str], None]) -> int:
    """Record what waits, in order, and `tell` about each; how many of them wait no longer.

    A ledger that is busy, or a disk that is full, leaves it and all after it waiting. What fails for another
    reason waits behind the others, so that a command never tries many in vain.
    """
    done = failures = 0
    for each in missed.waiting():
        try:
            tell(_record(recorder, missed, each))
        except IdseError as error:
            tell(f"still not recorded {each.after[:7]}: {error.message}")
            failures += 1
            if isinstance(error, BusyError | StorageError) or failures == _ENOUGH:
                break
            missed.postpone(each)
            continue
        missed.forget(each)
        done += 1
    return done


def _record(recorder: Recorder, missed: GitMissedCommits, each: Missed) -> str:
    change = missed.change(each)
    if change is None:
        return f"never recorded {each.after[:7]}: git does not have it any more"
    recorded = record_commit(recorder, change, single=not each.before, is_recorded=missed.is_recorded)
    names = ", ".join("/".join(session.key) for session in recorded.sessions) or "no session"
    return f"recorded {each.after[:7]} later in {names}"
