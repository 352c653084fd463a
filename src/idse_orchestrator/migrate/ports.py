"""What migrating needs from outside: a source to read, ledgers and a work tree to write."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

from idse_orchestrator.ledger.events import Actor
from idse_orchestrator.ledger.values import SessionKey

FILE, LINK, OTHER, CLOSED = "file", "link", "other", "closed"
"""What an entry of a source is: OTHER is a device or a pipe, CLOSED what cannot be read."""

Owner = TypeVar("Owner", bound=Hashable)

Progress = Callable[[str, int, int], None]
"""Called with what is done, how many are, and of how many."""


class SourceEntry(NamedTuple):
    """Something in a source that is no folder. `detail` is a link's target, or what an OTHER or a CLOSED is.

    `modified` is when it was written last, as events write a time; "" where nobody can say, or where that
    is yet to come.
    """

    path: str
    kind: str
    size: int = 0
    detail: str = ""
    modified: str = ""


class Step(NamedTuple):
    """A commit of the source that touched an owner's files: all of those as they were then, path to blob id.

    `at` is the author's date in UTC. Blob ids are those of the source.
    """

    commit: str
    at: str
    author: Actor
    subject: str
    files: Mapping[str, str]


class MigrationSource(Protocol):
    """What is migrated. Nothing here ever writes to it."""

    @property
    def description(self) -> str:
        """What it is called in reports: "folder /srv/old", "repository /srv/old"."""

    @property
    def trail(self) -> Sequence[str]:
        """The names of the folders that lead to it, from the outermost."""

    @property
    def left_out(self) -> Sequence[str]:
        """What is not looked into at all: git's own folders."""

    @property
    def doubts(self) -> Sequence[str]:
        """Sentences about what its history does not tell, although there was such a thing."""

    def entries(self) -> Iterator[SourceEntry]:
        """Everything in it that is no folder; paths as bytes that are no UTF-8 become surrogates."""

    def load(self, paths: Iterable[str]) -> Iterator[tuple[str, bytes | None]]:
        """The bytes of files, in order; None for one that cannot be read any more."""

    def history(self, owner: Callable[[str], Owner | None]) -> Mapping[Owner, Sequence[Step]]:
        """For each owner the commits that touched its files, oldest first; none where there is no history."""

    def blobs(self, ids: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """The bytes of blobs of the history; those missing, or too large for a ledger, are left out."""


class HistoricEvent(NamedTuple):
    """An event to write: as `Draft`, but `files` is the whole folder after it (None: as before).

    One that has both a time and an actor is a fact of the source, and the same event whoever writes it.
    """

    kind: str
    body: Mapping[str, Any]
    files: Mapping[str, str] | None = None
    at: str | None = None
    actor: Actor | None = None


class LedgerBatch(Protocol):
    """New ledgers that are written together; nothing is visible before `commit`."""

    def blob(self, data: bytes) -> str:
        """Keep a file's bytes; the id that events name them by."""

    def ledger(self, key: SessionKey, events: Sequence[HistoricEvent]) -> None:
        """Add the whole ledger of a new session."""

    def commit(self) -> Mapping[SessionKey, str]:
        """Make the ledgers visible, each one whole or not at all; the tree of each folder.

        A session whose ledger somebody else began meanwhile is left out.
        """


class MigrationTarget(Protocol):
    """The repository that takes over."""

    def migrated(self) -> Mapping[SessionKey, frozenset[str]]:
        """Every session that has a ledger, with the fingerprints of the migrations in it."""

    def batch(self) -> LedgerBatch:
        """A new batch."""

    def folder_exists(self, key: SessionKey) -> bool:
        """Whether the work tree has something where the session's folder belongs."""

    def was_given(self, key: SessionKey) -> bool:
        """Whether this work tree ever had the session's folder from, or gave it to, the ledger."""

    def check_out(self, key: SessionKey, files: Mapping[str, bytes], tree: str) -> None:
        """Write the folder of a session that has none in the work tree: all of it, or nothing."""
