"""The objects that the guard judges, and the folders of documents among them.

A tree is judged by itself and its verdict remembered, so one that stands in ten thousand commits, or in a
million places of a tree made to explode, costs no more than one.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Self, TypeVar

from idse_orchestrator.base.names import FOLDER, PLAIN, Entry
from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.base.text import MAX_ARTIFACT_BYTES, MAX_DEPTH, MAX_FILES, name_problems
from idse_orchestrator.git.object_stream import FEW, Header, ObjectFinder, headers, reading_also
from idse_orchestrator.git.objects import objects_of, parse_commit
from idse_orchestrator.git.raw_objects import (
    PLAIN_SIGHT,
    CarefulObjects,
    RawCommit,
    RawEntry,
    strict_commit,
    strict_tree,
)
from idse_orchestrator.ledger.commit import ARTIFACTS, MAX_COMMIT_BYTES, file_problems
from idse_orchestrator.ledger.event_index import EventIndex

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from idse_orchestrator.git.program import Git
    from idse_orchestrator.git.vault import Vault
    from idse_orchestrator.sync.published_refs import RefMove

MAX_TREE_BYTES = 4 * 1024 * 1024
PORTION = 64 * 1024 * 1024
"""So many bytes of objects are in memory at once."""

Item = TypeVar("Item")

_FEW_LINES, _SHORT = 16, 400
"""Ledgers, and commits of them, up to which walking them costs less than a start of git."""
_FIELDS = 3
_PATIENCE = 3600.0


class TooMuchError(Exception):
    """More than may be in memory at once; never leaves the guard."""


class GuardObjects:
    """The objects of a repository and, with `folder`, of an object folder beside its own.

    Use it in a ``with`` block: two gits stay open for small questions, of which each would cost a start.
    `git` sees all of them. `own_git` sees the repository's, and stops where a shallow clone ends.
    """

    def __init__(self, vault: Vault, folder: str | None) -> None:
        self.own_git: Git = vault.git.with_environment(PLAIN_SIGHT)
        whole = self.own_git.with_environment({"GIT_SHALLOW_FILE": ""})
        self.git: Git = reading_also(whole, folder) if folder else whole
        self._private = vault.private
        self._finder = ObjectFinder(self.git)
        self._reader = CarefulObjects(self.git)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._finder.close()
        self._reader.__exit__()

    @cached_property
    def index(self) -> EventIndex:
        """The events of this repository's own long ledgers."""
        return EventIndex(self._private, self.own_git)

    def measure(self, ids: Iterable[str]) -> Mapping[str, Header]:
        """Returns the header of each object that is there, by id; none is loaded."""
        wanted = list(dict.fromkeys(ids))
        few = len(wanted) <= FEW
        found = self._finder.find_all(wanted) if few else headers(self.git, wanted, _PATIENCE)
        return {each.id: each for each in found if each is not None}

    def load(self, ids: Iterable[str]) -> Mapping[str, bytes]:
        """Returns the content of each object that can be read. All of it is in memory: measure first."""
        wanted = list(dict.fromkeys(ids))
        if len(wanted) <= FEW:
            return self._carefully(self._reader, wanted)
        done = self.git.attempt("cat-file", "--batch", "--buffer", stdin=_lines(wanted), timeout=_PATIENCE)
        if done.returncode == 0:
            return _parted(done.stdout)
        with CarefulObjects(self.git) as careful:  # an object is damaged, and git ends there
            return self._carefully(careful, wanted)

    def _carefully(self, reader: CarefulObjects, ids: Sequence[str]) -> Mapping[str, bytes]:
        found = zip(ids, reader.read_all(ids), strict=True)
        return {name: each.data for name, each in found if each is not None}

    def read(self, ids: Iterable[str], kind: str, cap: int) -> Mapping[str, bytes]:
        """Returns the content of each object that is of `kind` and has at most `cap` bytes.

        Raises TooMuchError if several objects together have more than PORTION bytes: ask for fewer.
        """
        sizes = self.measure(ids)
        fit = [name for name, found in sizes.items() if found.kind == kind and found.size <= cap]
        if len(fit) > 1 and sum(sizes[name].size for name in fit) > PORTION:
            raise TooMuchError
        return self.load(fit)

    def commits(self, ids: Iterable[str]) -> dict[str, RawCommit | None]:
        """Returns those of `ids` that can be read; None for what is no commit that git writes."""
        found = self.read(ids, "commit", MAX_COMMIT_BYTES)
        return {name: strict_commit(data) for name, data in found.items()}

    def each_loaded(
        self, items: Iterable[Item], id_of: Callable[[Item], str], cap: int
    ) -> Iterator[tuple[Item, bytes | None]]:
        """Yields each of `items` with its object; None where that is missing or has more than `cap` bytes."""
        rows = list(items)
        sizes = self.measure(map(id_of, rows))
        fit = {name: found.size for name, found in sizes.items() if found.size <= cap}
        for portion in in_portions(rows, lambda row: fit.get(id_of(row), 0)):
            loaded = self.load(id_of(row) for row in portion if id_of(row) in fit)
            yield from ((row, loaded.get(id_of(row))) for row in portion)

    def graph(self, moves: Sequence[RefMove]) -> dict[str, tuple[str, ...]] | None:  # noqa: ARG002 - of who can
        """Returns the parents of each new commit of `moves`, parents first; None where git is to be asked."""
        return None

    def messages_below(self, commits: Sequence[str]) -> bytes:
        """Returns the messages of all commits that `commits` reach in this repository."""
        asked = ("rev-list", "--stdin", "--format=%B", "--encoding=UTF-8")
        return self.own_git.bytes(*asked, stdin=_lines(commits), timeout=_PATIENCE)


