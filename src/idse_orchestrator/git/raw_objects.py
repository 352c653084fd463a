"""Commits and trees that come from elsewhere, as git stores them: parsed strictly.

Replacement refs are left out of account: a ledger is what its own objects say.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Self

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.errors import GitFailedError
from idse_orchestrator.git.object_stream import LARGEST, GitObject, ObjectStream, object_sizes

if TYPE_CHECKING:
    from idse_orchestrator.git.program import Git

_WHO = rb" [^<>\n\0]*<[^<>\n\0]*> \d{1,15} [+-]\d{4}\n"
_SIGNED = rb"(?:gpgsig(?:-sha256)? [^\n\0]*\n(?: [^\n\0]*\n)*)*"
_COMMIT = re.compile(
    rb"tree ([0-9a-f]{40})\n((?:parent [0-9a-f]{40}\n)*)author" + _WHO + rb"committer" + _WHO
    + rb"(encoding [^\n\0]*\n)?" + _SIGNED + rb"\n([^\0]*)",
    re.DOTALL,
)  # fmt: skip
_ENTRY = re.compile(rb"([0-7]{5,6}) ([^\0]*)\0(.{20})", re.DOTALL)
_AROUND_ENTRY = 22
_PARENT = 48


PLAIN_SIGHT = {"GIT_NO_REPLACE_OBJECTS": "1", "GIT_GRAFT_FILE": os.devnull}
"""The environment of a git that shows objects as they are stored."""


def grafted(common_dir: str) -> frozenset[str]:
    """Returns ids of commits to which the grafts file gives other parents than they have."""
    try:
        with open(os.path.join(common_dir, "info", "grafts"), encoding="ascii", errors="replace") as file:
            lines = [line.split() for line in file if not line.startswith("#")]
    except OSError:
        return frozenset()
    return frozenset(words[0] for words in lines if words)


class RawCommit(NamedTuple):
    """A commit: ids of tree and parents, its message, and whether that is in an encoding of its own."""

    tree: str
    parents: tuple[str, ...]
    message: bytes
    encoded: bool


class RawEntry(NamedTuple):
    """An entry of a tree: mode as git stores it (octal), name, object id."""

    mode: str
    name: bytes
    id: str


def strict_commit(data: bytes) -> RawCommit | None:
    """Returns the commit in `data`; None if it has anything that idse and git do not write."""
    found = _COMMIT.fullmatch(data)
    if found is None:
        return None
    tree, parents, encoding, message = found.groups()
    ids = (parents[at + 7 : at + 47].decode() for at in range(0, len(parents), _PARENT))
    return RawCommit(tree.decode(), tuple(ids), message, encoding is not None)


def strict_tree(data: bytes) -> list[RawEntry] | None:
    """Returns the entries of the tree in `data`; None if they are damaged, out of order or doubled."""
    found = _ENTRY.findall(data)
    if sum(len(mode) + len(name) + _AROUND_ENTRY for mode, name, _ in found) != len(data):
        return None
    keys = [name + b"/" if mode == b"40000" else name for mode, name, _ in found]
    if any(one >= other for one, other in pairwise(keys)):
        return None
    return [RawEntry(mode.decode(), name, raw.hex()) for mode, name, raw in found]


class CarefulObjects:
    """Reads like `ObjectStream`, and survives objects on which git gives up. Use it in a ``with`` block."""

    def __init__(self, git: Git) -> None:
        self._git = git.with_environment({"GIT_NO_REPLACE_OBJECTS": "1"})
        self._stream = ObjectStream(self._git, cap=LARGEST)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()

    def read_all(self, names: Iterable[str]) -> Sequence[GitObject | None]:
        """Returns each object, in order; None for one that is missing, damaged or larger than LARGEST."""
        wanted = list(names)
        try:
            return [_whole(found) for found in self._stream.read_all(wanted)]
        except GitFailedError:
            self._restart()
        return [self._read(name) for name in wanted]

    def sizes(self, ids: Iterable[str]) -> Mapping[str, int]:
        """Returns the size in bytes of each object that is here; none is loaded."""
        return object_sizes(self._git, ids)

    def _read(self, name: str) -> GitObject | None:
        try:
            return _whole(self._stream.read(name))
        except GitFailedError:
            self._restart()
            return None

    def _restart(self) -> None:
        self._stream.close()
        self._stream = ObjectStream(self._git, cap=LARGEST)


def _whole(found: GitObject | None) -> GitObject | None:
    return found if found is None or len(found.data) == found.size else None
