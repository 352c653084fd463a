"""Folders of a work tree and of code commits applied to a ledger, as git's trees.

What a commit holds and no ledger may hold is left out. Most commits change what the ledger has just as it
was: only for the others the merge itself is imported.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from idse_orchestrator.base.names import FOLDER, PLAIN
from idse_orchestrator.base.text import name_problems
from idse_orchestrator.git.objects import make_tree, objects_of
from idse_orchestrator.ledger.merge.conflicts import Merged, settle_edit
from idse_orchestrator.worktree.capture import MAX_FILE_BYTES

if TYPE_CHECKING:
    from collections.abc import Collection

    from idse_orchestrator.base.names import Entry
    from idse_orchestrator.worktree.work_tree import WorkTree


class TreeMerger:
    """Merges trees of one repository. Trees are ids; "" stands for a tree without files."""

    def __init__(self, work_tree: WorkTree) -> None:
        self._program = work_tree.git
        self._objects = objects_of(work_tree.common_dir)

    def merge(self, base: str, ours: str, theirs: str) -> Merged:
        """Applies what changed from `base` to `theirs` to `ours`; the result names the conflicts."""
        documents = self.only_documents(theirs)
        merged = settle_edit(base, ours, documents) or self._merge(base, ours, documents)
        self._objects.install(merged.tree, "the merged documents")
        return merged

    def mixed(self, tree: str, other: str, paths: Collection[str]) -> str:
        """Returns `tree` in which the files `paths` are those of `other`, also where one of them has none."""
        from idse_orchestrator.ledger.merge.folders import exchange_files
        from idse_orchestrator.ledger.merge.trees import GitFolders

        mixed = exchange_files(GitFolders(self._objects), tree, other, paths)
        self._objects.install(mixed, "the documents")
        return mixed

    def only_documents(self, tree: str) -> str:
        """Returns `tree` without what no ledger holds.

        Links, executables, submodules, large files, odd names.
        """
        entries = self._objects.entries(tree) if tree else ()
        odd = {name for _, name, _ in name_problems(_raw(entry) for entry in entries)}
        kept = {}
        for entry in entries:
            document = "" if _raw(entry) in odd else self._only_document(entry)
            if document:
                kept[entry.path] = (entry.mode, document)
        return make_tree(self._objects, kept) if kept else ""

    def _only_document(self, entry: Entry) -> str:
        """Returns its id, or that of what is left of a folder; "" where nothing of it may be in a ledger."""
        if entry.mode == FOLDER:
            return self.only_documents(entry.id)
        return entry.id if entry.mode == PLAIN and self._objects.size(entry.id) <= MAX_FILE_BYTES else ""

    def _merge(self, base: str, ours: str, theirs: str) -> Merged:
        from idse_orchestrator.ledger.merge.folders import EDIT_LABELS, merge_folders
        from idse_orchestrator.ledger.merge.trees import GitFolders, merge_texts

        by_git = partial(merge_texts, self._program, labels=EDIT_LABELS)
        return merge_folders(GitFolders(self._objects), self.only_documents(base), ours, theirs, by_git)


def _raw(entry: Entry) -> bytes:
    return entry.path.encode("utf-8", "surrogateescape")
