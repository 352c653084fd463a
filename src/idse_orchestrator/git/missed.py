"""What idse could not record when it happened: a full disk, a busy ledger, an idse that cannot be started.

In this work tree's ``<git dir>/idse`` an empty file ``missed-<commit>`` stands for a commit that was made
here, and ``missed-<after>-<before>`` for a merge or a rebase that led from one commit to another. The
name says it all, because an empty file has room on a full disk, too.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from typing import TYPE_CHECKING

from idse_orchestrator.app.ledger_values import Missed
from idse_orchestrator.errors import IdseError
from idse_orchestrator.git.private_files import make_folder
from idse_orchestrator.git.ref_names import session_ref

if TYPE_CHECKING:
    from collections.abc import Sequence

    from idse_orchestrator.app.ledger_values import CodeChange, SessionKey
    from idse_orchestrator.git.repository import Repository

_NAME = re.compile(r"missed-([0-9a-f]{40})(?:-([0-9a-f]{40}))?")


class GitMissedCommits:
    """The `MissedCommits` port on a work tree."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._folder = os.path.join(repository.git_dir, "idse")

    def waiting(self) -> Sequence[Missed]:
        """See `MissedCommits.waiting`."""
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
        """See `MissedCommits.change`."""
        from idse_orchestrator.git.code_commits import GitCodeCommits

        commits = GitCodeCommits(self._repository)
        if not missed.before:
            return commits.commit(missed.after)
        change = commits.between(missed.before, missed.after)
        return change if change.before and change.after else None

    def is_recorded(self, key: SessionKey, code: str) -> bool:
        """See `MissedCommits.is_recorded`."""
        wanted = ("--fixed-strings", "--all-match", "--grep=Idse-Kind: edited", f"--grep=Idse-Code: {code}")
        done = self._repository.git.attempt("log", "-1", "--format=%H", *wanted, session_ref(*key), "--")
        return bool(done.stdout.strip())

    def postpone(self, missed: Missed) -> None:
        """See `MissedCommits.postpone`."""
        with suppress(OSError):
            os.utime(self._path(missed))

    def forget(self, missed: Missed) -> None:
        """See `MissedCommits.forget`."""
        with suppress(OSError):  # gone already, or it cannot go: what is recorded is not recorded twice
            os.unlink(self._path(missed))

    def _path(self, missed: Missed) -> str:
        return os.path.join(self._folder, "-".join(filter(None, ("missed", *missed))))

    def _age(self, missed: Missed) -> tuple[int, Missed]:
        try:
            return os.stat(self._path(missed)).st_mtime_ns, missed
        except OSError:
            return 0, missed
