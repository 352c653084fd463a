"""Record later what could not be recorded when it happened."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from idse_orchestrator.app.ledger_values import CodeChange, Missed, SessionKey
from idse_orchestrator.app.record_commit import Recorder, record_commit
from idse_orchestrator.errors import BusyError, IdseError, StorageError

_ENOUGH = 5
"""After so many failures the rest waits for the next command."""


class MissedCommits(Protocol):
    """Commits, merges and rebases of this work tree that wait to be recorded."""

    def waiting(self) -> Sequence[Missed]:
        """All of them, the oldest first."""

    def change(self, missed: Missed) -> CodeChange | None:
        """What it brought; None where git does not have its commits any more."""

    def is_recorded(self, key: SessionKey, code: str) -> bool:
        """Whether the ledger of a session has an edit that came with the commit `code`."""

    def postpone(self, missed: Missed) -> None:
        """It is the youngest from now on."""

    def forget(self, missed: Missed) -> None:
        """It waits no longer."""


def record_missed(recorder: Recorder, missed: MissedCommits, tell: Callable[[str], None]) -> int:
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


def _record(recorder: Recorder, missed: MissedCommits, each: Missed) -> str:
    change = missed.change(each)
    if change is None:
        return f"never recorded {each.after[:7]}: git does not have it any more"
    recorded = record_commit(recorder, change, single=not each.before, is_recorded=missed.is_recorded)
    names = ", ".join("/".join(session.key) for session in recorded.sessions) or "no session"
    return f"recorded {each.after[:7]} later in {names}"
