"""Objects of a repository that may be damaged: what cannot be read is None, and reading goes on.

Replacement refs are left out of account: a ledger is what its own objects say.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Self

from idse_orchestrator.domain.ledger.commit import MAX_ARTIFACT_BYTES
from idse_orchestrator.errors import GitFailedError
from idse_orchestrator.git.object_stream import GitObject, ObjectStream, object_sizes

if TYPE_CHECKING:
    from idse_orchestrator.git.program import Git

_CAP = 64 * MAX_ARTIFACT_BYTES
"""A state or event beyond this is not loaded, and counts as damaged."""


class CarefulObjects:
    """Reads like `ObjectStream`, and survives objects on which git gives up. Use it in a ``with`` block."""

    def __init__(self, git: Git) -> None:
        self._git = git.with_environment({"GIT_NO_REPLACE_OBJECTS": "1"})
        self._stream = ObjectStream(self._git, cap=_CAP)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()

    def read_all(self, names: Iterable[str]) -> Sequence[GitObject | None]:
        """Each object by its id; None where it is missing, damaged or beyond all measure."""
        wanted = list(names)
        try:
            return [_whole(found) for found in self._stream.read_all(wanted)]
        except GitFailedError:
            self._restart()
        return [self._read(name) for name in wanted]

    def sizes(self, ids: Iterable[str]) -> Mapping[str, int]:
        """Size in bytes of each object that is here; none is loaded."""
        return object_sizes(self._git, ids)

    def _read(self, name: str) -> GitObject | None:
        try:
            return _whole(self._stream.read(name))
        except GitFailedError:
            self._restart()
            return None

    def _restart(self) -> None:
        self._stream.close()
        self._stream = ObjectStream(self._git, cap=_CAP)


def _whole(found: GitObject | None) -> GitObject | None:
    return found if found is None or len(found.data) == found.size else None
