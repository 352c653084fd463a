"""Many objects at once: written as one pack, or moved loose in a safe order.

The form is git's pack format, version 2, without deltas (gitformat-pack).

A store in which a commit stands without its parents is broken for whoever goes by that commit: so the
order decides what a process leaves that is killed between two files.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterable
from hashlib import sha1
from tempfile import TemporaryFile, gettempdir
from typing import TYPE_CHECKING

from idse_orchestrator.base.files import storage_error
from idse_orchestrator.base.names import content_id
from idse_orchestrator.git.objects import parse_commit
from idse_orchestrator.git.program import failure

if TYPE_CHECKING:
    from idse_orchestrator.git.program import Git

_NUMBERS = {"commit": 1, "tree": 2, "blob": 3}
_CHUNK = 1 << 20
_SMALL = 1 << 12
_PATIENCE = 600.0


class PackWriter:
    """Writes each object once, to a file without a name. `size` is how many bytes the objects take."""

    def __init__(self) -> None:
        self._file = TemporaryFile()  # noqa: SIM115 - closed by `close` and `install`
        self._put(_head(0))
        self._written: set[str] = set()
        self.size = 0

    def has(self, name: str) -> bool:
        """Tests whether the object of that id was added."""
        return name in self._written

    def add(self, kind: str, content: bytes, name: str = "") -> str:
        """Adds an object of `kind` ("commit", "tree" or "blob"), unless it is there; returns its id.

        `name` is its id where the caller knows it.
        """
        name = name or content_id(kind, content)
        if name not in self._written:
            self._written.add(name)
            self.size += self._put(_size(_NUMBERS[kind], len(content)) + _compressed(content))
        return name

    def close(self) -> None:
        """Closes the file; what was not finished is no pack."""
        self._file.close()

    def install(self, git: Git) -> None:
        """Installs the pack where `git` writes, in one step. Raises StorageError if the disk is full."""
        self._seal()
        if self._written:
            args = ("index-pack", "--stdin")
            done = git.attempt(*args, stdin=self._file, timeout=_PATIENCE)
            if done.returncode != 0:
                raise failure(args, done)
        self.close()

    def _put(self, content: bytes) -> int:
        try:
            written = self._file.write(content)
        except OSError as error:
            raise storage_error(error, gettempdir()) from error
        return written

    def _seal(self) -> None:
        """Writes how many objects there are, and the checksum."""
        try:
            self._file.seek(0)
            self._file.write(_head(len(self._written)))
            self._file.seek(0)
            digest = sha1(usedforsecurity=False)
            while chunk := self._file.read(_CHUNK):
                digest.update(chunk)
            self._file.write(digest.digest())
            self._file.flush()
        except OSError as error:
            raise storage_error(error, gettempdir()) from error


def _compressed(content: bytes) -> bytes:
    """Returns `content` as zlib has it. A small one needs no large window, which takes 80 µs to set up."""
    if len(content) > _SMALL:
        return zlib.compress(content, 1)
    packer = zlib.compressobj(1, zlib.DEFLATED, 12, 3)
    return packer.compress(content) + packer.flush()


def _head(count: int) -> bytes:
    return b"PACK" + (2).to_bytes(4, "big") + count.to_bytes(4, "big")


def _size(kind: int, length: int) -> bytes:
    """Encodes kind and length: four bits of the length first, then seven at a time."""
    first, rest = (kind << 4) | (length & 15), length >> 4
    out = bytearray()
    while rest:
        out.append(first | 0x80)
        first, rest = rest & 0x7F, rest >> 7
    out.append(first)
    return bytes(out)


_KINDS = (b"blob", b"tag", b"tree", b"commit")


def in_order(folder: str, names: Iterable[str]) -> list[str]:
    """Orders `names` (``ab/cdef…`` in `folder`): files, then trees, then commits from the oldest."""
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
    """Reads the object at `path`; of anything but a commit only the beginning, since it may be large."""
    with open(path, "rb") as file:
        unpacked = zlib.decompressobj()
        data = unpacked.decompress(file.read(4096), 64)
        if not data.startswith(b"commit "):
            return data
        return data + unpacked.decompress(unpacked.unconsumed_tail + file.read())
