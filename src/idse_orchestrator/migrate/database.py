"""Reads the databases of older tools: copies of them, so that nothing is ever written beside the source.

SQLite writes beside a database that it only reads: it takes back what a killed program left half done, and
makes an index of what waits in a ``-wal``. So a database is copied with both, while no other program writes
it, and the copy is opened. Of its schema nothing is run: views, virtual tables and computed columns are
left out, and a trigger has nothing to wait for.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import sqlite3
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from io import UnsupportedOperation
from tempfile import TemporaryDirectory
from typing import IO

from idse_orchestrator.base.text import MAX_ARTIFACT_BYTES, one_line
from idse_orchestrator.migrate.old_tables import read_tables
from idse_orchestrator.migrate.stored import PARTS, ROW, Stored, Table, Value

_HEAD = b"SQLite format 3\0"
_POINTER = b"version https://git-lfs"
_SEVERAL = bytes.fromhex("d9d505f920a163d7")
"""The end of a journal that names one of several databases: to take that back, SQLite deletes files."""
_PENDING, _SHARED, _SHARED_BYTES = 0x40000000, 0x40000002, 510
"""The bytes of a database that SQLite locks; https://www.sqlite.org/src/file/src/os.h has them."""
_TRIES, _PAUSE = 10, 0.1
_LONGEST_VALUE = 64 << 20
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_CHECKED = 100
_NO_DAMAGE = re.compile(r"(NULL|NUMERIC|TEXT|INT|REAL|BLOB|CHECK|non-)")
"""Findings of SQLite about values that break a rule of their table; they can be read all the same."""


class Databases:
    """The databases of one source; `open_file` opens a file of that."""

    def __init__(self, open_file: Callable[[str], IO[bytes]]) -> None:
        self._open = open_file
        self._texts: dict[str, bytes | tuple[sqlite3.Connection, str, int]] = {}

    def read(self, path: str, parts: Sequence[str]) -> Stored:
        """Reads the database at `path`, beside which `parts` stand; the answer may be why that cannot be."""
        try:
            connection = self._connection(path, [part for part in parts if not part.endswith(PARTS[-1])])
            tables, odd = _schema(connection)
            found = read_tables(path, tables, odd)
        except (OSError, sqlite3.Error, _UnreadableError) as error:
            return Stored(path, tuple(parts), _why(error))
        found.parts = tuple(parts)
        query = _query(tables["artifacts"]) if "artifacts" in tables else ""
        for text, value in found.texts.items():
            self._texts[text] = (connection, query, value) if isinstance(value, int) else value
        return found

    def load(
        self, paths: Iterable[str], files: Callable[[Iterable[str]], Iterator[tuple[str, bytes | None]]]
    ) -> Iterator[tuple[str, bytes | None]]:
        """Yields the bytes of texts in databases, and of others as `files` does, in order."""
        wanted = list(paths)
        others = files([path for path in wanted if path not in self._texts])
        for path in wanted:
            yield (path, self._text(path)) if path in self._texts else next(others)

    def _text(self, path: str) -> bytes | None:
        held = self._texts[path]
        if isinstance(held, bytes):
            return held
        connection, query, number = held
        try:
            row = connection.execute(query, (number,)).fetchone()
        except sqlite3.DataError:  # only as much as shows that it is too large
            return bytes(MAX_ARTIFACT_BYTES + 1)
        except sqlite3.Error:
            return None
        value = row[0] if row else None
        return value[: MAX_ARTIFACT_BYTES + 1] if isinstance(value, bytes) else str(value).encode()

    def _connection(self, path: str, parts: Sequence[str]) -> sqlite3.Connection:
        """Opens a copy of a database and of its parts, as they stood at one moment.

        Its files go at once: nobody else needs their names, and idse may end without tidying up.
        """
        with TemporaryDirectory(prefix="idse-database-") as folder, ExitStack() as stack:
            files = {name: stack.enter_context(self._open(name)) for name in (path, *parts)}
            _refuse_odd(files[path], [files[part] for part in parts if part.endswith(PARTS[1])])
            _wait_for_writers(files[path])
            copy = os.path.join(folder, "copy.db")
            for _ in range(_TRIES):
                before = list(map(_stamp, files.values()))
                for name, file in files.items():
                    file.seek(0)
                    with open(copy + name.removeprefix(path), "wb") as target:
                        shutil.copyfileobj(file, target, 1 << 20)
                if before == list(map(_stamp, files.values())):
                    return _opened(copy)
                time.sleep(_PAUSE)
        raise _UnreadableError("another program writes it all the time: close that, then run this again")


class _UnreadableError(Exception):
    """Why a database cannot be read."""


def _why(error: Exception) -> str:
    if isinstance(error, sqlite3.Error) and error.sqlite_errorcode & 0xFF in _DAMAGED:
        return f"it is damaged: {one_line(str(error))}"
    words = error.strerror if isinstance(error, OSError) else str(error)
    return one_line(words or type(error).__name__)


