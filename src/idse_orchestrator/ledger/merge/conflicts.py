"""What a merge could not decide, and the merges themselves.

They have a file of their own because a status needs some of them, and most commits need no more.
"""

from __future__ import annotations

from idse_orchestrator.base.records import NamedTuple

MARKERS = "markers"
NO_TEXT = "no-text"
REMOVED_HERE = "removed-here"
REMOVED_THERE = "removed-there"
FOLDER = "folder"
CASE = "case"
"""Kinds of a conflict: what the ledger holds of it. See `Conflict`."""


class Conflict(NamedTuple):
    """A path of a merged tree that both sides changed, each in its way, and what became of it.

    MARKERS: both texts, between markers · NO_TEXT: that of the edit, since it can have no markers ·
    REMOVED_HERE: that of the ledger, which the edit had removed · REMOVED_THERE: that of the edit, which
    the ledger had removed · FOLDER: the file, which was `original` until a folder had that name ·
    CASE: the file, which was `original`, where another one differs from that only in case.
    """

    path: str
    kind: str
    original: str


class ConflictPlace(NamedTuple):
    """Where a document of a ledger has the markers of a conflict: the ref, the path, the first line."""

    ref: str
    path: str
    line: int


def conflict_line(data: bytes) -> int:
    """Returns the line of the first conflict between markers in a document; 0 without one."""
    if b"<<<<<<< " not in data or b">>>>>>> " not in data:
        return 0
    opened = 0
    for number, line in enumerate(data.split(b"\n"), 1):
        if line.startswith(b"<<<<<<< "):
            opened = opened or number
        elif opened and line.startswith(b">>>>>>> "):
            return opened
    return 0


class Merged(NamedTuple):
    """A merged tree, and its conflicts in order of their paths."""

    tree: str
    conflicts: tuple[Conflict, ...]

    @property
    def paths(self) -> tuple[str, ...]:
        """Those of the conflicts."""
        return tuple(conflict.path for conflict in self.conflicts)


def settle_edit(base: str, ours: str, theirs: str) -> Merged | None:
    """Returns the merge of an edit into a ledger where no folder has to be read; None where it has to.

    A ledger without documents takes the edit whole.
    """
    if theirs in (ours, base):
        return Merged(ours, ())
    return Merged(theirs, ()) if ours in ("", base) else None


class Pair(NamedTuple):
    """Two commits in id order, their base ("" : none), and the commits that only one of them reaches."""

    one: str
    other: str
    base: str
    apart: tuple[str, ...]


class Joined(NamedTuple):
    """A merge of two ledger commits, and what it could not decide, in order of the paths.

    In its conflicts the ledger is the parent with the smaller id, and the edit the one with the greater.
    `pair` is what was merged, None where one of the two is an ancestor of the other.
    """

    commit: str
    conflicts: tuple[Conflict, ...]
    pair: Pair | None = None

    @property
    def paths(self) -> tuple[str, ...]:
        """Those of the conflicts."""
        return tuple(conflict.path for conflict in self.conflicts)
