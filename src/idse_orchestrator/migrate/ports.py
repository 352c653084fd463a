"""The source of a migration: a folder, a work tree or a bare repository; and the events made from it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

from idse_orchestrator.ledger.events import Actor

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
    """The source of a migration; nothing ever writes to it."""

    @property
    def description(self) -> str:
        """Its name in reports: "folder /srv/old", "repository /srv/old"."""

    @property
    def trail(self) -> Sequence[str]:
        """The names of the folders that lead to it, from the outermost."""

    @property
    def left_out(self) -> Sequence[str]:
        """Folders that are not read at all: git's own."""

    @property
    def doubts(self) -> Sequence[str]:
        """Sentences about what its history does not tell, although there was such a thing."""

    def entries(self) -> Iterator[SourceEntry]:
        """Yields everything in it that is no folder; paths that are no UTF-8 have surrogates."""

    def load(self, paths: Iterable[str]) -> Iterator[tuple[str, bytes | None]]:
        """Yields the bytes of files, in order; None for one that cannot be read any more."""

    def history(self, owner: Callable[[str], Owner | None]) -> Mapping[Owner, Sequence[Step]]:
        """Returns owner to the commits that touched its files, oldest first; none without a history."""

    def blobs(self, ids: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """Yields the bytes of blobs of the history, without those missing or too large for a ledger."""


class HistoricEvent(NamedTuple):
    """An event to write: as `Draft`, but `files` is the whole folder after it (None: as before).

    One that has both a time and an actor is a fact of the source, and the same event whoever writes it.
    """

    kind: str
    body: Mapping[str, Any]
    files: Mapping[str, str] | None = None
    at: str | None = None
    actor: Actor | None = None
