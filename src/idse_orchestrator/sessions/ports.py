"""What people do with sessions needs of the documents that are at hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple, Protocol

from idse_orchestrator.ledger.merge.conflicts import Merged
from idse_orchestrator.ledger.values import SessionKey

if TYPE_CHECKING:
    from collections.abc import Sequence


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


class Captured(NamedTuple):
    """A session's folder as git would record it: tree id, and blob ids by relative path."""

    tree: str
    files: Mapping[str, str]
