"""What is kept of one task: its events, and the files that an attempt put out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from idse_orchestrator.base.records import NamedTuple
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


class Kept(NamedTuple):
    """A file that an attempt put out beside code: its path, its size in bytes, and its blob."""

    path: str
    size: int
    blob: str


def outputs_of(git: pygit2.Repository, ref: str) -> Sequence[Kept] | None:
    """Returns the files that an attempt put out, by path; None where nothing was kept. CorruptLedgerError."""
    found: list[Kept] = []
    try:
        waiting = [("", git.lookup_reference(ref).peel(libgit2().Tree))]
        while waiting:
            above, tree = waiting.pop()
            for entry in tree:
                path = above + (entry.raw_name or b"").decode("utf-8", "surrogateescape")
                if isinstance(entry, libgit2().Tree):
                    waiting.append((f"{path}/", entry))
                elif isinstance(entry, libgit2().Blob):
                    found.append(Kept(path, entry.size, str(entry.id)))
    except KeyError:
        return None
    except (ValueError, libgit2().GitError) as error:
        raise corrupt(ref, f"what it keeps cannot be read: {error}") from error
    return sorted(found)
