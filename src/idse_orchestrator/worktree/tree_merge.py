"""Three-way merge of session folders as trees: an edit is applied to a ledger without taking lines away.

A text conflict becomes conflict markers in the document, which is a finding that blocks gates until
someone resolves it. Where one side deleted a document and the other edited it, the edit stays.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from idse_orchestrator.base.file_names import name_problems
from idse_orchestrator.errors import CorruptLedgerError
from idse_orchestrator.git.libgit2 import libgit2, open_repository
from idse_orchestrator.ledger.merge.conflicts import (
    FOLDER,
    MARKERS,
    NO_TEXT,
    REMOVED_HERE,
    REMOVED_THERE,
    Conflict,
    Merged,
)
from idse_orchestrator.ledger.merge.texts import merge_texts
from idse_orchestrator.worktree.capture import MAX_FILE_BYTES

if TYPE_CHECKING:
    from idse_orchestrator.git.libgit2 import pygit2
    from idse_orchestrator.worktree.work_tree import WorkTree

_BLOB = 0o100644


class TreeMerger:
    """Merges trees of one repository. Trees are ids; "" stands for a tree without files."""

    def __init__(self, work_tree: WorkTree) -> None:
        self._program = work_tree.git
        self._git = open_repository(work_tree.common_dir)

    def merge(self, base: str, ours: str, theirs: str) -> Merged:
        """Apply what changed from `base` to `theirs` onto `ours`; the result names the conflicts."""
        theirs = self.only_documents(theirs)
        if theirs in (ours, base):
            return Merged(ours, ())
        if ours == base or not ours:
            return Merged(theirs, ())
        index = self._git.merge_trees(self._tree(base), self._tree(ours), self._tree(theirs))
        taken = {entry.path for entry in index}
        found = {self._resolve(index, taken, *sides) for sides in list(index.conflicts or ())}
        conflicts = sorted(conflict for conflict in found if conflict is not None)
        return Merged(str(index.write_tree(self._git)), tuple(conflicts))

    def mixed(self, tree: str, other: str, paths: Iterable[str]) -> str:
        """`tree` in which the files `paths` are those of `other`, also where one of them has none."""
        index, source = libgit2().Index(), libgit2().Index()
        index.read_tree(self._tree(tree))
        source.read_tree(self._tree(other))
        for path in paths:
            if path in index:
                index.remove(path)
            if path in source:
                index.add(source[path])
        return str(index.write_tree(self._git)) if len(index) else ""

    def only_documents(self, tree: str) -> str:
        """`tree` without what no ledger holds: links, executables, submodules, large files, odd names."""
        kept = self._kept(self._tree(tree)) if tree else None
        return str(kept) if kept is not None else ""

    def _kept(self, tree: pygit2.Tree) -> pygit2.Oid | None:
        builder = self._git.TreeBuilder()
        odd = {name for _, name, _ in name_problems(entry.raw_name or b"" for entry in tree)}
        for entry in tree:
            kept = self._kept_entry(entry)
            if kept is not None and entry.raw_name not in odd and entry.name is not None:
                builder.insert(entry.name, kept, entry.filemode)
        return builder.write() if len(builder) else None

    def _kept_entry(self, entry: pygit2.Object) -> pygit2.Oid | None:
        if isinstance(entry, libgit2().Tree):
            return self._kept(entry)
        if entry.filemode != _BLOB:
            return None
        blob: pygit2.Blob = entry  # type: ignore[assignment]  # its mode says so
        return blob.id if blob.size <= MAX_FILE_BYTES else None

    def _resolve(
        self,
        index: pygit2.Index,
        taken: set[str],
        ancestor: pygit2.IndexEntry | None,
        ours: pygit2.IndexEntry | None,
        theirs: pygit2.IndexEntry | None,
    ) -> Conflict | None:
        """Put one entry in the place of the sides; None where the texts went together after all."""
        kind: str | None
        if ours is not None and theirs is not None:
            original, (blob, kind) = str(ours.path), self._with_markers(ancestor, ours, theirs)
        else:
            kept = ours or theirs or ancestor
            if kept is None:
                raise CorruptLedgerError("a conflict without any side", cause="libgit2 listed it")
            original, blob = str(kept.path), kept.id
            kind = REMOVED_HERE if theirs is None else REMOVED_THERE
        del index.conflicts[original]
        path = _beside_folder(original, taken)
        index.add(libgit2().IndexEntry(path, blob, _BLOB))
        if path != original:
            kind = FOLDER
        return Conflict(path, kind, original) if kind else None

    def _with_markers(
        self, ancestor: pygit2.IndexEntry | None, ours: pygit2.IndexEntry, theirs: pygit2.IndexEntry
    ) -> tuple[pygit2.Oid, str | None]:
        """Both texts in one, by the git program: libgit2 hands texts out as UTF-8, and theirs may be none.

        What is no text cannot carry markers: the newer side stays, and the ledger keeps the older one.
        """
        sides = [self._data(side) for side in (ours, ancestor, theirs)]
        merged = merge_texts(self._program, *sides, labels=("ledger", "before", "edit"))
        if merged is None:
            return theirs.id, NO_TEXT
        return self._git.create_blob(merged.text), MARKERS if merged.conflicts else None

    def _tree(self, tree: str) -> pygit2.Tree:
        oid = libgit2().Oid(hex=tree) if tree else self._git.TreeBuilder().write()
        return self._git[oid]  # type: ignore[return-value]  # callers name trees

    def _data(self, side: pygit2.IndexEntry | None) -> bytes:
        return self._git[side.id].data if side else b""  # type: ignore[attr-defined]  # conflicts are of files


def _beside_folder(path: str, taken: set[str]) -> str:
    """`path`, or a free name like it where a folder has that name: in an index one pushes the other out."""
    if not any(other.startswith(f"{path}/") for other in taken):
        return path
    while path in taken or any(other.startswith(f"{path}/") for other in taken):
        path += "~"
    taken.add(path)
    return path
