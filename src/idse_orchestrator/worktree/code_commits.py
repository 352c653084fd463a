"""The commits of the user's own branch: read, never written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from idse_orchestrator.base.names import is_name
from idse_orchestrator.documents.project_workspace import WORKSPACE, split_session_path
from idse_orchestrator.git.object_stream import EMPTY_TREE, find_commit

if TYPE_CHECKING:
    from idse_orchestrator.ledger.events import SessionKey
    from idse_orchestrator.worktree.work_tree import WorkTree


class CodeChange(NamedTuple):
    """What moved the branch: from `before` ("" : nothing) to `after`, and the first line of its message.

    `previous` is where HEAD stood until then. It differs from `before` when a commit was amended.
    `is_merge`: one commit with several parents, so that somebody has brought their texts together.
    """

    before: str
    after: str
    subject: str
    previous: str
    is_merge: bool = False


class Missed(NamedTuple):
    """What waits to be recorded: the commit `after`, or the way to it from `before` ("" : it alone)."""

    after: str
    before: str = ""


class GitCodeCommits:
    """The commits of the branch a work tree is on; ids are full."""

    def __init__(self, work_tree: WorkTree) -> None:
        self._git = work_tree.git

    def head(self) -> CodeChange | None:
        """HEAD against its first parent; None before the first commit.

        The reflog knows where HEAD stood before; without one, the parent it is.
        """
        rows = self._log("--walk-reflogs", "-2") or self._log("-1")
        if not rows:
            return None
        return _change(rows)

    def commit(self, name: str) -> CodeChange | None:
        """The commit `name` as `head` told of it when it was made here; None where it is gone."""
        if find_commit(self._git, name) is None:
            return None
        rows = self._log("--walk-reflogs")
        places = [place for place, row in enumerate(rows) if row[0] == name]
        made = rows[places[-1] :] if places else self._log("-1", rev=name)
        return _change(made) if made else None

    def between(self, before: str, after: str) -> CodeChange:
        """The change from one commit to another."""
        old, new = (find_commit(self._git, rev) or "" for rev in (before, after))
        return CodeChange(old, new, "", old)

    def _log(self, *options: str, rev: str = "HEAD") -> list[tuple[str, list[str], str]]:
        """(commit, parents, subject) of `rev`, or of where it stood."""
        form = "--format=%H %P%x00%s"
        done = self._git.attempt("log", *options, "--no-show-signature", "--no-notes", form, rev, "--")
        rows = done.stdout.decode("utf-8", "replace").splitlines() if done.returncode == 0 else []
        return [_row(row) for row in rows if "\0" in row]

    def sessions_in(self, change: CodeChange) -> Sequence[SessionKey]:
        """The sessions of which any file differs, in order."""
        before = change.before or EMPTY_TREE
        out = self._git.text("diff-tree", "-r", "-z", "--name-only", before, change.after, "--", WORKSPACE)
        split = (split_session_path(path) for path in out.split("\0"))
        return sorted(
            {(found[0], found[1]) for found in split if found and is_name(found[0]) and is_name(found[1])}
        )

    def unclean(self, folder: str) -> Sequence[str]:
        """Paths, relative to `folder`, of files that the work tree or the index has otherwise than HEAD.

        Those that git ignores are among them.
        """
        question = ("status", "--porcelain", "-z", "--no-renames", "--untracked-files=all", "--ignored")
        rows = self._git.text(*question, "--", folder).split("\0")
        return [row[3:].removeprefix(f"{folder}/") for row in rows if row]


def _change(rows: Sequence[tuple[str, list[str], str]]) -> CodeChange:
    """The first of `rows`; the second is where HEAD stood before."""
    commit, parents, subject = rows[0]
    parent = parents[0] if parents else ""
    previous = rows[1][0] if len(rows) > 1 else parent
    return CodeChange(parent, commit, subject, previous, is_merge=len(parents) > 1)


def _row(line: str) -> tuple[str, list[str], str]:
    ids, _, subject = line.partition("\0")
    commit, *parents = ids.split()
    return commit, parents, subject.strip()
