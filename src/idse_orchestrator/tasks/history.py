"""The events of one task, read from its line of commits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from idse_orchestrator.git.libgit2 import libgit2
from idse_orchestrator.ledger.commit import EVENT, corrupt
from idse_orchestrator.ledger.events import Event, event_from_json

if TYPE_CHECKING:
    from idse_orchestrator.git.libgit2 import pygit2


def events_of(git: pygit2.Repository, tip: str, ref: str) -> Sequence[Event]:
    """Returns the events up to the commit `tip`, the first one first. CorruptLedgerError."""
    found = []
    try:
        commit = git[tip].peel(libgit2().Commit)
        while True:
            found.append(event_from_json(git[commit.tree[EVENT].id].peel(libgit2().Blob).data))
            if not commit.parents:
                break
            commit = commit.parents[0]
    except (KeyError, ValueError, AttributeError, libgit2().GitError) as error:
        raise corrupt(ref, f"a commit of it cannot be read: {error}") from error
    return found[::-1]
