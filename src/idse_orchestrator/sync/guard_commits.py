"""Ledger commits that nobody has judged yet, read many at a time, as the replay wants them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from idse_orchestrator.base.names import FOLDER, PLAIN, Entry
from idse_orchestrator.git.raw_objects import RawCommit, strict_commit, strict_tree
from idse_orchestrator.ledger.commit import ARTIFACTS, EVENT, STATE, LedgerCommit
from idse_orchestrator.sync.guard_objects import MAX_TREE_BYTES, Folders, TooMuchError, in_portions

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from idse_orchestrator.git.object_stream import Header
    from idse_orchestrator.sync.guard_objects import GuardObjects

MAX_COMMIT_BYTES = 256 * 1024
MAX_EVENT_BYTES = 4 * 1024 * 1024
MAX_STATE_BYTES = 16 * 1024 * 1024
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
        """Each of `ids`, in order."""
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
        """What ``state.json`` of each commit holds; those that cannot be read are left out."""
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
        found = self._objects.read(ids, "commit", MAX_COMMIT_BYTES)
        raw = {name: strict_commit(data) for name, data in found.items()}
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
