"""The documents at hand and what is worked on, as far as use cases ask, and the values they pass on.

Each Protocol has two implementations: in a work tree of git, and in a plain folder.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from idse_orchestrator.ledger.events import Draft, SessionKey
    from idse_orchestrator.ledger.merge.conflicts import Merged


class Move(NamedTuple):
    """What is asked for: `action` on `stage`, why ("" where no reason was given), by whom ("" : a person)."""

    stage: str
    action: str
    reason: str = ""
    agent: str = ""


class Addition(NamedTuple):
    """What another room adds to a move: keys of its event, and the events that follow it."""

    body: Mapping[str, Any] = {}
    events: tuple[Draft, ...] = ()


class Captured(NamedTuple):
    """A session's folder as git would record it: tree id, and blob ids by relative path."""

    tree: str
    files: Mapping[str, str]


class SessionFolders(Protocol):
    """The sessions that have a folder here, and the one that is worked on."""

    def session_folders(self) -> Sequence[SessionKey]:
        """Returns (project, session) of every session folder in this work tree, in order."""

    def current(self, project: str | None = None) -> SessionKey | None:
        """Returns the session this work tree works on (in `project`); it may have no ledger any more."""

    def set_current(self, project: str, session: str) -> None:
        """Makes it the session this work tree works on."""


class ViewFiles(SessionFolders, Protocol):
    """The views that stand beside them."""

    def write_views(self, views: Mapping[str, bytes]) -> Sequence[str]:
        """Writes view files (by repository-relative path) that differ; the paths written."""

    def view(self, path: str) -> bytes | None:
        """Returns the content of a view by repository-relative path; None where nothing stands there.

        What stands there and is no file has no content.
        """


class Documents(Protocol):
    """The documents of sessions as they are here."""

    def blobs(self, project: str, session: str) -> Mapping[str, str]:
        """Stage to blob id of its artifact as git would record it now; stages without a file are left out."""

    def capture(self, project: str, session: str) -> Captured | None:
        """Writes the folder's content as git objects; None where there is no folder or it is empty.

        InvalidArtifactError when the folder holds what a ledger may not.
        """


class Contributions(Documents, Protocol):
    """What this work tree gave to a session's ledger or took from it, and merges of that with the rest."""

    def base(self, project: str, session: str) -> str:
        """Returns the tree that this work tree's edits of the session started from ("" for nothing)."""

    def agree(self, project: str, session: str, tree: str, heads: Sequence[str] = ()) -> None:
        """Remembers that the folder, as `tree`, has been given to the ledger or taken from it.

        It holds on top of the code commits `heads` (default: HEAD; "" stands for no commit).
        """

    def merge(self, base: str, ours: str, theirs: str) -> Merged:
        """Applies what changed from `base` to `theirs` onto `ours`; all are trees, "" is an empty one."""


class Workspace(SessionFolders, Contributions, Protocol):
    """What making a session needs."""
