"""The documents of this work tree, and what it gave to ledgers.

Content ids are those git would record, filters included, because they are compared with ledgers and
commits. Only the git program knows the filters, the ignore rules and the worktree's own refs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from idse_orchestrator.documents.pipeline_artifacts import ARTIFACTS, session_folder
from idse_orchestrator.git.object_stream import ObjectFinder, is_ancestor
from idse_orchestrator.ledger.merge.conflicts import Merged
from idse_orchestrator.ledger.refs import session_ref
from idse_orchestrator.sessions.ports import Captured
from idse_orchestrator.worktree.capture import capture_folder
from idse_orchestrator.worktree.given import Contribution, last_contribution, remember_contribution
from idse_orchestrator.worktree.readers.filtered import filtered_ids
from idse_orchestrator.worktree.session_folders import WorkFolders
from idse_orchestrator.worktree.work_tree import WorkTree


class GitWorkspace(WorkFolders):
    """The documents of a work tree of git, and what it gave to ledgers."""

    def __init__(self, work_tree: WorkTree) -> None:
        super().__init__(work_tree)
        self._git = work_tree.git
        self._objects = ObjectFinder(work_tree.git)

    def blobs(self, project: str, session: str) -> Mapping[str, str]:
        """See `Documents.blobs`."""
        folder = session_folder(project, session)
        present = [stage for stage, name in ARTIFACTS.items() if self._is_file(f"{folder}/{name}")]
        if not present:
            return {}
        ids = filtered_ids(self._work_tree, [f"{folder}/{ARTIFACTS[stage]}" for stage in present])
        return dict(zip(present, ids, strict=True))

    def capture(self, project: str, session: str) -> Captured | None:
        """See `Documents.capture`."""
        return capture_folder(self._work_tree, session_folder(project, session))

    def base(self, project: str, session: str) -> str:
        """See `Contributions.base`."""
        head = self._head()
        for given in (self.given(project, session, head), self.missed(project, session, head)):
            if given is not None:
                return given
        return self.resolve_tree(head, session_folder(project, session)) or "" if head else ""

    def given(self, project: str, session: str, head: str) -> str | None:
        """See `Branch.given`."""
        last = last_contribution(self._work_tree, project, session)
        if last is None or head not in last.heads or (last.tree and not self._objects.find(last.tree)):
            return None
        return last.tree

    def missed(self, project: str, session: str, head: str) -> str | None:
        """See `Branch.missed`."""
        last = last_contribution(self._work_tree, project, session)
        if last is None or head in last.heads or (last.tree and not self._objects.find(last.tree)):
            return None
        return last.tree if any(self._leads_to(each, head) for each in last.heads) else None

    def brought(self, project: str, session: str, commit: str) -> bool:
        """See `Branch.brought`."""
        last = last_contribution(self._work_tree, project, session)
        return last is not None and any(head and self._leads_to(commit, head) for head in last.heads)

    def _leads_to(self, ancestor: str, head: str) -> bool:
        """Whether `head` descends from `ancestor`; the time before the first commit leads everywhere."""
        if not ancestor:
            return True
        return is_ancestor(self._git, ancestor, head)

    def agree(self, project: str, session: str, tree: str, heads: Sequence[str] = ()) -> None:
        """See `Contributions.agree`."""
        contribution = Contribution(tree, tuple(heads) or (self._head(),))
        remember_contribution(self._work_tree, project, session, contribution)

    def merge(self, base: str, ours: str, theirs: str) -> Merged:
        """See `Contributions.merge`."""
        if theirs in (ours, base):
            return Merged(ours, ())
        from idse_orchestrator.worktree.tree_merge import TreeMerger

        return TreeMerger(self._work_tree).merge(base, ours, theirs)

    def mixed(self, tree: str, other: str, paths: Sequence[str]) -> str:
        """See `Branch.mixed`."""
        if not paths or tree == other:
            return tree
        from idse_orchestrator.worktree.tree_merge import TreeMerger

        return TreeMerger(self._work_tree).mixed(tree, other, paths)

    def is_safe_to_replace(self, project: str, session: str, tree: str) -> bool:
        """See `Restorable.is_safe_to_replace`."""
        given = last_contribution(self._work_tree, project, session)
        if given and given.tree == tree:
            return True
        head = self.resolve_tree("HEAD", session_folder(project, session)) or ""
        if head == tree:
            return True
        return self._blobs(tree) <= self._blobs(head) | self._ledger_held(project, session)

    def replace_folder(self, project: str, session: str, before: str, after: str) -> Sequence[str]:
        """See `Restorable.replace_folder`."""
        from idse_orchestrator.worktree.checkout import replace_folder

        return replace_folder(self._work_tree, session_folder(project, session), before, after)

    def resolve_tree(self, rev: str, path: str) -> str | None:
        """See `Restorable.resolve_tree`."""
        found = self._objects.find(f"{rev}:{path}" if path else f"{rev}^{{tree}}")
        return found[0] if found and found[1] == "tree" else None

    def _blobs(self, tree: str) -> set[str]:
        rows = self._git.bytes("ls-tree", "-r", "-z", tree).split(b"\0") if tree else []
        return {row.split()[2].decode() for row in rows if row}

    def _ledger_held(self, project: str, session: str) -> set[str]:
        """Ids of everything its ledger ever held, documents among it."""
        held = self._git.lines("rev-list", "--objects", "--no-object-names", session_ref(project, session))
        return set(held)

    def _head(self) -> str:
        found = self._objects.find("HEAD")
        return found[0] if found else ""
