"""Three-way merge of session folders as trees: an edit is applied to a ledger without taking lines away.

A text conflict becomes conflict markers in the document, which is a finding that blocks gates until
someone resolves it. Where one side deleted a document and the other edited it, the edit stays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from idse_orchestrator.app.ports import Merged
from idse_orchestrator.git.folder_capture import MAX_FILE_BYTES
from idse_orchestrator.git.libgit2 import libgit2, open_repository

if TYPE_CHECKING:
    import pygit2

    from idse_orchestrator.git.repository import Repository

_BLOB = 0o100644
_TREE = 0o040000


class TreeMerger:
    """Merges trees of one repository. Trees are ids; "" stands for a tree without files."""

    def __init__(self, repository: Repository) -> None:
        self._git = open_repository(repository.common_dir)

    def merge(self, base: str, ours: str, theirs: str) -> Merged:
        """Apply what changed from `base` to `theirs` onto `ours`; conflicting paths are named in the result."""
        theirs = self.only_documents(theirs)
        if theirs in (ours, base):
            return Merged(ours, ())
        if ours == base or not ours:
            return Merged(theirs, ())
        index = self._git.merge_trees(self._tree(base), self._tree(ours), self._tree(theirs))
        conflicts = list(index.conflicts or ())
        paths = tuple(self._resolve(index, *sides) for sides in conflicts)
        return Merged(str(index.write_tree(self._git)), tuple(sorted(set(paths))))

    def only_documents(self, tree: str) -> str:
        """`tree` without what a ledger may not hold: links, executables, submodules, large files."""
        if not tree:
            return tree
        kept = self._kept(self._git[libgit2().Oid(hex=tree)])
        return str(kept) if kept is not None else ""

    def _kept(self, tree: pygit2.Tree) -> pygit2.Oid | None:
        builder = self._git.TreeBuilder()
        for entry in tree:
            if entry.filemode == _TREE:
                inner = self._kept(entry)  # type: ignore[arg-type]
                if inner is not None:
                    builder.insert(entry.name, inner, _TREE)
            elif entry.filemode == _BLOB and self._git[entry.id].size <= MAX_FILE_BYTES:  # type: ignore[attr-defined]
                builder.insert(entry.name, entry.id, _BLOB)
        return builder.write() if len(builder) else None

    def _resolve(
        self,
        index: pygit2.Index,
        ancestor: pygit2.IndexEntry | None,
        ours: pygit2.IndexEntry | None,
        theirs: pygit2.IndexEntry | None,
    ) -> str:
        side = ours or theirs or ancestor
        path = side.path  # type: ignore[union-attr]
        if ours is None or theirs is None:
            blob = side.id  # type: ignore[union-attr]
        else:
            text = self._git.merge_file_from_index(ancestor, ours, theirs)
            blob = self._git.create_blob(text.encode("utf-8", "surrogateescape"))
        del index.conflicts[path]
        index.add(libgit2().IndexEntry(path, blob, _BLOB))
        return str(path)

    def _tree(self, tree: str) -> pygit2.Tree:
        oid = libgit2().Oid(hex=tree) if tree else self._git.TreeBuilder().write()
        return self._git[oid]  # type: ignore[return-value]
