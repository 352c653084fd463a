"""The documents of a work tree, and what it last gave to ledgers, on top of which code commits.

Content ids are those git would record, filters included, because they are compared with ledgers and
commits. Only the git program knows the filters, the ignore rules and the worktree's own refs.

An edit is applied to a ledger as what changed since the last one. The parent commit's file alone would be the
wrong base after a save, an amend or a second save: a document would conflict with itself. Losing this
record loses nothing; the parent commit is the base again.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from idse_orchestrator.base.files import make_folder, write_atomically
from idse_orchestrator.base.names import blob_id
from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.documents.project_workspace import (
    ARTIFACTS,
    CAP,
    WORKSPACE,
    session_folder,
    split_session_path,
)
from idse_orchestrator.git.object_stream import ObjectFinder, is_ancestor
from idse_orchestrator.git.program import failure
from idse_orchestrator.git.vault import ledger_lock
from idse_orchestrator.ledger.merge.conflicts import Merged
from idse_orchestrator.ledger.refs import CURRENT, current_by_project_ref, session_ref
from idse_orchestrator.sessions.ports import Edit
from idse_orchestrator.worktree.capture import capture_folder, filtered_ids, filtered_objects, passed_over
from idse_orchestrator.worktree.session_folders import WorkFolders

if TYPE_CHECKING:
    from collections.abc import Iterable

    from idse_orchestrator.ledger.events import SessionKey
    from idse_orchestrator.sessions.ports import Captured
    from idse_orchestrator.worktree.tree_merge import TreeMerger
    from idse_orchestrator.worktree.work_tree import WorkTree


class GitWorkspace(WorkFolders):
    """The documents of a work tree of git, and what it gave to ledgers."""

    def __init__(self, work_tree: WorkTree) -> None:
        super().__init__(work_tree.top, work_tree.git_dir)
        self._work_tree = work_tree
        self._git = work_tree.git
        self._objects = ObjectFinder(work_tree.git)

    def set_current(self, project: str, session: str) -> None:
        """See `SessionFolders.set_current`."""
        point_at(self._work_tree, (current_by_project_ref(project), CURRENT), project, session)

    def session_folders(self) -> Sequence[SessionKey]:
        """See `SessionFolders.session_folders`; a sparse checkout may have left all of one out."""
        on_disk = super().session_folders()
        if not may_pass_over(self._work_tree.git_dir):
            return on_disk
        found = (split_session_path(path) for path in passed_over(self._work_tree, WORKSPACE))
        return sorted({*on_disk, *((each[0], each[1]) for each in found if each)})

    def start_from_branch(self, project: str, session: str) -> None:
        """See `Workspace.start_from_branch`: the next commit may be one that no hook records."""
        tree = self.resolve_tree("HEAD", session_folder(project, session))
        if tree is not None and last_contribution(self._work_tree, project, session) is None:
            self.agree(project, session, tree)

    def is_carried(self, project: str, session: str) -> bool:
        """See `Workspace.is_carried`."""
        return self.resolve_tree("HEAD", session_folder(project, session)) is not None

    def blobs(self, project: str, session: str, files: Mapping[str, str] = ARTIFACTS) -> Mapping[str, str]:
        """See `Documents.blobs`."""
        folder = session_folder(project, session)
        paths = {stage: f"{folder}/{name}" for stage, name in files.items()}
        here = {stage: path for stage, path in paths.items() if self._is_file(path)}
        kept: Mapping[str, tuple[int, str]] = {}
        if len(here) < len(paths) or may_pass_over(self._work_tree.git_dir):
            kept = passed_over(self._work_tree, folder)
        asked = [path for path in here.values() if path not in kept]
        blobs = dict(zip(asked, filtered_ids(self._work_tree, asked), strict=True)) if asked else {}
        blobs |= {path: blob for path, (_, blob) in kept.items()}
        return {stage: blobs[path] for stage, path in paths.items() if path in blobs}

    def content(self, project: str, session: str, path: str, blob: str) -> bytes | None:
        """See `Documents.content`."""
        place = f"{session_folder(project, session)}/{path}"
        if not self._is_file(place):
            return None
        with open(os.path.join(self._work_tree.top, place), "rb") as file:
            data = file.read(CAP)
        if blob_id(data) == blob:
            return data
        (found,) = filtered_objects(self._work_tree, [place])
        return found.data if found and found.id == blob else None

    def given(self, project: str, session: str) -> str:
        """See `Documents.given`."""
        last = last_contribution(self._work_tree, project, session)
        return last.tree if last else ""

    def capture(self, project: str, session: str) -> Captured | None:
        """See `Documents.capture`."""
        return capture_folder(self._work_tree, session_folder(project, session))

    def edit(self, project: str, session: str, tree: str) -> Edit:
        """See `Contributions.edit`."""
        head = self.head()
        standing = self.standing(project, session, head)
        if standing.tree is not None:
            return Edit(tree, (standing.tree,), standing.own)
        folder = (self.resolve_tree(head, session_folder(project, session)) if head else None) or ""
        return Edit(tree, (folder,), standing.own)

    def standing(self, project: str, session: str, head: str) -> Standing:
        """Returns what this work tree last gave to the ledger, as it stands now that HEAD is `head`."""
        last = last_contribution(self._work_tree, project, session)
        if last is None or (last.tree and not self._objects.find(last.tree)):
            return Standing(None)
        if head in last.heads:
            return Standing(last.tree, is_here=True)
        if any(self._leads_to(each, head) for each in last.heads):
            return Standing(last.tree)  # commits since were not recorded
        return self._moved(session_folder(project, session), last, head)

    def _moved(self, folder: str, last: Contribution, head: str) -> Standing:
        from idse_orchestrator.worktree.head_moves import KEEPS, UNKNOWN, moves_between

        moves = moves_between(self._work_tree.git_dir, last.heads, head)
        if moves is None:
            return Standing(None, own=last.tree)
        tree, own = last.tree, ""
        stood = dict.fromkeys(last.heads, tree)
        for move in moves:
            keeps = move.kind == KEEPS or (move.kind == UNKNOWN and self._leads_to(move.before, move.after))
            if not keeps and move.after in stood:  # there and back
                tree = stood[move.after]
            elif not keeps and any(self._leads_to(head, move.after) for head in last.heads):
                tree = last.tree  # as above
            elif not keeps:
                tree = self.carried(folder, tree, move.before, move.after)
                own = last.tree if move.kind == UNKNOWN else own
            stood[move.after] = tree
        return Standing(tree, own)

    def carried(self, folder: str, tree: str, before: str, after: str) -> str:
        """Returns `tree` after a checkout that led from one commit to another.

        What it has of its own stays in it, also where the commits differ in the same lines: so git does with
        what it stashes and brings back.
        """
        old, new = (self.resolve_tree(commit, folder) or "" if commit else "" for commit in (before, after))
        if before and not self._objects.find(before):
            return new
        merged = (
            self._merger.merge(old, tree, new)
            if old not in (tree, new)
            else Merged(new if old == tree else tree, ())
        )
        mine = {path for conflict in merged.conflicts for path in (conflict.path, conflict.original)}
        return self.mixed(merged.tree, tree, sorted(mine))

    def given_after(self, project: str, session: str, commit: str) -> bool:
        """Tests whether what this work tree gave to the ledger last was on top of the commit `commit`."""
        last = last_contribution(self._work_tree, project, session)
        return last is not None and any(head and self._leads_to(commit, head) for head in last.heads)

    def _leads_to(self, ancestor: str, head: str) -> bool:
        """Tests whether `head` descends from `ancestor`; "", before the first commit, leads everywhere."""
        if not ancestor:
            return True
        return is_ancestor(self._git, ancestor, head)

    def agree(self, project: str, session: str, tree: str, heads: Sequence[str] = ()) -> None:
        """See `Contributions.agree`."""
        contribution = Contribution(tree, tuple(heads) or (self.head(),))
        remember_contribution(self._work_tree, project, session, contribution)

    @property
    def _merger(self) -> TreeMerger:
        from idse_orchestrator.worktree.tree_merge import TreeMerger  # a status needs none of it

        return TreeMerger(self._work_tree)

    def apply(self, edit: Edit, ours: str) -> Merged:
        """See `Contributions.apply`; of the bases, for each file the first one without a conflict."""
        base, *others = edit.bases
        best = self._merged(base, ours, edit.theirs)
        for other in others if best.conflicts else ():
            unsettled = {conflict.original for conflict in self._merged(other, ours, edit.theirs).conflicts}
            settled = [each.original for each in best.conflicts if each.original not in unsettled]
            base = self.mixed(base, other, settled)
            best = self._merged(base, ours, edit.theirs)
        return self._own_given_way(edit, ours, best) if edit.own and best.conflicts else best

    def _merged(self, base: str, ours: str, theirs: str) -> Merged:
        return Merged(ours, ()) if theirs in (ours, base) else self._merger.merge(base, ours, theirs)

    def _own_given_way(self, edit: Edit, ours: str, merged: Merged) -> Merged:
        from idse_orchestrator.pipeline.reader import tree_files

        own, ledger = tree_files(self._git, edit.own), tree_files(self._git, ours)
        settled = [
            each
            for each in merged.conflicts
            if each.path == each.original and own.get(each.path) == ledger.get(each.path)
        ]
        tree = self.mixed(merged.tree, edit.theirs, [each.path for each in settled])
        return Merged(tree, tuple(each for each in merged.conflicts if each not in settled))

    def mixed(self, tree: str, other: str, paths: Sequence[str]) -> str:
        """Returns `tree` in which the files `paths` are those of `other`; "" is an empty tree."""
        if not paths or tree == other:
            return tree

        return self._merger.mixed(tree, other, paths)

    def is_safe_to_replace(self, project: str, session: str, tree: str) -> bool:
        """See `Restorable.is_safe_to_replace`."""
        given = last_contribution(self._work_tree, project, session)
        if given and given.tree == tree:
            return True
        head = self.resolve_tree("HEAD", session_folder(project, session)) or ""
        if head == tree:
            return True
        from idse_orchestrator.pipeline.reader import tree_files

        here, there = (set(tree_files(self._git, each).values()) for each in (tree, head))
        return here <= there | self._ledger_held(project, session)

    def replace_folder(self, project: str, session: str, before: str, after: str) -> Sequence[str]:
        """See `Restorable.replace_folder`."""
        from idse_orchestrator.worktree.work_files import replace_folder

        return replace_folder(self._work_tree, session_folder(project, session), before, after)

    def resolve_tree(self, rev: str, path: str) -> str | None:
        """See `Restorable.resolve_tree`."""
        found = self._objects.find(f"{rev}:{path}" if path else f"{rev}^{{tree}}")
        return found[0] if found and found[1] == "tree" else None

    def _ledger_held(self, project: str, session: str) -> set[str]:
        """Returns the ids of everything its ledger ever held, documents among it."""
        held = self._git.lines("rev-list", "--objects", "--no-object-names", session_ref(project, session))
        return set(held)

    def head(self) -> str:
        """See `Workspace.head`."""
        found = self._objects.find("HEAD")
        return found[0] if found else ""


_INDEX_HEADER = 8
_WITHOUT_BITS = b"DIRC\0\0\0\2"
"""How an index begins that has room for no such bit; git writes the next version when it needs one."""


def may_pass_over(git_dir: str) -> bool:
    """Tests whether the index may have a path with its skip-worktree bit. Read as a file: git costs 3 ms."""
    try:
        with open(os.path.join(git_dir, "index"), "rb") as file:
            return file.read(_INDEX_HEADER) != _WITHOUT_BITS
    except OSError:
        return False


_WORD = re.compile(r"[0-9a-f]{40}|-", re.ASCII)
_NOTHING = "-"


class Contribution(NamedTuple):
    """The session's folder as `tree` ("" : empty), given while HEAD was one of `heads` ("" : none)."""

    tree: str
    heads: tuple[str, ...]


