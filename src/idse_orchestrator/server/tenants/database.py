"""The database of the Agency: SQLite with a log that is written ahead, safe for many threads and processes.

Every thread has a connection of its own. What is written is on the disk when the call returns. The SQL is
such that PostgreSQL takes it, too; what only SQLite knows is here.
"""

from __future__ import annotations

import os
import re
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

from idse_orchestrator.base.files import open_or_make
from idse_orchestrator.errors import (
    BusyError,
    HomeError,
    IdseError,
    StorageError,
)

PATIENCE_SECONDS = 30.0
SYNCHRONOUS = "FULL"
"""What is committed is on the disk: a machine that loses its power loses nothing that was told."""
_SCHEMA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "schema")
_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_MODE = 0o600


Row: TypeAlias = "dict[str, Any]"
"""A row by the names of its columns."""


class Database:
    """The SQLite database at `path`. Its file is opened at the first call, and brought to today's schema."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._own = threading.local()
        self._turn = threading.Lock()

    def read(self, query: str, **given: object) -> list[Row]:
        """Returns the rows that `query` finds."""
        with self._told():
            return self._connection().execute(query, given).fetchall()

    @contextmanager
    def writing(self) -> Iterator[Writing]:
        """Opens a transaction beside which nobody writes; with the block it is on the disk, or undone."""
        # SQLite lets the quick ones win: among the threads of a server each gets its turn.
        with self._told(), self._turn:
            connection = self._connection()
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield Writing(connection)
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def state(self) -> tuple[tuple[int, int, int], ...]:
        """Returns what is something else once anybody has written: two looks at files, and no more.

        Who remembers it takes it before what it reads.
        """
        return tuple(map(_state_at, (self.path, f"{self.path}-wal")))

    def copy_to(self, path: str) -> None:
        """Writes a copy of all that is committed to `path`, while others go on writing here."""
        with self._told():
            _copy(self._connection(), path)

    def write_ahead(self) -> None:
        """Has the file written ahead from now on, as a copy of it is not."""
        with self._told():
            self._connection().execute("PRAGMA journal_mode = WAL")

    def close(self) -> None:
        """Closes the connection of this thread."""
        known = getattr(self._own, "known", None)
        if known is not None and known[0] == os.getpid():
            known[1].close()
        self._own.known = None

    def _connection(self) -> sqlite3.Connection:
        known: tuple[int, sqlite3.Connection] | None = getattr(self._own, "known", None)
        if known is None or known[0] != os.getpid():  # SQLite's are of no use, and dangerous, behind a fork
            self._before = known  # not closed: that would drop the parent's locks
            known = self._own.known = (os.getpid(), self._opened())
        return known[1]

    def _opened(self) -> sqlite3.Connection:
        if not os.path.exists(self.path):
            raise HomeError(
                "the database of the Agency is missing",
                where=self.path,
                cause="it holds clients, keys and the audit",
                fix=(
                    "idse agency restore BACKUP  # into an empty folder, where there is a backup",
                    "idse agency doctor --fix  # makes clients and repositories again, without keys",
                ),
            )
        connection = sqlite3.connect(
            self.path, timeout=PATIENCE_SECONDS, isolation_level=None, check_same_thread=False
        )
        connection.row_factory = _row
        connection.execute(f"PRAGMA synchronous = {SYNCHRONOUS}")
        connection.execute("PRAGMA foreign_keys = ON")
        try:
            self._migrate(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _migrate(self, connection: sqlite3.Connection) -> None:
        steps = migrations()
        version = version_of(connection)
        if version > len(steps):
            raise HomeError(
                f"a newer idse has the database at version {version}",
                where=self.path,
                cause=f"this one knows versions up to {len(steps)}",
                fix=("pip install --upgrade 'idse-orchestrator[agency]'",),
            )
        if version == len(steps):
            return
        connection.execute("BEGIN IMMEDIATE")
        try:
            version = version_of(connection)  # another process may have been faster
            if 0 < version < len(steps):
                self._keep(version)
            for number in range(version, len(steps)):
                for statement in _statements(steps[number]):
                    connection.execute(statement)
                connection.execute("INSERT INTO schema_versions (version) VALUES (?)", (number + 1,))
            connection.execute("COMMIT")
        except BaseException:
            connection.execute("ROLLBACK")
            raise

    def _keep(self, version: int) -> None:
        """Keeps a copy of the database as an older idse has left it: nothing leads back from a newer one."""
        half, whole = f"{self.path}.half", f"{self.path}.version-{version}"
        before = sqlite3.connect(self.path, timeout=PATIENCE_SECONDS)
        try:
            _copy(before, half)
        finally:
            before.close()
        os.replace(half, whole)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turns what SQLite raises into an error for a reader. It quotes no value."""
        try:
            yield
        except sqlite3.Error as error:
            raise _as_ours(error, self.path) from error


