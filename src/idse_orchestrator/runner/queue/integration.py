"""The branch of a session that takes accepted results in: ``idse/<project>/<session>``.

It is an ordinary branch, merged by libgit2 without a work tree, and refused while it is checked out
somewhere: there it would move below somebody's feet. A result that has its tip for a base is taken as it is.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.errors import ConflictError
from idse_orchestrator.git.libgit2 import RefMovedError, libgit2, move_ref
from idse_orchestrator.git.objects import commit_object, write_objects

if TYPE_CHECKING:
    from idse_orchestrator.runner.queue.results import Results

HEADS = "refs/heads/"


class Merged(NamedTuple):
    """The commit of the branch that has a result; or "" and the paths on which it does not merge."""

    into: str
    conflicts: tuple[str, ...] = ()


class Integration:
    """Takes results of one session in. Its methods that write are called under the lock of tasks."""

    def __init__(self, results: Results, common_dir: str, branch: str) -> None:
        self._results = results
        self._common_dir = common_dir
        self.branch = branch
        self.ref = f"{HEADS}{branch}"

    def tip(self) -> str:
        """Returns its last commit, "" where it is not there yet."""
        return self._results.tip(self.ref)

    def refuse_checked_out(self) -> None:
        """Raises ConflictError where the branch is checked out."""
        place = checked_out(self._common_dir, self.ref)
        if place:
            raise ConflictError(
                f"the branch {self.branch} is checked out, so nothing is merged onto it",
                where=place,
                fix=(f"git -C {place} switch --detach",),
            )

    def refuse_in_the_way(self) -> None:
        """Raises ConflictError where a branch stands that git cannot have beside this one."""
        names = [name.removeprefix(HEADS) for name in self._results.git.references if name.startswith(HEADS)]
        for name in names:
            if self.branch.startswith(f"{name}/") or name.startswith(f"{self.branch}/"):
                raise ConflictError(
                    f"the branch {name} stands in the way of {self.branch}, which takes results in",
                    cause="git keeps no branch below the name of another one",
                    fix=(f"git branch -m {name} {name.replace('/', '-')}-old",),
                )

    def has(self, commit: str) -> bool:
        """Tests whether the branch has `commit`."""
        tip = self.tip()
        if not tip:
            return False
        with suppress(KeyError, ValueError, libgit2().GitError):
            return tip == commit or bool(self._results.git.descendant_of(tip, commit))
        return False

    def merge(self, commit: str, base: str, subject: str) -> Merged:
        """Takes the result `commit` in, which was made on `base`. Raises ConflictError, StorageError."""
        self.refuse_checked_out()
        while True:
            tip = self.tip()
            if self.has(commit):
                return Merged(tip)
            made = self._merged(tip, commit, base, subject)
            if made.conflicts:
                return made
            with suppress(RefMovedError):
                words = f"idse: {subject}"
                move_ref(
                    self._results.git, self.ref, made.into, tip or None, words, self._results.signature()
                )
                return made

    def _merged(self, tip: str, commit: str, base: str, subject: str) -> Merged:
        git = self._results.git
        if not tip or tip == base:
            return Merged(commit)
        ours, theirs = (git[name].peel(libgit2().Commit) for name in (tip, commit))
        ancestor = git.merge_base(ours.id, theirs.id)
        before = git[ancestor or self._results.empty_tree()].peel(libgit2().Tree)
        index = git.merge_trees(before, ours.tree, theirs.tree)
        if index.conflicts is not None:
            names = {side.path for sides in index.conflicts for side in sides if side is not None}
            return Merged("", tuple(sorted(names)))
        tree = write_objects(self.ref, lambda: index.write_tree(git))
        made = write_objects(
            self.ref,
            lambda: commit_object(git, self._results.signature(), f"{subject}\n", tree, [ours.id, theirs.id]),
        )
        return Merged(str(made))


def checked_out(common_dir: str, ref: str) -> str:
    """Returns a work tree that has the branch `ref` checked out, "" for none; git's own files say it."""
    folders = [common_dir]
    linked = os.path.join(common_dir, "worktrees")
    with suppress(OSError):
        folders += [os.path.join(linked, name) for name in sorted(os.listdir(linked))]
    for folder in folders:
        if _text(os.path.join(folder, "HEAD")) != f"ref: {ref}":
            continue
        if folder == common_dir:
            if os.path.basename(common_dir) != ".git":  # a bare one's HEAD is nobody's work tree
                return common_dir if _has_work_tree(common_dir) else ""
            return os.path.dirname(common_dir)
        place = _text(os.path.join(folder, "gitdir"))
        if not place or os.path.exists(place):
            return os.path.dirname(place) or folder
    return ""


def _has_work_tree(common_dir: str) -> bool:
    return "bare = true" not in _text(os.path.join(common_dir, "config"))


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read().strip()
    except OSError:
        return ""
