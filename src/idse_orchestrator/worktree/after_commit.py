"""What is done after a commit that touches no document, for those who call idse instead of its scripts.

The scripts in hooks/ do the same without Python. A hook manager calls ``idse hook post-commit`` itself, and
hands on less than git does: what is missing is read where git keeps it.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from idse_orchestrator.base.files import make_folder, open_or_make
from idse_orchestrator.documents.project_workspace import WORKSPACE
from idse_orchestrator.git.object_stream import EMPTY_TREE, find, headers
from idse_orchestrator.ledger.refs import CURRENT, SESSIONS
from idse_orchestrator.worktree.branches import current_branch, mapping_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from idse_orchestrator.worktree.work_tree import WorkTree

_REBASES = ("rebase-merge/rewritten-list", "rebase-apply/rewritten")
_AMEND = "amend"


class AfterCommit:
    """A work tree whose HEAD has just moved. Writing may raise StorageError and OSError."""

    def __init__(self, work_tree: WorkTree) -> None:
        self._work_tree = work_tree
        self._git = work_tree.git

    def is_rebasing(self) -> bool:
        """Tests whether a rebase is under way: it makes commits only to replace them."""
        places = (
            os.path.join(self._work_tree.git_dir, *name.split("/"))
            for name in ("rebase-merge", "rebase-apply/rebasing")
        )
        return any(map(os.path.exists, places))

    def has_same_documents(self, before: str, after: str) -> bool:
        """Tests whether two commits hold the same under ``.idse/``; `before` may be "" for none."""
        old, new = headers(self._git, (f"{before or EMPTY_TREE}:{WORKSPACE}", f"{after}:{WORKSPACE}"))
        return (old and old.id) == (new and new.id)

    def has_merged(self, before: str) -> bool:
        """Tests whether HEAD is a merge that was made here, on top of `before`."""
        first, second = headers(self._git, ("HEAD^1", "HEAD^2"))
        if first is None or first.id != before or second is None:
            return False  # it came with a fast-forward, or is none
        return b": Fast-forward" not in self._git.attempt("log", "-g", "-1", "--format=%gs", "HEAD").stdout

    def spool(self, commit: str) -> None:
        """Keeps `commit` with the current session and the branch, for its note."""
        branch = current_branch(self._work_tree.git_dir)
        try:
            with open(os.path.join(self._work_tree.git_dir, *CURRENT.split("/")), "rb") as file:
                session = file.readline().rstrip(b"\n")
        except OSError:
            own = (
                self._git.attempt("config", "--local", "--get", mapping_key(branch)).stdout if branch else b""
            )
            session = f"ref: {SESSIONS}".encode() + own.rstrip(b"\n") if own else b""
        if session.startswith(b"ref: refs/idse/sessions/"):
            lines = (session, *((b"branch: " + os.fsencode(branch),) if branch else ()))
            self._keep(commit, b"".join(line + b"\n" for line in lines))

    def spool_rewrites(self, pairs: Sequence[tuple[str, str]]) -> None:
        """Keeps which commit took whose place, old and new."""
        current = os.path.join(self._work_tree.git_dir, *CURRENT.split("/"))
        if not os.path.isdir(self._work_tree.private) and not os.path.isfile(current):
            return
        for old, new in pairs:
            if old != new:
                self._keep(f"{new}-{old}", b"")

    def rewritten(self, how: str, said: str) -> Sequence[tuple[str, str]]:
        """Returns which commit took whose place, old and new: as git `said`, or else as it remembers it."""
        if how == _AMEND and not said.strip():
            old, new = (find(self._git, name) for name in ("HEAD@{1}", "HEAD"))
            return [(old.id, new.id)] if old and new else []
        for name in () if said.strip() else _REBASES:
            path = os.path.join(self._work_tree.git_dir, *name.split("/"))
            if os.path.isfile(path):
                with open(path, encoding="ascii", errors="replace") as file:
                    said = file.read()
        rows = (line.split() for line in said.splitlines())
        return [(row[0], row[1]) for row in rows if len(row) > 1]

    def rebased_from(self) -> str:
        """Returns where the branch stood before the rebase that ends now; "" if git does not say.

        The last pair need not have it: a commit that was dropped is in none.
        """
        for folder in ("rebase-merge", "rebase-apply"):
            path = os.path.join(self._work_tree.git_dir, folder, "orig-head")
            with suppress(OSError), open(path, encoding="ascii") as file:
                return file.read().strip()
        return ""

    def _keep(self, name: str, content: bytes) -> None:
        folder = os.path.join(self._work_tree.private, "spool")
        make_folder(folder)
        with open(open_or_make(os.path.join(folder, name), os.O_WRONLY | os.O_TRUNC), "wb") as file:
            file.write(content)
