"""Loose objects in the order in which they may appear in a store: whatever one leads to comes before it.

A store in which a commit stands without its parents is broken for whoever goes by that commit: so the
order decides what a process leaves that is killed between two files.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterable

from idse_orchestrator.git.replay.raw_objects import parse_commit

_KINDS = (b"blob", b"tag", b"tree", b"commit")


def in_order(folder: str, names: Iterable[str]) -> list[str]:
    """`names` (``ab/cdef…``, paths in `folder`): files first, then trees, then commits from the oldest."""
    found = {name: _content(os.path.join(folder, name)) for name in names}
    commits = {name: data for name, data in found.items() if data.startswith(b"commit ")}
    others = sorted(found.keys() - commits.keys(), key=lambda name: (_rank(found[name]), name))
    return [*others, *_oldest_first(commits)]


def _oldest_first(commits: dict[str, bytes]) -> list[str]:
    """Parents before children, without recursion: a history may be long."""
    parents = {name: _parents(data) for name, data in commits.items()}
    done: dict[str, None] = {}
    for first in sorted(commits):
        waiting = [first]
        while waiting:
            name = waiting[-1]
            before = [each for each in parents[name] if each in commits and each not in done]
            if before:
                waiting += before
            else:
                done[waiting.pop()] = None
    return list(done)


def _parents(data: bytes) -> list[str]:
    found = parse_commit(data.partition(b"\0")[2])[1]
    return [f"{parent[:2]}/{parent[2:]}" for parent in found]


def _rank(data: bytes) -> int:
    kind = data.partition(b" ")[0]
    return _KINDS.index(kind) if kind in _KINDS else 0


def _content(path: str) -> bytes:
    """The object at `path`; of anything but a commit only the beginning, since it may be large."""
    with open(path, "rb") as file:
        unpacked = zlib.decompressobj()
        data = unpacked.decompress(file.read(4096), 64)
        if not data.startswith(b"commit "):
            return data
        return data + unpacked.decompress(unpacked.unconsumed_tail + file.read())