def last_contribution(work_tree: WorkTree, project: str, session: str) -> Contribution | None:
    """Returns the last contribution of this work tree, or None when there is none that can be read."""
    try:
        with open(_path(work_tree, project, session), encoding="ascii") as file:
            words = file.read(4096).split()
    except (OSError, UnicodeDecodeError):
        return None
    if len(words) < 2 or not all(_WORD.fullmatch(word) for word in words):
        return None
    tree, *heads = ("" if word == _NOTHING else word for word in words)
    return Contribution(tree, tuple(heads))


def remember_contribution(
    work_tree: WorkTree, project: str, session: str, contribution: Contribution
) -> None:
    """Keeps `contribution` as the last one of this work tree."""
    path = _path(work_tree, project, session)
    make_folder(os.path.dirname(path))
    words = [word or _NOTHING for word in (contribution.tree, *contribution.heads)]
    write_atomically(path, " ".join(words).encode() + b"\n")


def _path(work_tree: WorkTree, project: str, session: str) -> str:
    """In this work tree's own git directory, not the common one."""
    return os.path.join(work_tree.git_dir, "idse", "contributed", project, session)


class Standing(NamedTuple):
    """What a work tree has given to a ledger, as it stands at some commit; None where nobody knows.

    `own`: what it gave last, where the branch has been rewritten or moved since and git does not say how.
    `is_here`: it was given while HEAD was that very commit.
    """

    tree: str | None
    own: str = ""
    is_here: bool = False


_LOCKED = b".lock': File exists"


def point_at(work_tree: WorkTree, refs: Iterable[str], project: str, session: str) -> None:
    """Makes `refs`, which belong to the work tree, symbolic refs to a session."""
    reason, target = f"idse: switch to {project}/{session}", session_ref(project, session)
    with ledger_lock(work_tree, name="current.lock"):
        for ref in refs:
            _point(work_tree, ref, target, reason)


def _point(work_tree: WorkTree, ref: str, target: str, reason: str) -> None:
    from idse_orchestrator.git.libgit2 import PATIENCE, wait_for_lock_file

    command, deadline = ("symbolic-ref", "-m", reason, ref, target), time.monotonic() + PATIENCE
    while (done := work_tree.git.attempt(*command)).returncode != 0:
        if _LOCKED not in done.stderr or time.monotonic() > deadline:
            raise failure(command, done)
        wait_for_lock_file(os.path.join(work_tree.git_dir, f"{ref}.lock"))
