"""Writing objects by libgit2 beside a `git gc`, which takes empty object folders away.

libgit2 makes the folder and then renames the file into it. Where the folder goes in between, it gives up;
git itself makes the folder again, and so do we.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from idse_orchestrator.git.ledger.ref_update import write_failure
from idse_orchestrator.git.libgit2 import libgit2

if TYPE_CHECKING:
    import pygit2

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


def commit_object(
    git: pygit2.Repository,
    who: pygit2.Signature,
    message: str,
    tree: pygit2.Oid,
    parents: Sequence[pygit2.Oid],
) -> pygit2.Oid:
    """Write a commit and return its id; GitError or OSError where it could not be written.

    Never by `create_commit`: that of libgit2 1.9 gives an id, and no error, for a commit that a full disk
    or a vanished folder kept from being stored.
    """
    text = str(git.create_commit_string(who, who, message, tree, list(parents)))
    stored: pygit2.Oid = git.write(libgit2().GIT_OBJECT_COMMIT, text.encode())
    return stored
