"""What is known of the drift of a session, kept for `idse status`: it must not walk history each time.

What is kept holds for one commit at HEAD and one of the ledger. Both are known without a process.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from idse_orchestrator.base.files import make_folder, write_atomically
from idse_orchestrator.errors import IdseError

if TYPE_CHECKING:
    from idse_orchestrator.ledger.events import SessionKey
    from idse_orchestrator.worktree.work_tree import WorkTree

_SYMBOLIC = "ref: "


class KeptDrift:
    """How many commits drifted from what a session built; `count` is None where nobody knows."""

    def __init__(self, work_tree: WorkTree, key: SessionKey, tip: str) -> None:
        self._place = os.path.join(work_tree.git_dir, "idse", "drift", *key)
        self._about = f"{head_of(work_tree)} {tip}"
        about, _, count = _line(self._place).rpartition(" ")
        self.count = int(count) if about == self._about and count.isdecimal() else None

    def keep(self, count: int) -> None:
        """Keeps what was found; a file that cannot be written costs the next one its time, and no more."""
        self.count = count
        with suppress(OSError, IdseError):
            make_folder(os.path.dirname(self._place))
            write_atomically(self._place, f"{self._about} {count}\n".encode())


def head_of(work_tree: WorkTree) -> str:
    """Returns the commit at HEAD, "" before the first one; read as files, since a process costs 3 ms."""
    text = _line(os.path.join(work_tree.git_dir, "HEAD"))
    if not text.startswith(_SYMBOLIC):
        return text
    ref = text.removeprefix(_SYMBOLIC)
    return _line(os.path.join(work_tree.common_dir, ref)) or _packed(work_tree.common_dir, ref)


def _packed(common_dir: str, ref: str) -> str:
    with (
        suppress(OSError),
        open(os.path.join(common_dir, "packed-refs"), encoding="utf-8", errors="replace") as file,
    ):
        for line in file:
            if line.rstrip("\n").endswith(f" {ref}"):
                return line.partition(" ")[0]
    return ""


def _line(path: str) -> str:
    with suppress(OSError), open(path, encoding="utf-8", errors="replace") as file:
        return file.readline().rstrip("\n")
    return ""
