"""Judges what is new in notes: one root for everyone, and nothing in the tree but notes on commits.

Every commit of notes has a whole tree, and all but a few of its entries stood in the tree before. An
entry is looked into once, at the place where it first stands.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from idse_orchestrator.base.names import FOLDER, PLAIN
from idse_orchestrator.base.text import MAX_ARTIFACT_BYTES
from idse_orchestrator.git.raw_objects import RawCommit, RawEntry, strict_commit, strict_tree
from idse_orchestrator.ledger.note_tree import GENESIS
from idse_orchestrator.sync.guard_commits import MAX_COMMIT_BYTES, Problem
from idse_orchestrator.sync.guard_objects import MAX_TREE_BYTES, TooMuchError, in_portions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from idse_orchestrator.sync.guard_objects import GuardObjects

_AT_ONCE = 500
_DIGITS = re.compile(rb"[0-9a-f]+")
_WHOLE = 40
_FAN_OUT = 2

_Place = tuple[int, RawEntry]
"""How many digits of a commit's id lead to the folder, and an entry in it."""


class NotesJudge:
    """Judges the notes of one ref."""

    def __init__(self, objects: GuardObjects) -> None:
        self._objects = objects
        self._seen: set[_Place] = set()

    def judge(self, commits: Sequence[str], base: str) -> Iterator[tuple[str, str, str]]:
        """(commit, code, what) of what is wrong with `commits`, parents first, on top of `base` if not ""."""
        if base:
            for _, tree in self._trees([base], lambda *_: None):
                self._seen.update((0, entry) for entry in tree or ())
        for start in range(0, len(commits), _AT_ONCE):
            try:
                yield from self._chunk(commits[start : start + _AT_ONCE])
            except TooMuchError:
                yield commits[start], "notes-size", "its folders, or those after it, are beyond all measure"
                return

    def _chunk(self, names: Sequence[str]) -> Iterator[tuple[str, str, str]]:
        problems: list[tuple[str, str, str]] = []
        fresh: dict[_Place, str] = {}
        for name, tree in self._trees(names, lambda *problem: problems.append(problem)):
            if tree is None:
                problems.append((name, "notes-shape", "its tree is damaged, or one that no git writes"))
                continue
            for entry in tree:
                place = (0, entry)
                if place not in self._seen:
                    self._seen.add(place)
                    fresh[place] = name
        yield from problems
        while fresh:
            yield from self._entry_problems(fresh)
            fresh = self._inside(fresh)

    def _trees(
        self, names: Sequence[str], tell: Callable[[str, str, str], object]
    ) -> Iterator[tuple[str, list[RawEntry] | None]]:
        found = self._objects.read(names, "commit", MAX_COMMIT_BYTES)
        raw = {name: strict_commit(found[name]) if name in found else None for name in names}
        for name, commit in raw.items():
            for problem in _commit_problems(name, commit):
                tell(name, *problem)
        there = [(name, commit.tree) for name, commit in raw.items() if commit is not None]
        sizes = self._objects.measure(tree for _, tree in there)
        fit = {tree: size.size for tree, size in sizes.items() if size.size <= MAX_TREE_BYTES}
        for portion in in_portions(there, lambda pair: fit.get(pair[1], 0)):
            data = self._objects.load(tree for _, tree in portion if tree in fit)
            for name, tree in portion:
                yield name, strict_tree(data[tree]) if tree in data else None

    def _entry_problems(self, fresh: dict[_Place, str]) -> Iterator[tuple[str, str, str]]:
        sizes = self._objects.measure(entry.id for (_, entry) in fresh if entry.mode == PLAIN)
        for (depth, entry), name in fresh.items():
            if not _is_note(depth, entry):
                shown = entry.name.decode("utf-8", "backslashreplace")
                yield name, "notes-shape", f"{shown!r} (mode {entry.mode}) is no note on a commit"
            elif entry.mode == PLAIN:
                found = sizes.get(entry.id)
                if found is None or found.kind != "blob":
                    yield name, "missing-object", f"object {entry.id} is missing, or is no file"
                elif found.size > MAX_ARTIFACT_BYTES:
                    yield (
                        name,
                        "notes-size",
                        f"a note has {found.size:,} bytes, and the limit is {MAX_ARTIFACT_BYTES:,}",
                    )

    def _inside(self, fresh: dict[_Place, str]) -> dict[_Place, str]:
        """What stands one level below `fresh` and was not seen before."""
        folders = {
            (depth, entry): name
            for (depth, entry), name in fresh.items()
            if entry.mode == FOLDER and _is_note(depth, entry)
        }
        found = self._objects.read((entry.id for _, entry in folders), "tree", MAX_TREE_BYTES)
        deeper: dict[_Place, str] = {}
        for (depth, entry), name in folders.items():
            inner = strict_tree(found[entry.id]) if entry.id in found else None
            broken = RawEntry("", entry.name, entry.id)
            for each in inner if inner is not None else (broken,):
                place = (depth + len(entry.name), each)
                if place not in self._seen:
                    self._seen.add(place)
                    deeper[place] = name
        return deeper


def _commit_problems(name: str, commit: RawCommit | None) -> Iterator[Problem]:
    if commit is None:
        yield "commit-shape", "the commit is missing, or has lines or bytes that git never writes"
        return
    if not commit.parents and name != GENESIS:
        yield "notes-root", "its history begins here, not with the first commit of all notes"
    if len(commit.parents) > 1 and list(commit.parents) != sorted(set(commit.parents))[:2]:
        yield "merge-parents", f"its {len(commit.parents)} parents are not two in the order of their ids"


def _is_note(depth: int, entry: RawEntry) -> bool:
    length = len(entry.name)
    if not _DIGITS.fullmatch(entry.name):
        return False
    if entry.mode == FOLDER:
        return length == _FAN_OUT and depth + length < _WHOLE
    return entry.mode == PLAIN and depth + length == _WHOLE
