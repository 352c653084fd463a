"""One entry of a git tree, and the modes that ledgers have. Pure, for what judges ledgers."""

from __future__ import annotations

from typing import NamedTuple

PLAIN = "100644"
FOLDER = "40000"


class Entry(NamedTuple):
    """One entry of a tree: mode as git stores it (octal), path, object id, size of a file if it is known."""

    mode: str
    path: str
    id: str
    size: int | None = None
