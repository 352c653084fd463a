"""What the use cases need from outside, as Protocols; `git/` and `stores/` fulfil them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from idse_orchestrator.app.ledger_values import (
    Captured,
    CodeChange,
    Conflict,
    Draft,
    Look,
    Merged,
    ProjectPlan,
    ProjectTip,
    SessionKey,
    SessionPlan,
    SessionPlans,
    SessionTip,
    Synced,
    Tip,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from idse_orchestrator.domain.ledger.project_state import ProjectState
    from idse_orchestrator.domain.stage_state_model import SessionState

__all__ = [
    "Captured",
    "CodeChange",
    "CodeCommits",
    "Conflict",
    "Draft",
    "LedgerReader",
    "LedgerWriter",
    "Look",
    "Merged",
    "Names",
    "Notes",
    "ProjectPlan",
    "ProjectTip",
    "SessionKey",
    "SessionPlan",
    "SessionPlans",
    "SessionTip",
    "Synced",
    "Tip",
    "Workspace",
]


class Names(Protocol):
    """The names that exist; a LedgerReader fulfils it."""

    def projects(self) -> Sequence[str]:
        """Names of all projects, in order."""

    def sessions(self, project: str | None = None) -> Sequence[SessionKey]:
        """Keys of all sessions, in order; of one project if given."""


class LedgerReader(Names, Protocol):
    """Reading ledgers; writes nothing."""

    def session(self, project: str, session: str) -> SessionTip | None:
        """The tip of one session's ledger; None without a ledger; CorruptLedgerError if broken."""

    def states(self, keys: Iterable[SessionKey]) -> Mapping[SessionKey, SessionState]:
        """States of many sessions; those without a ledger are left out."""

    def project(self, project: str) -> ProjectTip | None:
        """The tip of one project's ledger."""

    def look(self, project: str, session: str) -> Look | None:
        """`session`, `artifact_blobs` of its tip and its project's registry, at the price of one."""

    def project_at(self, project: str, commit: str) -> ProjectState | None:
        """The state of a project at a commit of its ledger; None where `commit` is none of it here."""

    def tree_files(self, tree: str) -> Mapping[str, str]:
        """Blob ids of all files below a tree ("" : none), by path in it."""

    def find_commit(self, project: str, session: str, name: str) -> str:
        """The commit of a session's ledger that `name` stands for.

        A commit id or an event id, or the beginning of one; or ``@{N}``, N entries before the newest.
        UnknownNameError and AmbiguousError.
        """

    def artifact_blobs(self, commit: str) -> Mapping[str, str]:
        """Stage to blob id of its artifact at the ledger commit; stages without one are left out."""

    def last_sync(self) -> str:
        """When this clone last pushed or pulled something (UTC as ISO text), "" for never."""

    def synced(self, project: str, session: str) -> Synced:
        """The same, and what the Agency had of a session when it was asked last."""


class LedgerWriter(Protocol):
    """Appending to ledgers.

    A plan is called with the tip, under the lock, perhaps more than once; it returns the event to
    append, or None for "nothing to do", or raises to refuse. It must be quick and change nothing.
    """

    def ready(self) -> None:
        """Raise now what would keep every event from being appended, before anything is changed.

        StorageError where the repository cannot be written, InvalidConfigurationError where git does
        not know who acts.
        """

    def append(self, project: str, session: str, plan: SessionPlan) -> SessionTip | None:
        """Append the planned event; the tip afterwards (None: no ledger and nothing planned)."""

    def append_all(self, project: str, session: str, plan: SessionPlans) -> Sequence[SessionTip]:
        """Append the planned events one after the other, all of them or none: the ledger moves once.

        The tip after each of them; where none was planned, the tip as it is, if there is a ledger.
        """

    def append_to_project(self, project: str, plan: ProjectPlan) -> ProjectTip | None:
        """The same for a project's ledger."""


