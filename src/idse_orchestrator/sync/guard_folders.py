"""The folders of documents in ledgers: what in them may not be there. Each tree is looked into once.

A tree is judged by itself and its verdict remembered, so one that stands in ten thousand commits, or in a
million places of a tree made to explode, costs no more than one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from idse_orchestrator.base.file_names import MAX_ARTIFACT_BYTES, MAX_DEPTH, MAX_FILES, name_problems
from idse_orchestrator.git.raw_objects import FOLDER, PLAIN, RawEntry, strict_tree
from idse_orchestrator.git.tree_entry import Entry
from idse_orchestrator.ledger.commit import ARTIFACTS, file_problems
from idse_orchestrator.sync.guard_objects import TooMuchError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from idse_orchestrator.sync.guard_objects import GuardObjects, Measure

MAX_TREE_BYTES = 4 * 1024 * 1024
_TOLD = 5


class Verdict(NamedTuple):
    """A folder: how many files and levels are below it, and (code, path in it, what) of what is wrong."""

    files: int
    levels: int
    problems: tuple[tuple[str, str, str], ...]


class Folders:
    """The folders that were judged so far."""

    def __init__(self, objects: GuardObjects) -> None:
        self._objects = objects
        self._trees: dict[str, list[RawEntry] | None] = {}
        self._sizes: dict[str, Measure] = {}
        self._verdicts: dict[str, Verdict] = {}
        self._too_deep: dict[tuple[str, int], Verdict] = {}

    def judge(self, roots: Iterable[str]) -> Mapping[str, Sequence[tuple[str, str]]]:
        """(code, what) of what is wrong with each of the folders `roots`, all read together."""
        wanted = list(dict.fromkeys(roots))
        try:
            self._read([root for root in wanted if root not in self._verdicts])
        except TooMuchError:
            self._trees.clear()
            if len(wanted) == 1:
                return {wanted[0]: [("artifact-count", f"{ARTIFACTS}/ has folders beyond all measure")]}
            middle = len(wanted) // 2
            return {**self.judge(wanted[:middle]), **self.judge(wanted[middle:])}
        found = {root: list(_told(self._verdict(root, MAX_DEPTH))) for root in wanted}
        self._trees.clear()
        self._sizes.clear()
        self._too_deep.clear()
        return found

    def _read(self, roots: Sequence[str]) -> None:
        level = list(roots)
        for _ in range(MAX_DEPTH + 1):
            unread = [tree for tree in level if tree not in self._trees and tree not in self._verdicts]
            if not unread:
                break
            found = self._objects.read(unread, "tree", MAX_TREE_BYTES)
            for tree in unread:
                self._trees[tree] = strict_tree(found[tree]) if tree in found else None
            level = list(dict.fromkeys(_inside(self._trees[tree] or () for tree in unread)))
        entries = (entry for tree in self._trees.values() for entry in tree or ())
        self._sizes.update(self._objects.measure(entry.id for entry in entries if entry.mode == PLAIN))

    def _verdict(self, tree: str, depth: int) -> Verdict:
        """What is below `tree`, `depth` levels and no more: what is too deep here may be fine elsewhere."""
        known = self._verdicts.get(tree) or self._too_deep.get((tree, depth))
        if known is not None:
            return known
        if depth < 0 or tree not in self._trees:
            return Verdict(0, MAX_DEPTH + 1, ())
        entries = self._trees[tree]
        if entries is None:
            return Verdict(0, 0, (("tree-shape", "", "it is no tree, or one that no git writes"),))
        made = self._judged(entries, depth)
        if made.levels <= MAX_DEPTH:
            self._verdicts[tree] = made
        else:
            self._too_deep[tree, depth] = made
        return made

    def _judged(self, entries: Sequence[RawEntry], depth: int) -> Verdict:
        problems = list(self._problems(entries))
        files, levels = 0, 0
        for entry in entries:
            if entry.mode != FOLDER:
                files += 1
                continue
            inner = self._verdict(entry.id, depth - 1)
            files, levels = files + inner.files, max(levels, inner.levels + 1)
            at = entry.name.decode("utf-8", "replace")
            problems += [(code, f"{at}/{path}", what) for code, path, what in inner.problems]
        return Verdict(files, levels, tuple(problems[:_TOLD]))

    def _problems(self, entries: Sequence[RawEntry]) -> Iterator[tuple[str, str, str]]:
        for code, name, what in name_problems([entry.name for entry in entries]):
            yield code, name.decode("utf-8", "replace"), what
        for entry in entries:
            if entry.mode == FOLDER:
                continue
            path = entry.name.decode("utf-8", "replace")
            size = self._sizes.get(entry.id) if entry.mode == PLAIN else None
            if entry.mode == PLAIN and (size is None or size.kind != "blob"):
                yield "missing-object", path, f"object {entry.id} is missing, or is no file"
            shown = Entry(entry.mode, "", entry.id, size.size if size else None)
            for code, what in file_problems((shown,), MAX_ARTIFACT_BYTES):
                yield code, path, "it " + what.removeprefix(f"{ARTIFACTS}/ ")


def _inside(trees: Iterable[Sequence[RawEntry]]) -> Iterator[str]:
    return (entry.id for entries in trees for entry in entries if entry.mode == FOLDER)


def _told(verdict: Verdict) -> Iterator[tuple[str, str]]:
    for code, path, what in verdict.problems:
        yield code, f"{ARTIFACTS}/{path}: {what}"
    if verdict.levels > MAX_DEPTH:
        yield "artifact-count", f"{ARTIFACTS}/ has more than {MAX_DEPTH} folders within each other"
    if verdict.files > MAX_FILES:
        yield "artifact-count", f"{ARTIFACTS}/ has {verdict.files:,} files, and the limit is {MAX_FILES:,}"