def _refuse_odd(file: IO[bytes], journals: Iterable[IO[bytes]]) -> None:
    head = file.read(len(_POINTER))
    if head.startswith(_POINTER):
        raise _UnreadableError("it is a mere pointer of git LFS: git lfs pull brings the database")
    if head and not head.startswith(_HEAD):
        raise _UnreadableError("it is no SQLite database, or an encrypted one")
    for journal in journals:
        size = journal.seek(0, os.SEEK_END)
        journal.seek(max(0, size - len(_SEVERAL)))
        if journal.read() == _SEVERAL:
            raise _UnreadableError(
                "its -journal is one of several databases: let the older tool open it once"
            )


def _wait_for_writers(file: IO[bytes]) -> None:
    """Locks the database against writers, as any reader of it does; it is open again when it is closed."""
    try:
        descriptor = file.fileno()
    except UnsupportedOperation:
        return  # it is in a commit, which nobody writes
    for _ in range(_TRIES):
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB, _SHARED - _PENDING, _PENDING)
            fcntl.lockf(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB, _SHARED_BYTES, _SHARED)
            fcntl.lockf(descriptor, fcntl.LOCK_UN, _SHARED - _PENDING, _PENDING)
        except BlockingIOError:
            time.sleep(_PAUSE)
        except OSError:
            return  # a file system without locks: `_stamp` tells what was written meanwhile
        else:
            return
    raise _UnreadableError("it is locked: another program writes it; close that, then run this again")


def _stamp(file: IO[bytes]) -> tuple[int, int]:
    try:
        found = os.fstat(file.fileno())
    except UnsupportedOperation:
        return 0, 0
    return found.st_size, found.st_mtime_ns


def _opened(copy: str) -> sqlite3.Connection:
    connection = sqlite3.connect(copy, isolation_level=None)
    connection.text_factory = bytes
    connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
    for setting in ("trusted_schema = OFF", "cell_size_check = ON", "locking_mode = EXCLUSIVE"):
        connection.execute(f"PRAGMA {setting}").close()
    connection.execute("BEGIN")  # one transaction for all: no file is looked for by its name again
    findings = connection.execute(f"PRAGMA quick_check({_CHECKED})").fetchall()
    damage = [words for (raw,) in findings if not _NO_DAMAGE.match(words := raw.decode("utf-8", "replace"))]
    if damage not in ([], ["ok"]):
        raise _UnreadableError(f"it is damaged: {damage[0]}")
    connection.setlimit(
        sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST_VALUE
    )  # the check before would take it for damage
    return connection


def _schema(connection: sqlite3.Connection) -> tuple[Mapping[str, Table], Sequence[str]]:
    """Returns the tables by name in lower case, and the names of what only looks like one."""
    tables: dict[str, Table] = {}
    odd = []
    rows = connection.execute("SELECT name, type, sql FROM sqlite_master WHERE type IN ('table', 'view')")
    for raw_name, kind, sql in rows.fetchall():
        name = raw_name.decode("utf-8", "surrogateescape")
        if name.lower().startswith("sqlite_"):
            continue
        table = _table(connection, name) if kind == b"table" and not _is_virtual(sql) else None
        if table is None:
            odd.append(name)
        else:
            tables[name.lower()] = table
    return tables, odd


def _is_virtual(sql: bytes | None) -> bool:
    return (sql or b"").split(b"(")[0].upper().split()[:2] == [b"CREATE", b"VIRTUAL"]


def _table(connection: sqlite3.Connection, name: str) -> Table | None:
    """Returns a table; None for one whose rows have no numbers. Computed columns are not named here."""
    columns = [
        column.decode("utf-8", "surrogateescape")
        for _, column, *_ in connection.execute(f"PRAGMA table_info({_name(name)})")
    ]
    number, named = _number(columns), {each: _name(each) for each in columns}
    try:
        connection.execute(f"SELECT {number} FROM {_name(name)} LIMIT 0").close()  # noqa: S608 - quoted
    except sqlite3.OperationalError:
        return None

    def rows(without: Collection[str]) -> Iterator[Mapping[str, Value]]:
        # What is asked for its type alone is not loaded, however large it is.
        wanted = [
            f"typeof({name}) <> 'null'" if each.lower() in without else name for each, name in named.items()
        ]
        query = f"SELECT {', '.join((number, *wanted))} FROM {_name(name)}"  # noqa: S608 - quoted
        keys = (ROW, *map(str.lower, columns))
        for row in connection.execute(query):
            yield dict(zip(keys, row, strict=True))

    return Table(name, frozenset(map(str.lower, columns)), rows)


def _query(table: Table) -> str:
    """Returns the question for the text in one row of the documents."""
    return f"SELECT content FROM {_name(table.name)} WHERE {_number(table.columns)} = ?"  # noqa: S608 - quoted


def _number(columns: Iterable[str]) -> str:
    """Returns the name of the number of a row that no column hides."""
    taken = set(map(str.lower, columns))
    return next(name for name in ("rowid", "_rowid_", "oid", "rowid") if name not in taken or name == "rowid")


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
