"""The documents at hand and what is worked on, as far as use cases ask, and the values they pass on.

Each Protocol has two implementations: in a work tree of git, and in a plain folder.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.documents.project_workspace import ARTIFACTS

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
    """Holds what another room adds to a move: keys of its event, and the events that follow it.

    `keeper` is the agent whose stage it is, or who is offered it ("" : nobody's in particular).
    """

    body: Mapping[str, Any] = {}
    events: tuple[Draft, ...] = ()
    keeper: str = ""


class Captured(NamedTuple):
    """A session's folder as git would record it: tree id, and blob ids by relative path."""

    tree: str
    files: Mapping[str, str]


class Edit(NamedTuple):
    """A session's folder as it was edited, and the trees it may have started from, the best first.

    `own` is what this work tree gave to the ledger last, where nobody knows how the branch moved since: a
    file that the ledger has just so gives way where it conflicts. Trees are ids; "" is an empty one.
    """

    theirs: str
    bases: tuple[str, ...]
    own: str = ""


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

    def blobs(self, project: str, session: str, files: Mapping[str, str] = ARTIFACTS) -> Mapping[str, str]:
        """Stage to blob id of its artifact as git would record it now; stages without a file are left out.

        `files` are others to ask for instead: any name to a path in the session's folder.
        """

    def content(self, project: str, session: str, path: str, blob: str) -> bytes | None:
        """Returns a file of the session's folder as git would record it; None where that is not `blob`."""

    def given(self, project: str, session: str) -> str:
        """Returns the tree that was given to the session's ledger last, or taken from it; "" for none."""

    def capture(self, project: str, session: str) -> Captured | None:
        """Writes the folder's content as git objects; None where there is no folder or it is empty.

        InvalidArtifactError when the folder holds what a ledger may not.
        """


class Contributions(Documents, Protocol):
    """What this work tree gave to a session's ledger or took from it, and merges of that with the rest."""

    def edit(self, project: str, session: str, tree: str) -> Edit:
        """Returns what this work tree changed of the session, whose folder is `tree` now."""

    def agree(self, project: str, session: str, tree: str, heads: Sequence[str] = ()) -> None:
        """Remembers that the folder, as `tree`, has been given to the ledger or taken from it.

        It holds on top of the code commits `heads` (default: HEAD; "" stands for no commit).
        """

    def apply(self, edit: Edit, ours: str) -> Merged:
        """Applies `edit` to the documents `ours` of a ledger."""


class Workspace(SessionFolders, Contributions, Protocol):
    """What making a session needs."""

    def start_from_branch(self, project: str, session: str) -> None:
        """Remembers the branch's folder as where edits start, where nothing was given from here yet."""

    def is_carried(self, project: str, session: str) -> bool:
        """Tests whether the branch has the session's folder: then another clone may have its ledger."""

    def head(self) -> str | None:
        """Returns the commit that is checked out ("" before the first one); None where there is no git."""
