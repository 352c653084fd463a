"""Which branch belongs to which session: ``branch.<name>.idse-session`` in git's own configuration.

git itself carries the line along with `git branch -m` and drops it with `git branch -d`. It stays in this
repository: configuration is never pushed. The hook on a checkout reads the same line in sh, see
`hooks/post-checkout`.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from idse_orchestrator.base.names import is_name
from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.base.text import one_word
from idse_orchestrator.errors import ConflictError, NameTakenError, UnknownNameError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from idse_orchestrator.git.configuration import GitConfiguration
    from idse_orchestrator.ledger.events import SessionKey
    from idse_orchestrator.pipeline.ports import LedgerReader
    from idse_orchestrator.sessions.ports import SessionFolders
    from idse_orchestrator.sessions.views import Views
    from idse_orchestrator.worktree.work_tree import WorkTree

_SECTION = "branch."
_VARIABLE = ".idse-session"
MAPPINGS = r"^branch\..*\.idse-session$"
"""The keys of all branches that belong to sessions, for `git config --get-regexp`."""
_BRANCHES = "refs/heads/"
_PATIENCE = 3600.0
_UNDER_WAY = {
    "rebase-merge": "a rebase",
    "rebase-apply": "a rebase",
    "MERGE_HEAD": "a merge",
    "CHERRY_PICK_HEAD": "a cherry-pick",
    "REVERT_HEAD": "a revert",
    "BISECT_START": "a bisection",
}
"""What git keeps in its directory while it is in the middle of something, to what that is."""

_PASSING = ("rebase-merge", "rebase-apply", "BISECT_START")


class BranchPlan(NamedTuple):
    """A branch that is to belong to a session: one to be made, to be switched to, or the one we are on."""

    branch: str
    makes: bool = False
    switches: bool = False


class GitBranches:
    """The branches of one work tree, and the sessions that they belong to."""

    def __init__(self, work_tree: WorkTree, configuration: GitConfiguration) -> None:
        self._work_tree = work_tree
        self._git = work_tree.git
        self._configuration = configuration

    def current(self) -> str:
        """Returns the branch that is checked out, also one without a commit; "" where HEAD is on none."""
        return current_branch(self._work_tree.git_dir)

    def mapped(self) -> Mapping[str, str]:
        """Returns each branch that belongs to a session, with what its line says: "project/session"."""
        if not maps_branches(self._work_tree.common_dir):
            return {}
        return {
            entry.key[len(_SECTION) : -len(_VARIABLE)]: entry.value
            for entry in self._configuration.entries
            if entry.scope == "local" and entry.key.startswith(_SECTION) and entry.key.endswith(_VARIABLE)
        }

    def session(self, branch: str) -> SessionKey | None:
        """Returns the session that `branch` belongs to; None for none."""
        return session_named(self.mapped().get(branch, ""))

    def of(self, key: SessionKey) -> Sequence[str]:
        """Returns the branches that belong to a session, in order."""
        return sorted(branch for branch, name in self.mapped().items() if session_named(name) == key)

    def unmapped(self) -> str:
        """Returns the current branch where it belongs to no session and another one does; else ""."""
        branch, mapped = self.current(), self.mapped()
        return branch if mapped and branch not in mapped else ""

    def is_on_the_way(self) -> bool:
        """Tests whether git moves HEAD only to come back: it rebases, or bisects."""
        return any(os.path.exists(os.path.join(self._work_tree.git_dir, name)) for name in _PASSING)

    def map(self, branch: str, key: SessionKey) -> None:
        """Has `branch` belong to the session `key`."""
        self._configuration.set(mapping_key(branch), "/".join(key))

    def unmap(self, branch: str) -> None:
        """Has `branch` belong to no session."""
        self._configuration.unset(mapping_key(branch))

    def plan_new(self, branch: str, key: SessionKey) -> BranchPlan:
        """Plans a branch for a session that is to be made. Raises where it cannot be: nothing is written yet.

        UsageError for a bad name, NameTakenError for a branch that is there, ConflictError for one that is
        somebody else's, or while git is in the middle of something.
        """
        self._check_name(branch)
        if branch == self.current():
            self._refuse_other(branch, key)
            return BranchPlan(branch)
        self._refuse_under_way()
        taken = self._taken(branch)
        if taken == branch:
            raise NameTakenError(
                f"there is a branch {branch!r} already",
                cause="a session gets a branch of its own, or the one that is checked out",
                fix=(
                    f"git switch {one_word(branch)} && idse spawn {key[1]} --branch {one_word(branch)}",
                    f"idse spawn {key[1]} --branch NAME",
                ),
            )
        if taken:
            raise NameTakenError(
                f"there cannot be a branch {branch!r} beside {taken!r}",
                cause="git keeps one as a folder of the other",
                fix=(f"idse spawn {key[1]} --branch NAME",),
            )
        return BranchPlan(branch, makes=True, switches=True)

    def plan_known(self, branch: str, key: SessionKey) -> BranchPlan:
        """Plans that `branch` ("" : the one we are on) belongs to a session. Raises as `plan_new` does."""
        here = self.current()
        if not branch and not here:
            raise ConflictError(
                "HEAD is on no branch",
                cause="a commit is checked out, and no branch could belong to the session",
                fix=(f"idse switch {key[1]} --branch NAME", f"git switch -c {key[1]}"),
            )
        wanted = branch or here
        self._check_name(wanted)
        self._refuse_other(wanted, key)
        if wanted == here:
            return BranchPlan(wanted)
        if self._git.attempt("show-ref", "--verify", "--quiet", _BRANCHES + wanted).returncode != 0:
            raise UnknownNameError(
                f"there is no branch {wanted!r}",
                fix=(f"git switch -c {one_word(wanted)} && idse switch {key[1]} --branch",),
            )
        self._refuse_under_way()
        if not here:
            self._refuse_loss()
        return BranchPlan(wanted, switches=True)

    def switch(self, plan: BranchPlan) -> None:
        """Switches to the branch of `plan` as git does. ConflictError, in git's words, where it does not."""
        if not plan.switches:
            return
        words = ("switch", "--quiet", *(("-c",) if plan.makes else ("--no-guess",)), plan.branch)
        done = self._git.attempt(*words, timeout=_PATIENCE)
        if self.current() != plan.branch:  # a hook of the user's may have ended badly, and that is all
            said = done.stderr.decode("utf-8", "replace").strip().expandtabs(4)
            raise ConflictError(
                f"git does not switch to the branch {plan.branch!r}", cause=said, fix=("git status",)
            )

    def _check_name(self, branch: str) -> None:
        if self._git.attempt("check-ref-format", "--branch", branch).stdout.decode().strip() != branch:
            raise UsageError(
                f"{branch!r} can be no branch",
                cause="git takes no such name",
                fix=("git help check-ref-format",),
            )

    def _refuse_other(self, branch: str, key: SessionKey) -> None:
        name = self.mapped().get(branch, "")
        if not name or session_named(name) in (None, key):
            return
        raise ConflictError(
            f"the branch {branch!r} belongs to {name}",
            cause="a branch belongs to one session",
            fix=(
                f"git config --unset {one_word(mapping_key(branch))}  # it is free then",
                "git switch -c NAME",
            ),
        )

    def _refuse_under_way(self) -> None:
        for name, what in _UNDER_WAY.items():
            if os.path.exists(os.path.join(self._work_tree.git_dir, name)):
                raise ConflictError(
                    f"git is in the middle of {what}",
                    cause="HEAD does not move to another branch until that has ended",
                    fix=("git status  # says how to end it",),
                )

    def _refuse_loss(self) -> None:
        """Raises where HEAD is on no branch and has commits that none would reach once it is gone."""
        count = self._git.text("rev-list", "--count", "HEAD", "--not", "--branches", "--tags", "--remotes")
        if int(count):
            raise ConflictError(
                f"HEAD is on no branch, and {count} of its commits are on none either",
                cause="they would be lost when it moves",
                fix=("git branch NAME  # keeps them",),
            )

    def _taken(self, branch: str) -> str:
        """Returns the branch that `branch` cannot stand beside: itself, or a folder of it; or ""."""
        known = self._git.lines("for-each-ref", "--format=%(refname)", _BRANCHES)
        names = {ref.removeprefix(_BRANCHES) for ref in known}
        if branch in names:
            return branch
        beside = (name for name in sorted(names) if f"{branch}/".startswith(f"{name}/"))
        below = (name for name in sorted(names) if name.startswith(f"{branch}/"))
        return next(iter((*beside, *below)), "")


