"""Commits and trees of somebody else, taken apart as strictly as the strictest git would."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import NamedTuple

FOLDER = "40000"
PLAIN = "100644"

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
    """The commit in `data`; None where it has anything that idse and git do not write."""
    found = _COMMIT.fullmatch(data)
    if found is None:
        return None
    tree, parents, encoding, message = found.groups()
    ids = (parents[at + 7 : at + 47].decode() for at in range(0, len(parents), _PARENT))
    return RawCommit(tree.decode(), tuple(ids), message, encoding is not None)


def strict_tree(data: bytes) -> list[RawEntry] | None:
    """The entries of the tree in `data`; None where they are damaged, out of order or doubled."""
    found = _ENTRY.findall(data)
    if sum(len(mode) + len(name) + _AROUND_ENTRY for mode, name, _ in found) != len(data):
        return None
    keys = [name + b"/" if mode == b"40000" else name for mode, name, _ in found]
    if any(one >= other for one, other in pairwise(keys)):
        return None
    return [RawEntry(mode.decode(), name, raw.hex()) for mode, name, raw in found]
