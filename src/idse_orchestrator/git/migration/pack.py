"""A pack of new objects, collected in memory and installed by git in one step.

A ledger of a long history has thousands of small objects. One by one they cost a file each; together they
cost one file and one process. The form is git's pack format, version 2, without deltas (gitformat-pack).
"""

from __future__ import annotations

from hashlib import sha1
from typing import TYPE_CHECKING
from zlib import compress

from idse_orchestrator.domain.content_ids import content_id
from idse_orchestrator.git.program import failure

if TYPE_CHECKING:
    from idse_orchestrator.git.program import Git

_TYPES = {"commit": 1, "tree": 2, "blob": 3}
_QUICKLY = 1
_PATIENCE = 600.0


class Pack:
    """Objects that git does not have yet. `size` is how many bytes they take."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._known: set[str] = set()
        self.size = 0

    def add(self, kind: str, content: bytes) -> str:
        """Add an object of `kind` ("commit", "tree" or "blob"); its id."""
        name = content_id(kind, content)
        if name not in self._known:
            self._known.add(name)
            part = _header(_TYPES[kind], len(content)) + compress(content, _QUICKLY)
            self._parts.append(part)
            self.size += len(part)
        return name

    def install(self, git: Git) -> None:
        """Give all of it to the repository of `git`, and begin anew. StorageError where the disk refuses."""
        if not self._parts:
            return
        body = b"".join((b"PACK", (2).to_bytes(4, "big"), len(self._parts).to_bytes(4, "big"), *self._parts))
        args = ("index-pack", "--stdin")
        done = git.attempt(*args, stdin=body + sha1(body, usedforsecurity=False).digest(), timeout=_PATIENCE)
        if done.returncode != 0:
            raise failure(args, done)
        self.__init__()  # type: ignore[misc] # a new pack is what is wanted


def _header(kind: int, size: int) -> bytes:
    """Type and size: four bits of the size in the first byte, seven in each one after it."""
    out = bytearray([kind << 4 | size & 15])
    size >>= 4
    while size:
        out[-1] |= 0x80
        out.append(size & 0x7F)
        size >>= 7
    return bytes(out)
