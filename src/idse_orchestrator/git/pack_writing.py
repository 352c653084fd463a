"""A pack of git objects: for many at once it is far faster than a file for each."""

from __future__ import annotations

import os
import zlib
from hashlib import sha1
from typing import TYPE_CHECKING

from idse_orchestrator.domain.content_ids import content_id

if TYPE_CHECKING:
    from idse_orchestrator.git.program import Git

_NUMBERS = {"commit": 1, "tree": 2, "blob": 3}
_CHUNK = 1 << 20


class PackWriter:
    """Writes to a new file in `folder`, a ``pack`` folder; each object once."""

    def __init__(self, folder: str) -> None:
        self._path = os.path.join(folder, f"tmp_pack_{os.urandom(8).hex()}")
        self._file = open(self._path, "x+b")  # noqa: SIM115 - closed by `close`
        self._file.write(_head(0))
        self._written: set[str] = set()

    def has(self, name: str) -> bool:
        """Whether the object of that id was added."""
        return name in self._written

    def add(self, kind: str, content: bytes) -> None:
        """Add an object, unless it is there."""
        name = content_id(kind, content)
        if name not in self._written:
            self._written.add(name)
            self._file.write(_size(_NUMBERS[kind], len(content)) + zlib.compress(content, 1))

    def close(self) -> None:
        """Let go of the file; what was not finished is no pack."""
        self._file.close()

    def finish(self, git: Git) -> None:
        """Make the pack one that git reads; nothing where nothing was added."""
        if not self._written:
            self._file.close()
            os.unlink(self._path)
            return
        self._file.seek(0)
        self._file.write(_head(len(self._written)))
        self._file.seek(0)
        digest = sha1(usedforsecurity=False)
        while chunk := self._file.read(_CHUNK):
            digest.update(chunk)
        self._file.write(digest.digest())
        self._file.close()
        final = os.path.join(os.path.dirname(self._path), f"pack-{digest.hexdigest()}.pack")
        os.rename(self._path, final)
        git.bytes("index-pack", final)


def _head(count: int) -> bytes:
    return b"PACK" + (2).to_bytes(4, "big") + count.to_bytes(4, "big")


def _size(kind: int, length: int) -> bytes:
    """Kind and length as a pack has them: four bits of the length first, then seven at a time."""
    first, rest = (kind << 4) | (length & 15), length >> 4
    out = bytearray()
    while rest:
        out.append(first | 0x80)
        first, rest = rest & 0x7F, rest >> 7
    out.append(first)
    return bytes(out)