class DiskObjects(GuardObjects):
    """The same by libgit2, for a server: each start of git would cost as much as the rest of a judgement.

    git is still asked where there is much to walk, and where a history is no line.
    """

    def __init__(self, vault: Vault, folder: str | None) -> None:
        super().__init__(vault, folder)
        self._disk = objects_of(vault.common_dir, folder)

    def measure(self, ids: Iterable[str]) -> Mapping[str, Header]:
        """See `GuardObjects.measure`."""
        found = ((name, self._disk.header(name)) for name in dict.fromkeys(ids))
        return {name: Header(name, *header) for name, header in found if header is not None}

    def load(self, ids: Iterable[str]) -> Mapping[str, bytes]:
        """See `GuardObjects.load`."""
        found = ((name, self._disk.find(name)) for name in dict.fromkeys(ids))
        return {name: data for name, data in found if data is not None}

    def graph(self, moves: Sequence[RefMove]) -> dict[str, tuple[str, ...]] | None:
        """See `GuardObjects.graph`; only of a few lines that have nothing in common."""
        if len(moves) > _FEW_LINES:
            return None
        ends = [name for move in moves for name in (move.old, move.new) if name]
        found: dict[str, tuple[str, ...]] = {}
        for move in moves:
            line: dict[str, tuple[str, ...]] = {}
            name = move.new
            while name != move.old:
                data = self._disk.find(name)
                if data is None or len(line) >= _SHORT or name in found or (line and name in ends):
                    return None
                parents = line[name] = parse_commit(data)[1]
                if not parents and not move.old:
                    break
                if len(parents) != 1:
                    return None
                (name,) = parents
            found |= dict(reversed(line.items()))
        return found

    def messages_below(self, commits: Sequence[str]) -> bytes:
        """See `GuardObjects.messages_below`."""
        seen: set[str] = set()
        waiting = list(commits)
        messages = []
        while waiting:
            name = waiting.pop()
            if name in seen:
                continue
            seen.add(name)
            data = self._disk.find(name)
            if data is None or len(seen) > _SHORT:
                return super().messages_below(commits)
            _, parents, message = parse_commit(data)
            messages.append(message)
            waiting += parents
        return b"\n".join(messages)


def in_portions(items: Iterable[Item], size_of: Callable[[Item], int]) -> Iterator[list[Item]]:
    """Yields `items` in runs of no more than PORTION bytes together; one that has more stands alone."""
    run: list[Item] = []
    total = 0
    for item in items:
        size = size_of(item)
        if run and total + size > PORTION:
            yield run
            run, total = [], 0
        run.append(item)
        total += size
    if run:
        yield run


def _parted(out: bytes) -> dict[str, bytes]:
    """Returns what `cat-file --batch` printed, by id."""
    found = {}
    at, end = 0, len(out)
    while at < end:
        after = out.index(b"\n", at)
        fields = out[at:after].split()
        if len(fields) != _FIELDS or not fields[2].isdigit():
            at = after + 1
            continue
        begin, size = after + 1, int(fields[2])
        found[fields[0].decode()] = out[begin : begin + size]
        at = begin + size + 1
    return found


def _lines(ids: Sequence[str]) -> bytes:
    return ("\n".join(ids) + "\n").encode()


_MOST_PROBLEMS = 5


class Verdict(NamedTuple):
    """A judged folder: number of files and levels below it, and (code, path in it, what) of each problem."""

    files: int
    levels: int
    problems: tuple[tuple[str, str, str], ...]


class Folders:
    """The folders that were judged so far."""

    def __init__(self, objects: GuardObjects) -> None:
        self._objects = objects
        self._trees: dict[str, list[RawEntry] | None] = {}
        self._sizes: dict[str, Header] = {}
        self._verdicts: dict[str, Verdict] = {}
        self._too_deep: dict[tuple[str, int], Verdict] = {}

    def judge(self, roots: Iterable[str]) -> Mapping[str, Sequence[tuple[str, str]]]:
        """Returns (code, what) of the problems of each of the folders `roots`, all read together."""
        wanted = list(dict.fromkeys(roots))
        try:
            self._read([root for root in wanted if root not in self._verdicts])
        except TooMuchError:
            self._trees.clear()
            if len(wanted) == 1:
                return {wanted[0]: [("artifact-count", f"{ARTIFACTS}/ has folders beyond all measure")]}
            middle = len(wanted) // 2
            return {**self.judge(wanted[:middle]), **self.judge(wanted[middle:])}
        found = {root: list(_found(self._verdict(root, MAX_DEPTH))) for root in wanted}
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
        """Judges `depth` levels below `tree`: what is too deep here may be fine elsewhere."""
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
        return Verdict(files, levels, tuple(problems[:_MOST_PROBLEMS]))

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


def _found(verdict: Verdict) -> Iterator[tuple[str, str]]:
    for code, path, what in verdict.problems:
        yield code, f"{ARTIFACTS}/{path}: {what}"
    if verdict.levels > MAX_DEPTH:
        yield "artifact-count", f"{ARTIFACTS}/ has more than {MAX_DEPTH} folders within each other"
    if verdict.files > MAX_FILES:
        yield "artifact-count", f"{ARTIFACTS}/ has {verdict.files:,} files, and the limit is {MAX_FILES:,}"
