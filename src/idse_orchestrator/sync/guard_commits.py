"""Ledger commits that nobody has judged yet, read many at a time, as the replay wants them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from idse_orchestrator.base.names import FOLDER, PLAIN, Entry
from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.base.text import MAX_ARTIFACT_BYTES
from idse_orchestrator.git.raw_objects import RawCommit, RawEntry, strict_tree
from idse_orchestrator.ledger.commit import (
    ARTIFACTS,
    EVENT,
    MAX_EVENT_BYTES,
    MAX_STATE_BYTES,
    STATE,
    LedgerCommit,
)
from idse_orchestrator.ledger.note_tree import GENESIS
from idse_orchestrator.sync.guard_objects import MAX_TREE_BYTES, Folders, TooMuchError, in_portions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from idse_orchestrator.git.object_stream import Header
    from idse_orchestrator.sync.guard_objects import GuardObjects

_LIMITS = {EVENT: MAX_EVENT_BYTES, STATE: MAX_STATE_BYTES}
_SCHEMA = {EVENT: "event-schema", STATE: "state-schema"}
_USUAL = re.compile(
    rb"(?:40000 artifacts\0(.{20}))?100644 event\.json\0(.{20})100644 state\.json\0(.{20})", re.DOTALL
)
_USUAL_ENTRIES = (Entry(PLAIN, EVENT, ""), Entry(PLAIN, STATE, ""))
"""Of a tree that is as it should be, all that a replay asks."""

Problem = tuple[str, str]
"""(code, what)."""


class ReadCommit(NamedTuple):
    """A commit and what is wrong with its objects; None where so much is that no replay can go on."""

    id: str
    commit: LedgerCommit | None
    problems: Sequence[Problem]


class _Half(NamedTuple):
    """A commit before its files are read: its tree by name, and ids of its folder and of its two files."""

    id: str
    raw: RawCommit
    entries: tuple[Entry, ...]
    ids: Mapping[str, str]


class CommitReader:
    """Reads commits. `graph` is what git says of their parents: what the objects say must agree."""

    def __init__(self, objects: GuardObjects, graph: Mapping[str, tuple[str, ...]]) -> None:
        self._objects = objects
        self._graph = graph
        self._folders = Folders(objects)

    def read(self, ids: Sequence[str]) -> Iterator[ReadCommit]:
        """Yields each of `ids`, in order."""
        try:
            halves = self._halves(ids)
        except TooMuchError:
            middle = len(ids) // 2
            yield from self.read(ids[:middle])
            yield from self.read(ids[middle:])
            return
        known = [half for half in halves if isinstance(half, _Half)]
        sizes = self._objects.measure(
            half.ids[name] for half in known for name in _LIMITS if name in half.ids
        )
        folders = self._folders.judge(half.ids[ARTIFACTS] for half in known if ARTIFACTS in half.ids)
        for portion in in_portions(halves, lambda half: _weight(half, sizes)):
            blobs = self._objects.load(_wanted(portion, sizes))
            for half in portion:
                yield half if isinstance(half, ReadCommit) else _whole(half, sizes, blobs, folders)

    def states(self, ids: Sequence[str]) -> Mapping[str, bytes]:
        """Returns what ``state.json`` of each commit holds; those that cannot be read are left out."""
        try:
            return self._states(ids)
        except TooMuchError:
            middle = len(ids) // 2
            return {**self.states(ids[:middle]), **self.states(ids[middle:])}

    def _states(self, ids: Sequence[str]) -> Mapping[str, bytes]:
        at = {half.id: half.ids.get(STATE, "") for half in self._halves(ids) if isinstance(half, _Half)}
        blobs = self._objects.read(filter(None, at.values()), "blob", MAX_STATE_BYTES)
        return {name: blobs[blob] for name, blob in at.items() if blob in blobs}

    def _halves(self, ids: Sequence[str]) -> list[_Half | ReadCommit]:
        raw = self._objects.commits(ids)
        trees = self._objects.read((each.tree for each in raw.values() if each), "tree", MAX_TREE_BYTES)
        return [self._half(name, raw, trees) for name in ids]

    def _half(  # noqa: PLR0911 - one return for each case
        self, name: str, commits: Mapping[str, RawCommit | None], trees: Mapping[str, bytes]
    ) -> _Half | ReadCommit:
        if name not in commits:
            return _unreadable(
                name, "missing-object", f"commit {name} is missing, damaged or beyond all measure"
            )
        raw = commits[name]
        if raw is None or raw.encoded:
            return _unreadable(name, "commit-shape", "the commit has lines or bytes that idse never writes")
        if name in self._graph and raw.parents != self._graph[name]:
            return _unreadable(name, "grafted", "git shows other parents than the commit has")
        if raw.tree not in trees:
            return _unreadable(
                name, "missing-object", f"tree {raw.tree} is missing, damaged or beyond measure"
            )
        usual = _USUAL.fullmatch(trees[raw.tree])
        if usual is not None:
            parts = zip((ARTIFACTS, EVENT, STATE), usual.groups(), strict=True)
            return _Half(name, raw, _USUAL_ENTRIES, {part: found.hex() for part, found in parts if found})
        entries = strict_tree(trees[raw.tree])
        if entries is None:
            return _unreadable(name, "tree-shape", "its tree is out of order, or holds one name twice")
        shown = tuple(
            Entry(each.mode, each.name.decode("utf-8", "surrogateescape"), each.id) for each in entries
        )
        return _Half(name, raw, shown, _parts(shown))


def _parts(entries: Sequence[Entry]) -> dict[str, str]:
    return {
        entry.path: entry.id
        for entry in entries
        if (entry.path in _LIMITS and entry.mode != FOLDER)
        or (entry.path == ARTIFACTS and entry.mode == FOLDER)
    }


def _unreadable(name: str, code: str, what: str) -> ReadCommit:
    return ReadCommit(name, None, ((code, what),))


def _fits(name: str, found: Header | None) -> bool:
    return found is not None and found.kind == "blob" and found.size <= _LIMITS[name]


def _weight(half: _Half | ReadCommit, sizes: Mapping[str, Header]) -> int:
    return sum(sizes[blob].size for blob in _wanted([half], sizes))


def _wanted(halves: Sequence[_Half | ReadCommit], sizes: Mapping[str, Header]) -> list[str]:
    return [
        half.ids[name]
        for half in halves
        if isinstance(half, _Half)
        for name in _LIMITS
        if name in half.ids and _fits(name, sizes.get(half.ids[name]))
    ]


def _whole(
    half: _Half,
    sizes: Mapping[str, Header],
    blobs: Mapping[str, bytes],
    folders: Mapping[str, Sequence[Problem]],
) -> ReadCommit:
    missing = []
    for name, limit in _LIMITS.items():
        blob = half.ids.get(name)
        found = sizes.get(blob) if blob else None
        if found is not None and found.kind == "blob" and found.size > limit:
            what = f"{name} has {found.size:,} bytes, and the limit is {limit:,}"
            return _unreadable(half.id, _SCHEMA[name], what)
        if blob and blob not in blobs:
            missing.append(blob)
    event, state = (blobs.get(half.ids.get(name, "")) for name in (EVENT, STATE))
    commit = LedgerCommit(
        half.id, half.raw.parents, half.raw.message, half.entries, event, state, missing=tuple(missing)
    )
    return ReadCommit(half.id, commit, folders.get(half.ids.get(ARTIFACTS, ""), ()))


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
        """Yields (commit, code, what) of what is wrong with `commits`, parents first, on `base` if not ""."""
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
        found = self._objects.commits(names)
        raw = {name: found.get(name) for name in names}
        for name, commit in raw.items():
            for problem in _commit_problems(name, commit):
                tell(name, *problem)
        there = [(name, commit.tree) for name, commit in raw.items() if commit is not None]
        for (name, _), data in self._objects.each_loaded(there, lambda row: row[1], MAX_TREE_BYTES):
            yield name, strict_tree(data) if data is not None else None

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
        """Returns what stands one level below `fresh` and was not seen before."""
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