class Writing:
    """A transaction that is open."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def read(self, query: str, **given: object) -> list[Row]:
        """Returns the rows that `query` finds."""
        return self._connection.execute(query, given).fetchall()

    def run(self, statement: str, **given: object) -> int:
        """Runs `statement`, and returns how many rows it was about."""
        return self._connection.execute(statement, given).rowcount

    def insert(self, table: str, row: Mapping[str, Any]) -> None:
        """Adds a row."""
        names = ", ".join(row)
        places = ", ".join(f":{name}" for name in row)
        self._connection.execute(f"INSERT INTO {table} ({names}) VALUES ({places})", row)  # noqa: S608 - names are ours


def _state_at(path: str) -> tuple[int, int, int]:
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return (0, 0, 0)
    return (status.st_mtime_ns, status.st_size, status.st_ino)


def _row(cursor: sqlite3.Cursor, values: tuple[Any, ...]) -> Row:
    return {column[0]: value for column, value in zip(cursor.description, values, strict=True)}


def _copy(source: sqlite3.Connection, path: str) -> None:
    """Writes what is committed to `path`, which only its owner can read."""
    os.close(open_or_make(path, os.O_RDWR | os.O_TRUNC))
    os.chmod(path, _MODE)
    copy = sqlite3.connect(path)
    try:
        source.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")  # one file, whole by itself
    finally:
        copy.close()


def values(row: Mapping[str, Any], names: Sequence[str]) -> list[Any]:
    """Returns values of a row; a time that there is none of is ""."""
    return ["" if row[name] is None else row[name] for name in names]


def make_database(path: str) -> Database:
    """Makes the database, which only its owner can read; one that is there is opened as it is."""
    os.close(open_or_make(path, os.O_RDWR))
    os.chmod(path, _MODE)
    connection = sqlite3.connect(path, timeout=PATIENCE_SECONDS, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode = WAL")  # it stays so
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("CREATE TABLE IF NOT EXISTS schema_versions (version BIGINT PRIMARY KEY)")
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        raise _as_ours(error, path) from error
    finally:
        connection.close()
    database = Database(path)
    database.read("SELECT version FROM schema_versions")
    return database


def migrations() -> Sequence[str]:
    """Returns the SQL of each step of the schema, oldest first."""
    names = sorted(name for name in os.listdir(_SCHEMA) if re.fullmatch(r"\d{3}_\w+\.sql", name))
    texts = []
    for name in names:
        with open(os.path.join(_SCHEMA, name), encoding="utf-8") as file:
            texts.append(file.read())
    return texts


def version_of(connection: sqlite3.Connection) -> int:
    """Returns the version of the schema in a database."""
    found = connection.execute("SELECT coalesce(max(version), 0) FROM schema_versions").fetchone()
    return int(found[0] if isinstance(found, tuple) else next(iter(found.values())))


def _statements(text: str) -> list[str]:
    plain = re.sub(r"(?m)^\s*--.*$", "", text)
    return [statement for statement in plain.split(";") if statement.strip()]


def _as_ours(error: sqlite3.Error, path: str) -> IdseError:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in _BUSY:
        return BusyError(
            f"the database of the Agency was being written for more than {PATIENCE_SECONDS:g} s",
            where=path,
            fix=("wait for the other process to end, then run the command again",),
        )
    if code in _DAMAGED or "no such table" in str(error):
        return HomeError(
            "the database of the Agency is damaged",
            where=path,
            cause=str(error),
            fix=("idse agency restore BACKUP  # into an empty folder",),
        )
    return StorageError(
        "the database of the Agency cannot be used",
        where=path,
        cause=str(error),
        fix=("idse agency doctor",),
    )
