"""The commits of the user's own branch: read, never written."""

from __future__ import annotations

from collections.abc import Sequence

from idse_orchestrator.app.ports import CodeChange, SessionKey
from idse_orchestrator.domain.pipeline_artifacts import WORKSPACE, split_session_path
from idse_orchestrator.errors import InvalidNameError
from idse_orchestrator.git.ref_names import session_ref
from idse_orchestrator.git.repository import Repository

EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"


class GitCodeCommits:
    """The `CodeCommits` port on a repository."""

    def __init__(self, repository: Repository) -> None:
        self._git = repository.git

    def head(self) -> CodeChange | None:
        """See `CodeCommits.head`."""
        done = self._git.attempt(
            "log", "-1", "--no-show-signature", "--no-notes", "--format=%H %P%n%s", "HEAD"
        )
        if done.returncode != 0:
            return None
        ids, _, subject = done.stdout.decode("utf-8", "replace").partition("\n")
        commit, *parents = ids.split()
        return CodeChange(parents[0] if parents else "", commit, subject.strip())

    def between(self, before: str, after: str) -> CodeChange:
        """See `CodeCommits.between`."""
        ids = self._git.lines("rev-parse", "--verify", "--end-of-options", f"{after}^{{commit}}")
        old = self._git.attempt(
            "rev-parse", "--verify", "--quiet", "--end-of-options", f"{before}^{{commit}}"
        )
        return CodeChange(old.stdout.decode().strip(), ids[0], "")

    def sessions_in(self, change: CodeChange) -> Sequence[SessionKey]:
        """See `CodeCommits.sessions_in`."""
        before = change.before or EMPTY_TREE
        out = self._git.text("diff-tree", "-r", "-z", "--name-only", before, change.after, "--", WORKSPACE)
        split = (split_session_path(path) for path in out.split("\0"))
        return sorted(
            {(found[0], found[1]) for found in split if found and _has_ref_name(found[0], found[1])}
        )

    def is_clean(self, folder: str) -> bool:
        """See `CodeCommits.is_clean`."""
        return not self._git.bytes("status", "--porcelain", "--untracked-files=all", "--", folder)


def _has_ref_name(project: str, session: str) -> bool:
    try:
        return bool(session_ref(project, session))
    except InvalidNameError:
        return False
