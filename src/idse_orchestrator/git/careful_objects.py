"""Objects of a repository that may be damaged: what cannot be read is None, and reading goes on.

Replacement refs are left out of account: a ledger is what its own objects say.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Self

from idse_orchestrator.domain.ledger_commit import MAX_ARTIFACT_BYTES, Entry
from idse_orchestrator.errors import GitFailedError
from idse_orchestrator.git.object_stream import GitObject, ObjectStream

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

    def sized(self, entries: Sequence[Entry]) -> tuple[Sequence[Entry], Sequence[str]]:
        """`entries` with the sizes of their objects, which are not loaded; and the ids that are not here."""
        names = list(dict.fromkeys(entry.id for entry in entries))
        if not names:
            return entries, ()
        stdin = "".join(f"{name}\n" for name in names).encode()
        out = self._git.bytes("cat-file", "--batch-check=%(objectname) %(objectsize)", "--buffer", stdin=stdin)
        rows = (line.split() for line in out.decode().splitlines())
        sizes = {row[0]: int(row[1]) for row in rows if row[1].isdecimal()}
        known = [Entry(entry.mode, entry.path, entry.id, sizes.get(entry.id)) for entry in entries]
        return known, [name for name in names if name not in sizes]

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