class Workspace(Protocol):
    """The documents in this work tree and what this work tree works on."""

    def blobs(self, project: str, session: str) -> Mapping[str, str]:
        """Stage to blob id of its artifact as git would record it now; stages without a file are left out."""

    def capture(self, project: str, session: str) -> Captured | None:
        """Write the folder's content as git objects; None where there is no folder or it is empty.

        InvalidArtifactError when the folder holds what a ledger may not.
        """

    def session_folders(self) -> Sequence[SessionKey]:
        """(project, session) of every session folder in this work tree, in order."""

    def current(self, project: str | None = None) -> SessionKey | None:
        """The session this work tree works on (in `project`); it may have no ledger any more."""

    def set_current(self, project: str, session: str) -> None:
        """Make it the session this work tree works on."""

    def write_views(self, project: str, views: Mapping[str, bytes]) -> Sequence[str]:
        """Write view files (by repository-relative path) that differ; the paths written."""

    def view(self, path: str) -> bytes | None:
        """The content of a view by repository-relative path; None where nothing stands there.

        What stands there and is no file has no content.
        """

    def base(self, project: str, session: str) -> str:
        """The tree that this work tree's edits of the session started from ("" for nothing)."""

    def given(self, project: str, session: str, head: str) -> str | None:
        """The tree this work tree last gave to the ledger while HEAD was `head`, or None."""

    def missed(self, project: str, session: str, head: str) -> str | None:
        """The tree this work tree last gave on an ancestor of `head`: commits since were not recorded.

        None where none were missed, or where the branch is another one.
        """

    def brought(self, project: str, session: str, commit: str) -> bool:
        """Whether what this work tree gave to the ledger last was on top of the code commit `commit`."""

    def agree(self, project: str, session: str, tree: str, heads: Sequence[str] = ()) -> None:
        """Remember that the folder, as `tree`, has been given to the ledger or taken from it.

        It holds on top of the code commits `heads` (default: HEAD; "" stands for no commit).
        """

    def merge(self, base: str, ours: str, theirs: str) -> Merged:
        """Apply what changed from `base` to `theirs` onto `ours`; all are trees, "" is an empty one."""

    def mixed(self, tree: str, other: str, paths: Sequence[str]) -> str:
        """`tree` in which the files `paths` are those of `other`; trees are ids, "" is an empty one."""

    def is_safe_to_replace(self, project: str, session: str, tree: str) -> bool:
        """Whether every document of the folder, as `tree`, can be found again: in HEAD, or in the ledger."""

    def replace_folder(self, project: str, session: str, before: str, after: str) -> Sequence[str]:
        """Make the folder, which is `before` now, the tree `after`; the paths written or removed.

        Files that git ignores stay.
        """

    def resolve_tree(self, rev: str, path: str) -> str | None:
        """The id of the tree at `path` of `rev`; None where there is none."""


class CodeCommits(Protocol):
    """The commits of the branch this work tree is on; ids are full."""

    def head(self) -> CodeChange | None:
        """HEAD against its first parent; None before the first commit."""

    def commit(self, name: str) -> CodeChange | None:
        """The commit `name` as `head` told of it when it was made here; None where it is gone."""

    def between(self, before: str, after: str) -> CodeChange:
        """The change from one commit to another."""

    def sessions_in(self, change: CodeChange) -> Sequence[SessionKey]:
        """The sessions of which any file differs, in order."""

    def unclean(self, folder: str) -> Sequence[str]:
        """Paths, relative to `folder`, of files that the work tree or the index has otherwise than HEAD.

        Those that git ignores are among them.
        """


class Notes(Protocol):
    """Notes on code commits."""

    def write_many(
        self, notes: Mapping[str, str], message: str, rewritten: Iterable[tuple[str, str]] = ()
    ) -> Sequence[str]:
        """Add `notes`, commit to text, and copy those of (old, new) pairs; the commits that changed."""