def follow_branch(
    branches: GitBranches, workspace: SessionFolders, ledgers: LedgerReader, views: Views, before: str
) -> str:
    """Makes the session of the current branch the current one, and returns what to say of it; "" for nothing.

    HEAD stood at `before`, a commit of zeros where it comes from nowhere: a clone or a new work tree is no
    switch. Nothing moves while git rebases or bisects, or where the session has no ledger here.
    """
    branch = branches.current()
    name = branches.mapped().get(branch, "") if branch and not branches.is_on_the_way() else ""
    if not name:
        return ""
    key, current = session_named(name), workspace.current()
    if key is None:
        return f"branch {branch} belongs to {name!r}, which can be no session: idse switch NAME --branch"
    if current == key or (current is None and not before.strip("0")):
        return ""
    tip = ledgers.session(*key)
    if tip is None:
        return f"branch {branch} belongs to {name}, which has no ledger here: idse sync pull"
    workspace.set_current(*key)
    views.write(key)
    return f"switched to {name}, as branch {branch} belongs to it"


def current_branch(git_dir: str) -> str:
    """Returns the branch that is checked out, by the file HEAD; "" where it is on none."""
    try:
        with open(os.path.join(git_dir, "HEAD"), "rb") as file:
            target = file.read(1 << 12).decode("utf-8", "surrogateescape").strip()
    except OSError:
        return ""
    where = f"ref: {_BRANCHES}"
    return target.removeprefix(where) if target.startswith(where) else ""


def mapping_key(branch: str) -> str:
    """Returns the key under which git's configuration has the session of `branch`."""
    return f"{_SECTION}{branch}{_VARIABLE}"


def maps_branches(common_dir: str) -> bool:
    """Tests whether git's file speaks of sessions of branches at all: git itself is asked only then."""
    try:
        with open(os.path.join(common_dir, "config"), "rb") as file:
            return _VARIABLE[1:].encode() in file.read().lower()
    except OSError:
        return False


def session_named(name: str) -> SessionKey | None:
    """Returns the session that a line names, "project/session"; None where it is no such name."""
    project, _, session = name.partition("/")
    return (project, session) if is_name(project) and is_name(session) else None
