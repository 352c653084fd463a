"""What a store of the projection does, whichever engine is below: SQLite in the home, or PostgreSQL.

A query is plain SQL with `:name` for what is given. It runs for one client, and sees the rows of that client
alone, whatever it asks for: PostgreSQL by policies on rows, SQLite by views that stand before the tables. A
query for EVERYONE sees all of them: that is for operators.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from idse_orchestrator.errors import StorageError

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

Row: TypeAlias = "dict[str, Any]"
"""A row by the names of its columns."""
Values: TypeAlias = "tuple[str | int, ...]"
"""A row as it is written: the values of all columns, in order."""
EVERYONE = ""
"""The client of queries that see the rows of all: those of operators."""
_MOST = (1 << 63) - 1


class Reader(Protocol):
    """A transaction that only reads: all that it reads is of one moment."""

    def read(self, query: str, **given: object) -> list[Row]:
        """Returns the rows that `query` finds. `:client` is the client for whom it runs."""


class Writer(Reader, Protocol):
    """A transaction that writes, beside which nobody else writes for this client.

    What it is told to do may be done later, with the next that it reads or with its end.
    """

    def run(self, statement: str, **given: object) -> None:
        """Runs `statement`."""

    def run_many(self, statement: str, given: Iterable[Mapping[str, object]]) -> None:
        """Runs `statement` once for each of `given`."""

    def add(self, table: str, rows: Sequence[Values], *, skip: bool = False) -> None:
        """Adds rows. With `skip` those whose key is there are left as they are."""

    def add_new(self, table: str, rows: Sequence[Values]) -> int:
        """Adds the rows whose key is not there, and returns how many these are."""


class Tables(Protocol):
    """What reads of the projection in one database need."""

    @property
    def engine(self) -> str:
        """``sqlite`` or ``postgresql``."""

    def read(self, query: str, /, *, client: str, **given: object) -> list[Row]:
        """Returns the rows that `query` finds for `client`. Raises StorageError where the database fails."""

    def reading(self, client: str) -> AbstractContextManager[Reader]:
        """Opens a transaction that only reads, for several queries that must agree."""


class Awaited:
    """`tables` whose reads `wait` first, with the id of the client for whom they read; "" : for all."""

    def __init__(self, tables: Tables, wait: Callable[[str], None]) -> None:
        self._tables = tables
        self._wait = wait

    @property
    def engine(self) -> str:
        """``sqlite`` or ``postgresql``."""
        return self._tables.engine

    def read(self, query: str, /, *, client: str, **given: object) -> list[Row]:
        """Returns the rows that `query` finds for `client`."""
        self._wait(client)
        return self._tables.read(query, client=client, **given)

    def reading(self, client: str) -> AbstractContextManager[Reader]:
        """Opens a transaction that only reads."""
        self._wait(client)
        return self._tables.reading(client)


class Store(Tables, Protocol):
    """The projection in one database."""

    @property
    def where(self) -> str:
        """Where the database is, as errors about it say."""

    def writing(self, client: str) -> AbstractContextManager[Writer]:
        """Opens a transaction that holds the lock of `client`; with the block it is written, or undone."""

    def check_role(self) -> None:
        """Raises UsageError where the role of clients is one that no policy binds."""

    def is_current(self) -> bool:
        """Tests whether the tables are there, and of this version; StorageError where nobody can tell."""

    def make(self) -> None:
        """Makes all tables, empty; those that were there are gone."""

    def beside(self) -> Store:
        """Returns a store of empty tables beside this one, which nobody reads yet."""

    def switch(self, beside: Store, catch_up: Callable[[], None]) -> None:
        """Puts the tables of `beside` into the place of these, at once for all readers.

        `catch_up` runs before, while nobody else writes.
        """

    def close(self) -> None:
        """Lets go of all connections of this process."""


def clean(value: str | int) -> str | int:
    """Returns a value as both engines keep it.

    A NUL and half a character are replaced: PostgreSQL takes neither. A number is kept in 64 bits.
    """
    if isinstance(value, str):
        if value.isascii() and "\0" not in value:
            return value
        return value.replace("\0", "\ufffd").encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    return min(max(int(value), -_MOST), _MOST)


def failed(where: str, cause: str) -> StorageError:
    """Returns the error for a projection that cannot be used now. Pushes go on without it."""
    return StorageError(
        "the projection cannot be used",
        where=where,
        cause=cause,
        fix=("idse agency doctor", "idse agency index --rebuild  # makes it anew from git"),
    )
