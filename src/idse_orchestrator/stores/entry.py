"""One entry of a ledger as it travels between stores: everything its id is made of, so nothing can be lost.

Its id is the id of the ledger commit in git. It follows from the content, and is never stored as truth:
whoever reads an entry from somewhere else computes it again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from heapq import heappop, heappush

from idse_orchestrator.base.names import BLOB, COMMIT, Folder, Row, content_id, folder_objects, nested
from idse_orchestrator.errors import CorruptLedgerError
from idse_orchestrator.ledger.commit import ARTIFACTS, EVENT, STATE, newer
from idse_orchestrator.ledger.refs import CannotJudgeError

_ID = re.compile(r"[0-9a-f]{40}", re.ASCII)
_COMMITTER = re.compile(rb"committer .*> (\d+) [+-]\d{4}", re.ASCII)


@dataclass(frozen=True, slots=True)
class StoreEntry:
    """One entry: what a ledger commit holds.

    `commit` is the commit as git stores it: its tree, its parents, who wrote it when, and the message.
    `event` is the content of ``event.json``, None in a merge; `state` that of ``state.json``.
    `artifacts` maps the path of each document, below the session's folder, to its content id; None is
    a session without a folder of documents.
    """

    commit: bytes
    event: bytes | None
    state: bytes
    artifacts: Mapping[str, str] | None = None

    @property
    def parents(self) -> tuple[str, ...]:
        """Ids of the entries before this one: none in the first, two in a merge."""
        return tuple(_words(self.commit, b"parent "))

    @property
    def committed(self) -> int:
        """Unix time of the commit; 0 where it says none."""
        for line in _head(self.commit):
            found = _COMMITTER.fullmatch(line)
            if found:
                return int(found[1])
        return 0

    @property
    def message(self) -> bytes:
        """The commit's message."""
        return self.commit.partition(b"\n\n")[2]


@dataclass(frozen=True, slots=True)
class Content:
    """The content of an entry besides its commit; see `StoreEntry`."""

    event: bytes | None
    state: bytes
    artifacts: Mapping[str, str] | None = None


def make_entry(content: Content, parents: Sequence[str], who: str, message: str) -> StoreEntry:
    """Makes the entry that git would: `who` is "Name <mail> seconds +hhmm", author and committer."""
    bare = StoreEntry(b"", content.event, content.state, content.artifacts)
    lines = [f"tree {content_id(*entry_objects(bare)[-2])}", *(f"parent {parent}" for parent in parents)]
    text = "\n".join([*lines, f"author {who}", f"committer {who}", "", message])
    return replace(bare, commit=text.encode())


def entry_id(entry: StoreEntry) -> str:
    """Returns the id of `entry`. Raises CorruptLedgerError if its commit names other content."""
    tree = entry_objects(entry)[-2]
    name = content_id(COMMIT, entry.commit)
    if _words(entry.commit, b"tree ") != [content_id(*tree)]:
        raise corrupt_entry(name, "its commit names other content than it came with")
    for parent in entry.parents:
        if not _ID.fullmatch(parent):
            raise corrupt_entry(name, f"{parent!r} is no id of an entry")
    return name


def entry_objects(entry: StoreEntry) -> list[Row]:
    """Returns the objects of `entry` but its artifacts, each after those it names; the commit is last."""
    rows: list[Row] = []
    folder: Folder = {}
    if entry.event is not None:
        rows.append((BLOB, entry.event))
        folder[EVENT] = content_id(*rows[-1])
    rows.append((BLOB, entry.state))
    folder[STATE] = content_id(*rows[-1])
    if entry.artifacts is not None:
        folder[ARTIFACTS] = _documents(entry.artifacts)
    return [*rows, *folder_objects(folder)[1], (COMMIT, entry.commit)]


def _documents(artifacts: Mapping[str, str]) -> Folder:
    for path, name in artifacts.items():
        if not _ID.fullmatch(name):
            raise corrupt_entry(path, f"{name!r} is no content id")
    try:
        return nested(artifacts)
    except ValueError as error:
        raise corrupt_entry("artifacts", str(error)) from error


def corrupt_entry(where: str, cause: str) -> CorruptLedgerError:
    """Returns the error for an entry that is not what it should be."""
    return CorruptLedgerError("an entry of a ledger is damaged", where=where, cause=cause)


def unreadable_state(where: str, error: Exception) -> CorruptLedgerError:
    """Returns the error for a ledger whose state cannot be read, or is too new to be."""
    return (
        newer(where, error)
        if isinstance(error, CannotJudgeError)
        else corrupt_entry(where, f"{STATE}: {error}")
    )


def _head(commit: bytes) -> list[bytes]:
    return commit.partition(b"\n\n")[0].split(b"\n")


def _words(commit: bytes, key: bytes) -> list[str]:
    lines = _head(commit)
    return [line.removeprefix(key).decode("ascii", "replace") for line in lines if line.startswith(key)]


Load = Callable[[str], StoreEntry]


def newest_first(tip: str, load: Load) -> Iterator[tuple[str, StoreEntry]]:
    """Yields (id, entry) of all that `tip` leads to, each read as it is taken until a merge comes.

    From a merge on, the parents of all that is left are read first: an entry may have two children.
    """
    name = tip
    while True:
        entry = load(name)
        if len(entry.parents) > 1:
            yield from _sorted(name, load)
            return
        yield name, entry
        if not entry.parents:
            return
        name = entry.parents[0]


def _sorted(tip: str, load: Load) -> Iterator[tuple[str, StoreEntry]]:
    parents, times = _graph(tip, load)
    children = dict.fromkeys(parents, 0)
    for above in parents.values():
        for parent in above:
            children[parent] += 1
    ready = [(-times[tip], tip)]
    while ready:
        _, name = heappop(ready)
        yield name, load(name)
        for parent in parents[name]:
            children[parent] -= 1
            if not children[parent]:
                heappush(ready, (-times[parent], parent))


def _graph(tip: str, load: Load) -> tuple[dict[str, tuple[str, ...]], dict[str, int]]:
    parents: dict[str, tuple[str, ...]] = {}
    times: dict[str, int] = {}
    waiting = [tip]
    while waiting:
        name = waiting.pop()
        if name not in parents:
            entry = load(name)
            parents[name] = tuple(dict.fromkeys(entry.parents))
            times[name] = entry.committed
            waiting += entry.parents
    return parents, times
