"""An index of our own that begins like the user's: what git then adds, it adds as `git add` would.

git looks at the staged text before it decides about line ends: a document that was committed with
CRLF keeps it, whatever core.autocrlf says by now. An empty index would give it another id.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from idse_orchestrator.git.program import Git

_AT_ONCE = 500
"""Paths on one command line."""
_PLAIN = b"100644 "
_MERGED = b" 0"


def fill_index(private: Git, users: Git, paths: Sequence[str]) -> Sequence[bytes]:
    """Stage in the index of `private` what the user's has of `paths`, which are files or folders; its rows.

    Plain files only: a mode is for whoever adds to decide, and an unmerged path has no one text.
    """
    rows = [row for group in _groups(paths) for row in _listed(users, group) if _is_plain(row)]
    if rows:
        private.bytes("update-index", "-z", "--index-info", stdin=b"\0".join(rows) + b"\0")
    return rows


def staged_ids(private: Git, users: Git, paths: Sequence[str]) -> list[str]:
    """The blob id that `git add` would give each of the files `paths`; the blobs are written.

    `private` has objects of its own and sees no others: git would touch those it did not have to write.
    """
    for row in fill_index(private, users, paths):
        blob = users.bytes("cat-file", "blob", row.split(b" ")[1].decode("ascii"))
        private.bytes("hash-object", "-w", "--no-filters", "--stdin", stdin=blob)
    names = b"".join(os.fsencode(path) + b"\0" for path in paths)
    private.bytes("-c", "core.safecrlf=false", "update-index", "--add", "-z", "--stdin", stdin=names)
    found = {}
    for row in _listed(private, ()):
        meta, _, path = row.partition(b"\t")
        found[os.fsdecode(path)] = meta.split(b" ")[1].decode("ascii")
    return [found[path] for path in paths]


def _groups(paths: Sequence[str]) -> list[Sequence[str]]:
    return [paths[start : start + _AT_ONCE] for start in range(0, len(paths), _AT_ONCE)]


def _listed(git: Git, paths: Sequence[str]) -> list[bytes]:
    out = git.bytes("--literal-pathspecs", "ls-files", "-s", "-z", "--", *paths)
    return out.split(b"\0")[:-1]


def _is_plain(row: bytes) -> bool:
    return row.startswith(_PLAIN) and row.partition(b"\t")[0].endswith(_MERGED)
