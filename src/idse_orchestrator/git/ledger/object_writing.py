"""Writing objects by libgit2 beside a `git gc`, which takes empty object folders away.

libgit2 makes the folder and then renames the file into it. Where the folder goes in between, it gives up;
git itself makes the folder again, and so do we.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from idse_orchestrator.git.ledger.ref_update import write_failure
from idse_orchestrator.git.libgit2 import libgit2

Written = TypeVar("Written")

_TRIES = 1_000
_VANISHED = "No such file or directory"


def write_objects(where: str, write: Callable[[], Written]) -> Written:
    """What `write` gives, which may be called again; StorageError where the disk refuses."""
    for left in reversed(range(_TRIES)):
        try:
            return write()
        except (libgit2().GitError, OSError) as error:
            if not left or _VANISHED not in str(error):
                raise write_failure(where, error) from error
    raise AssertionError
