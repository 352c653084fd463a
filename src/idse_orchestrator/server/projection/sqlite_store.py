"""The projection in SQLite: a file in the home that may be deleted at any time.

Row-level security is PostgreSQL's. Here views stand before the tables, on each connection that reads for a
client: they have the tables' names, and show its rows alone.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

from idse_orchestrator.base.files import file_lock, open_or_make, remove_file
from idse_orchestrator.errors import BusyError, StorageError
from idse_orchestrator.server.projection.schema import VERSIONS, statements, tables, version, views
from idse_orchestrator.server.projection.store import EVERYONE, Row, Store, Values, failed

PATIENCE_SECONDS = 30.0
_MODE = 0o600
_LOCK = "projection.lock"
_ONE, _WRITES = "one", "writes"
"""Kinds of connections beside that for EVERYONE. No client has such an id: ids are UUIDs."""
_PARTS = ("", "-wal", "-shm", "-journal")


class SqliteStore:
    """The projection in the file at `path`; `run` is a folder for its lock."""

    engine = "sqlite"

    def __init__(self, path: str, run: str) -> None:
        self.path = path
        self._run = run
        self._own = threading.local()

    @property
    def where(self) -> str:
        """The file."""
        return self.path

    def read(self, query: str, /, *, client: str, **given: object) -> list[Row]:
        """Returns the rows that `query` finds for `client`."""
        with self._told():
            return _rows(self.connection(client).execute(query, {"client": client, **given}))

    @contextmanager
    def reading(self, client: str) -> Iterator[_Transaction]:
        """Opens a transaction that only reads."""
        with self._told():
            connection = self.connection(client)
            connection.execute("BEGIN")
            try:
                yield _Reading(connection, client, self._own)
            finally:
                connection.execute("ROLLBACK")

    @contextmanager
    def writing(self, client: str) -> Iterator[_Transaction]:
        """Opens a transaction beside which nobody writes."""
        with self._locked(), self._told():
            connection = self.connection(_WRITES)
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield _Transaction(connection, client)
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def check_role(self) -> None:
        """Does nothing: there are no roles."""

    def is_current(self) -> bool:
        """Tests whether the tables are there, and made by this version."""
        if not os.path.exists(self.path):
            return False
        try:
            found = self.connection(EVERYONE).execute(f"SELECT version FROM {VERSIONS}").fetchall()  # noqa: S608 - ours
        except sqlite3.DatabaseError:
            self.close()
            return False
        return found == [(version(),)]

    def is_whole(self) -> bool:
        """Tests whether the file can be read in all its parts; it reads all of it."""
        try:
            found = self.connection(EVERYONE).execute("PRAGMA integrity_check(1)").fetchall()
        except (sqlite3.DatabaseError, StorageError):
            self.close()
            return False
        return [tuple(row) for row in found] == [("ok",)]

    def make(self) -> None:
        """Makes all tables, empty, in a new file."""
        self.close()
        with self._locked():
            for part in _PARTS:
                with suppress(FileNotFoundError):
                    remove_file(self.path + part)
            self._make()

    def _make(self) -> None:
        os.close(open_or_make(self.path, os.O_RDWR))
        os.chmod(self.path, _MODE)
        with self._told():
            connection = sqlite3.connect(self.path, timeout=PATIENCE_SECONDS, isolation_level=None)
            try:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("BEGIN IMMEDIATE")
                for statement in statements():
                    connection.execute(statement)
                connection.execute(f"INSERT INTO {VERSIONS} VALUES (?)", (version(),))  # noqa: S608 - ours
                connection.execute("COMMIT")
            finally:
                connection.close()

    def beside(self) -> SqliteStore:
        """Returns a store in a file beside this one."""
        other = SqliteStore(f"{self.path}.new", self._run)
        other._is_beside = True
        other.make()
        return other

    _is_beside = False

    def switch(self, beside: Store, catch_up: Callable[[], None]) -> None:
        """Copies all pages of the other file over these, in one transaction: readers stay where they are."""
        assert isinstance(beside, SqliteStore)  # noqa: S101 - a store is switched for its own kind
        with self._locked(), self._told():
            catch_up()
            if not os.path.exists(self.path):
                self._make()
            beside.connection(_WRITES).backup(self.connection(_WRITES))
        beside.remove()

    def remove(self) -> None:
        """Removes the file."""
        self.close()
        for part in _PARTS:
            with suppress(FileNotFoundError):
                remove_file(self.path + part)

    def close(self) -> None:
        """Closes the connections of this thread."""
        known: dict[str, tuple[int, sqlite3.Connection, object]] = self._own.__dict__.pop("known", {})
        for process, connection, _ in known.values():
            if process == os.getpid():
                connection.close()

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Holds the lock of all who write; tables beside these have one writer, who takes it at last."""
        if self._is_beside:
            yield
            return
        with file_lock(self._run, PATIENCE_SECONDS, _LOCK):
            yield

    def connection(self, client: str) -> sqlite3.Connection:
        """Returns the connection of this thread on which queries of `client` run, or all that writes."""
        kind = client if client in (EVERYONE, _WRITES) else _ONE
        known = self._own.__dict__.setdefault("known", {})
        found = known.get(kind)
        if found is None or found[0] != os.getpid() or found[2] != _file(self.path):
            found = known[kind] = (os.getpid(), self._opened(kind), _file(self.path))
        self._own.client = client
        connection: sqlite3.Connection = found[1]
        return connection

    def _opened(self, kind: str) -> sqlite3.Connection:
        if not os.path.exists(self.path):
            raise failed(self.path, "it is not there")
        connection = sqlite3.connect(
            self.path, timeout=PATIENCE_SECONDS, isolation_level=None, check_same_thread=False
        )
        connection.execute("PRAGMA synchronous = NORMAL")
        if kind == _ONE:
            own = self._own
            connection.create_function("idse_client", 0, lambda: own.client, deterministic=True)
            for name, tenant in (*((t.name, t.tenant) for t in tables().values()), *_VIEWS):
                connection.execute(
                    f"CREATE TEMP VIEW {name} AS SELECT * FROM main.{name} WHERE {tenant} = idse_client()"  # noqa: S608
                )
        if kind != _WRITES:
            connection.execute("PRAGMA query_only = ON")
        return connection

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turns what SQLite raises into an error for a reader. It quotes no value."""
        try:
            yield
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise BusyError(
                    f"the projection was being written for more than {PATIENCE_SECONDS:g} s",
                    where=self.path,
                    fix=("wait for the other process to end, then run the command again",),
                ) from error
            raise failed(self.path, str(error)) from error


_VIEWS = tuple((name, "client_id") for name in views())


class _Transaction:
    """A transaction that is open."""

    def __init__(self, connection: sqlite3.Connection, client: str) -> None:
        self._connection = connection
        self._client = client

    def read(self, query: str, **given: object) -> list[Row]:
        """Returns the rows that `query` finds."""
        return _rows(self._connection.execute(query, {"client": self._client, **given}))

    def run(self, statement: str, **given: object) -> None:
        """Runs `statement`."""
        self._connection.execute(statement, {"client": self._client, **given})

    def run_many(self, statement: str, given: Iterable[Mapping[str, object]]) -> None:
        """Runs `statement` once for each of `given`."""
        own = {"client": self._client}
        self._connection.executemany(statement, ({**own, **each} for each in given))

    def add(self, table: str, rows: Sequence[Values], *, skip: bool = False) -> None:
        """Adds rows."""
        self._add(table, rows, skip=skip)

    def add_new(self, table: str, rows: Sequence[Values]) -> int:
        """Adds the rows whose key is not there, and returns how many."""
        return self._add(table, rows, skip=True)

    def _add(self, table: str, rows: Sequence[Values], *, skip: bool) -> int:
        if not rows:
            return 0
        places = ", ".join("?" * len(tables()[table].columns))
        end = " ON CONFLICT DO NOTHING" if skip else ""
        return self._connection.executemany(f"INSERT INTO {table} VALUES ({places}){end}", rows).rowcount  # noqa: S608


class _Reading(_Transaction):
    """A transaction that only reads. Another query of this thread may be for another client meanwhile."""

    def __init__(self, connection: sqlite3.Connection, client: str, own: threading.local) -> None:
        super().__init__(connection, client)
        self._own = own

    def read(self, query: str, **given: object) -> list[Row]:
        """Returns the rows that `query` finds."""
        self._own.client = self._client
        return super().read(query, **given)


def _rows(cursor: sqlite3.Cursor) -> list[Row]:
    """Returns all rows. Their columns are looked up once, and not for each, as a row factory would."""
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, values, strict=True)) for values in cursor]


def _file(path: str) -> tuple[int, int]:
    """Returns what tells the file at `path` from another that took its place."""
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return (0, 0)
    return (status.st_dev, status.st_ino)
