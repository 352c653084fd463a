"""Record later what could not be recorded when it happened."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from idse_orchestrator.base.files import make_folder
from idse_orchestrator.errors import BusyError, IdseError, StorageError
from idse_orchestrator.ledger.refs import session_ref
from idse_orchestrator.worktree.code_commits import CodeChange, Missed
from idse_orchestrator.worktree.record_commit import Recorder, record_commit

if TYPE_CHECKING:
    from idse_orchestrator.ledger.events import SessionKey
    from idse_orchestrator.worktree.work_tree import WorkTree

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


_NAME = re.compile(r"missed-([0-9a-f]{40})(?:-([0-9a-f]{40}))?")


class GitMissedCommits:
    """Commits, merges and rebases of a work tree that wait to be recorded."""

    def __init__(self, work_tree: WorkTree) -> None:
        self._work_tree = work_tree
        self._folder = os.path.join(work_tree.git_dir, "idse")

    def waiting(self) -> Sequence[Missed]:
        """All of them, the oldest first."""
        try:
            names = os.listdir(self._folder)
        except OSError:
            return []
        found = [Missed(name[1], name[2] or "") for name in map(_NAME.fullmatch, names) if name]
        return sorted(found, key=self._age) if len(found) > 1 else found

    def keep(self, missed: Missed) -> bool:
        """Let `missed` wait; False where not even that is possible."""
        try:
            make_folder(self._folder)
            with open(self._path(missed), "wb"):
                return True
        except (OSError, IdseError):
            return False

    def change(self, missed: Missed) -> CodeChange | None:
        """What it brought; None where git does not have its commits any more."""
        from idse_orchestrator.worktree.code_commits import GitCodeCommits

        commits = GitCodeCommits(self._work_tree)
        if not missed.before:
            return commits.commit(missed.after)
        change = commits.between(missed.before, missed.after)
        return change if change.before and change.after else None

    def is_recorded(self, key: SessionKey, code: str) -> bool:
        """Whether the ledger of a session has an edit that came with the commit `code`."""
        wanted = ("--fixed-strings", "--all-match", "--grep=Idse-Kind: edited", f"--grep=Idse-Code: {code}")
        done = self._work_tree.git.attempt("log", "-1", "--format=%H", *wanted, session_ref(*key), "--")
        return bool(done.stdout.strip())

    def postpone(self, missed: Missed) -> None:
        """It is the youngest from now on."""
        with suppress(OSError):
            os.utime(self._path(missed))

    def forget(self, missed: Missed) -> None:
        """It waits no longer."""
        with suppress(OSError):  # gone already, or it cannot go: what is recorded is not recorded twice
            os.unlink(self._path(missed))

    def _path(self, missed: Missed) -> str:
        return os.path.join(self._folder, "-".join(filter(None, ("missed", *missed))))

    def _age(self, missed: Missed) -> tuple[int, Missed]:
        try:
            return os.stat(self._path(missed)).st_mtime_ns, missed
        except OSError:
            return 0, missed
