"""The user's own branch, and notes on its commits."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from idse_orchestrator.ledger.values import SessionKey

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


class CodeChange(NamedTuple):
    """What moved the branch: from `before` ("" : nothing) to `after`, and the first line of its message.

    `previous` is where HEAD stood until then. It differs from `before` when a commit was amended.
    `is_merge`: one commit with several parents, so that somebody has brought their texts together.
    """

    before: str
    after: str
    subject: str
    previous: str
    is_merge: bool = False


class Missed(NamedTuple):
    """What waits to be recorded: the commit `after`, or the way to it from `before` ("" : it alone)."""

    after: str
    before: str = ""


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
