"""Small questions about objects, asked of two gits that stay open."""

from __future__ import annotations

from typing import TYPE_CHECKING

from idse_orchestrator.errors import GitFailedError
from idse_orchestrator.git.replay.careful_objects import CarefulObjects

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Mapping, Sequence

    from idse_orchestrator.git.program import Git

CHECK = ("cat-file", "--batch-check=%(objectname) %(objecttype) %(objectsize)")
FEW = 64
"""Ids up to this number fit into the smallest pipe together with their answers."""


class FewObjects:
    """Answers questions about FEW objects at once. What it started it ends with `close`."""

    def __init__(self, git: Git) -> None:
        self._git = git
        self._checker: subprocess.Popen[bytes] | None = None
        self._reader: CarefulObjects | None = None

    def measure(self, ids: Sequence[str]) -> list[str]:
        """A line ``<id> <kind> <size>`` for each of `ids` that is there; another line for what is not."""
        if not ids:
            return []
        if self._checker is None:
            self._checker = self._git.start(*CHECK)
        asking, answering = self._checker.stdin, self._checker.stdout
        if asking is None or answering is None:
            raise GitFailedError("git does not answer")
        try:
            asking.write("".join(f"{name}\n" for name in ids).encode())
            asking.flush()
        except BrokenPipeError as error:
            raise GitFailedError(
                "git stopped in the middle of measuring objects", fix=("git fsck",)
            ) from error
        return [answering.readline().decode().removesuffix("\n") for _ in ids]

    def load(self, ids: Sequence[str]) -> Mapping[str, bytes]:
        """The content of each of `ids` that can be read."""
        if not ids:
            return {}
        if self._reader is None:
            self._reader = CarefulObjects(self._git)
        found = zip(ids, self._reader.read_all(ids), strict=True)
        return {name: each.data for name, each in found if each is not None}

    def close(self) -> None:
        """End both gits; they only read."""
        if self._reader is not None:
            self._reader.__exit__()
        child = self._checker
        if child is not None:
            child.kill()
            for pipe in (child.stdin, child.stdout):
                if pipe is not None:
                    pipe.close()
            child.wait()
