"""How the ValidationEngine sees documents, wherever they stand.

A worktree, the index, a commit, a ledger tip and a quarantined push all look the same from here:
folders of files that have a mode, a content id and bytes. `tests/contracts/artifact_reader.py`
holds every implementation to this.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

REGULAR = 0o100644
EXECUTABLE = 0o100755
SYMLINK = 0o120000
GITLINK = 0o160000


class FileEntry(NamedTuple):
    """One file as git would record it: `mode` as in a tree, `blob` its id, `size` in bytes.

    `blob` is the id git gives the content after its filters, so equal ids mean equal documents
    whatever source they were read from. `size` is of the same content.
    """

    mode: int
    blob: str
    size: int


class ArtifactReader(Protocol):
    """One source of documents. Reading never writes a user's file, index or ref."""

    @property
    def description(self) -> str:
        """What this source is called in reports: "worktree", "index", "commit 3f2a1c9"."""

    def paths(self) -> Mapping[str, FileEntry]:
        """Every file under ``.idse/`` in this source, by repository-relative path."""

    def legacy_paths(self) -> Sequence[str]:
        """Paths outside ``.idse/`` that look like an older layout's session files."""

    def read_many(self, paths: Iterable[str]) -> Mapping[str, bytes]:
        """The bytes behind `paths`, each of which `paths()` named. A link reads as its target's text."""
