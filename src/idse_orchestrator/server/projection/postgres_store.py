"""The projection in PostgreSQL: a schema of its own, with row-level security forced on every table.

Three roles: `idse_owner`, which nobody logs in as, owns tables and policies; `idse_app` reads and writes the
rows of one client at a time; `idse_admin` sees those of all, for operators, and may become the owner to make
the tables anew. Who the client is holds for a transaction alone, so a connection from a pool brings nothing
along from the one who had it before.
"""

from __future__ import annotations

import re
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

import psycopg
from psycopg.rows import dict_row
from psycopg.sql import SQL, Identifier, Literal
from psycopg_pool import ConnectionPool, PoolTimeout

from idse_orchestrator.errors import BusyError, StorageError, UsageError
from idse_orchestrator.server.projection.schema import (
    VERSIONS,
    described,
    statements,
    tables,
    text_of,
    version,
    views,
)
from idse_orchestrator.server.projection.store import EVERYONE, Row, Store, Values, failed

if TYPE_CHECKING:
    from psycopg import Connection

_STRFTIME = """CREATE FUNCTION strftime(text, text) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT CAST(CAST(extract(epoch FROM CAST(nullif($2, '') AS timestamptz)) AS bigint) AS text) $$"""
"""What SQLite has, for the one format that views use: '%s', the seconds since 1970."""

OWNER, APP, ADMIN = "idse_owner", "idse_app", "idse_admin"
SCHEMA = "projection"
"""The schema of the tables. It is what PostgREST is told to show."""
OF_TOKENS = "authenticated"
"""The role of PostgREST and Supabase for who shows a token; it reads, where there is one."""
CONNECT_SECONDS = 5
WAIT_SECONDS = 30
_MOST_CONNECTIONS = 8
_READS = "ISOLATION LEVEL REPEATABLE READ READ ONLY"
_SETTINGS = """
SELECT set_config('app.current_client_id', %(client)s, true), set_config('request.jwt.claims', '', true),
  set_config('search_path', %(schema)s, true)
"""
_BUSY = ("55P03", "57014")
_ALL = 0x1D5E


class Login:
    """How to reach the database: connection strings of the roles APP and ADMIN. They may hold passwords."""

    def __init__(self, app: str, admin: str) -> None:
        self.app = app
        self.admin = admin

    def __repr__(self) -> str:
        """Names the database without a password."""
        found = psycopg.conninfo.conninfo_to_dict(self.app)
        return f"postgresql://{found.get('host', '')}/{found.get('dbname', '')}"


class PostgresStore:
    """The projection in the database that `login` reaches."""

    engine = "postgresql"

    def __init__(self, login: Login, schema: str = SCHEMA) -> None:
        self._login = login
        self.schema = schema
        self._pools: dict[str, ConnectionPool[Connection[Row]]] = {}
        self.where = repr(login)
        self._making = threading.Lock()
        self._bound: WeakSet[Connection[Row]] = WeakSet()

    def read(self, query: str, /, *, client: str, **given: object) -> list[Row]:
        """Returns the rows that `query` finds for `client`."""
        with self._told(), self._connection(client) as connection, connection.pipeline():
            # All of it goes there and back once.
            self._begin(connection, client, _READS)
            found = connection.execute(_translated(query), {"client": client, **given})
            connection.execute("COMMIT")
            return found.fetchall()

    @contextmanager
    def reading(self, client: str) -> Iterator[_Transaction]:
        """Opens a transaction that only reads."""
        with self._transaction(client, _READS) as connection:
            yield _Transaction(connection, client)

    @contextmanager
    def writing(self, client: str) -> Iterator[_Transaction]:
        """Opens a transaction that holds the lock of `client`.

        What is written goes there without waiting for an answer, up to the next that is read or to the end.
        """
        with (
            self._told(),
            self._connection(client) as connection,
            _undone(connection),
            connection.pipeline() as pipeline,
        ):
            self._begin(connection, client, "ISOLATION LEVEL READ COMMITTED")
            if self.schema == SCHEMA:
                connection.execute(
                    "SELECT pg_advisory_xact_lock_shared(%s), pg_advisory_xact_lock(%s, %s)",
                    (_ALL, _ALL, zlib.crc32(client.encode()) - (1 << 31)),
                )
            pipeline.sync()  # whoever is in the block holds the lock
            yield _Transaction(connection, client)
            connection.execute("COMMIT")

    def is_current(self) -> bool:
        """Tests whether the tables are there, and made by this version."""
        try:
            found = self.read(f"SELECT version FROM {VERSIONS}", client=EVERYONE)  # noqa: S608 - ours
        except StorageError as error:
            if isinstance(error.__cause__, psycopg.errors.UndefinedTable):
                return False
            raise
        return found == [{"version": version()}]

    def make(self) -> None:
        """Makes all tables, empty; those that were there are gone."""
        with self._owning() as connection:
            make_tables(connection, self.schema)

    def beside(self) -> PostgresStore:
        """Returns a store in a schema beside this one."""
        other = PostgresStore(self._login, f"{self.schema}_new")
        other._pools = self._pools
        other._bound = self._bound
        other.make()
        return other

    def switch(self, beside: Store, catch_up: Callable[[], None]) -> None:
        """Gives the other schema the name of this one, in one transaction."""
        assert isinstance(beside, PostgresStore)  # noqa: S101 - a store is switched for its own kind
        with self._owning() as connection:
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (_ALL,))
            catch_up()
            connection.execute(SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(Identifier(self.schema)))
            names = Identifier(beside.schema), Identifier(self.schema)
            connection.execute(SQL("ALTER SCHEMA {} RENAME TO {}").format(*names))
            connection.execute("NOTIFY pgrst, 'reload schema'")

    def close(self) -> None:
        """Closes all connections."""
        for pool in self._pools.values():
            pool.close(timeout=1)
        self._pools.clear()

    def check_role(self) -> None:
        """Raises UsageError where the role of clients is one that no policy binds."""
        self._bound.clear()
        self.read("SELECT 1 AS one", client="nobody")

    def _check(self, connection: Connection[Row]) -> None:
        """Does so on a connection for clients: none that sees more is ever used."""
        given = {"schema": self.schema, "owner": OWNER, "admin": ADMIN}
        found = connection.execute(_translated(_BOUNDLESS), given).fetchall()[0]
        bad = [words for name, words in _WHY.items() if found[name]]
        if bad:
            raise UsageError(
                f"the role {found['role']} sees the rows of every client",
                where=self.where,
                cause=f"it {' and '.join(bad)}: row-level security does not bind it",
                fix=(
                    f"let the Agency connect as {APP}: secrets/database-app",
                    "idse agency init --database … makes that role",
                ),
            )

    @contextmanager
    def _owning(self) -> Iterator[Connection[Row]]:
        with self._transaction(EVERYONE, "") as connection:
            connection.execute(SQL("SET LOCAL ROLE {}").format(Identifier(OWNER)))
            yield connection

    @contextmanager
    def _transaction(self, client: str, how: str) -> Iterator[Connection[Row]]:
        """Opens a transaction of the role that `client` calls for."""
        with self._told(), self._connection(client) as connection, _undone(connection):
            with connection.pipeline():
                self._begin(connection, client, how)
            yield connection
            connection.execute("COMMIT")

    def _begin(self, connection: Connection[Row], client: str, how: str) -> None:
        connection.execute(f"BEGIN {how}")
        connection.execute(_SETTINGS, {"client": client, "schema": self.schema})

    @contextmanager
    def _connection(self, client: str) -> Iterator[Connection[Row]]:
        """Takes a connection of the role that `client` calls for; one for clients is bound by policies."""
        with self._pool(client).connection() as connection:
            if client != EVERYONE and connection not in self._bound:
                self._check(connection)
                self._bound.add(connection)
            yield connection

    def _pool(self, client: str) -> ConnectionPool[Connection[Row]]:
        role = ADMIN if client == EVERYONE else APP
        with self._making:
            if role not in self._pools:
                self._pools[role] = self._opened(role)
            return self._pools[role]

    def _opened(self, role: str) -> ConnectionPool[Connection[Row]]:
        return ConnectionPool(
            self._login.admin if role == ADMIN else self._login.app,
            kwargs={
                "autocommit": True,
                "row_factory": dict_row,
                "prepare_threshold": None,  # behind a pooler each transaction may have another backend
                "connect_timeout": CONNECT_SECONDS,
                "tcp_user_timeout": WAIT_SECONDS * 1000,
                "application_name": "idse agency",
            },
            min_size=0,
            max_size=_MOST_CONNECTIONS,
            configure=_configure,
            check=ConnectionPool.check_connection,
            timeout=CONNECT_SECONDS,
            reconnect_timeout=0,
            max_idle=60,
            open=True,
            name=role,
        )

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turns what psycopg raises into an error for a reader. It quotes no value."""
        try:
            yield
        except PoolTimeout as error:
            raise failed(self.where, "no connection to the database could be made") from error
        except psycopg.Error as error:
            if error.sqlstate in _BUSY:
                raise BusyError(
                    f"the projection was being written for more than {WAIT_SECONDS} s",
                    where=self.where,
                    fix=("wait for the other process to end, then run the command again",),
                ) from error
            words = error.diag.message_primary or str(error).strip().partition("\n")[0]
            raise failed(self.where, words) from error


@contextmanager
def _undone(connection: Connection[Row]) -> Iterator[None]:
    """Undoes a transaction whose block raises."""
    try:
        yield
    except BaseException:
        if not connection.closed:
            connection.execute("ROLLBACK")
        raise


def _configure(connection: Connection[Row]) -> None:
    connection.execute(
        f"SET statement_timeout = '{WAIT_SECONDS}s'; SET lock_timeout = '{WAIT_SECONDS}s'; "
        f"SET idle_in_transaction_session_timeout = '{20 * WAIT_SECONDS}s'"
    )


def make_tables(connection: Connection[Any], schema: str) -> None:
    """Makes the schema with all tables, policies and rights anew, as the role of this transaction."""
    name = Identifier(schema)
    connection.execute(SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(name))
    connection.execute(SQL("CREATE SCHEMA {}").format(name))
    connection.execute("SELECT set_config('search_path', %s, true)", (schema,))
    connection.execute(_STRFTIME)
    for statement in statements():
        connection.execute(statement)
    connection.execute(f"INSERT INTO {VERSIONS} VALUES (%s)", (version(),))  # noqa: S608 - ours
    plain = re.sub(r"(?m)^\s*--.*\n", "", text_of("postgres"))
    connection.execute(plain.replace("{schema}", schema))
    for table in tables().values():
        for statement in _SECURITY:
            connection.execute(statement.format(table=table.name, tenant=table.tenant))
    for view in views():
        connection.execute(f"ALTER VIEW {view} SET (security_invoker = true)")
    _comment(connection)
    there = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (OF_TOKENS,)).fetchone()
    if there:
        connection.execute(
            SQL(
                "GRANT USAGE ON SCHEMA {schema} TO {role}; "
                "GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {role}"
            ).format(schema=name, role=Identifier(OF_TOKENS))
        )


def _comment(connection: Connection[Any]) -> None:
    """Says in the database what each table and column is: PostgREST shows it."""
    for each in described():
        kind = SQL("VIEW" if each.name in views() else "TABLE")
        what, words = Identifier(each.name), Literal(each.words)
        connection.execute(SQL("COMMENT ON {} {} IS {}").format(kind, what, words))
        for column, about in each.columns:
            if about:
                named = Identifier(each.name, column)
                connection.execute(SQL("COMMENT ON COLUMN {} IS {}").format(named, Literal(about)))


_SECURITY = (
    "ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
    "CREATE POLICY own ON {table} USING ({tenant} = (SELECT idse_client()))",  # written rows, too
    "CREATE POLICY operators ON {table} TO idse_admin USING (true) WITH CHECK (true)",
)
_BOUNDLESS = """
SELECT current_user AS role, r.rolsuper, r.rolbypassrls,
  pg_has_role(current_user, :owner, 'MEMBER') OR EXISTS (
    SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = :schema AND pg_has_role(current_user, c.relowner, 'MEMBER')) AS owns,
  pg_has_role(current_user, :admin, 'MEMBER') AS administers
FROM pg_roles r WHERE r.rolname = current_user
"""
_WHY = {
    "rolsuper": "is a superuser",
    "rolbypassrls": "has BYPASSRLS",
    "owns": "owns the tables",
    "administers": f"may act as {ADMIN}",
}


class _Transaction:
    """A transaction that is open."""

    def __init__(self, connection: Connection[Row], client: str) -> None:
        self._connection = connection
        self._client = client

    def read(self, query: str, **given: object) -> list[Row]:
        """Returns the rows that `query` finds."""
        return self._connection.execute(_translated(query), {"client": self._client, **given}).fetchall()

    def run(self, statement: str, **given: object) -> None:
        """Runs `statement`."""
        self._connection.execute(_translated(statement), {"client": self._client, **given})

    def run_many(self, statement: str, given: Iterable[Mapping[str, object]]) -> None:
        """Runs `statement` once for each of `given`."""
        for each in given:
            self.run(statement, **each)

    def add(self, table: str, rows: Sequence[Values], *, skip: bool = False) -> None:
        """Adds rows."""
        if rows:
            self._connection.execute(_inserting(table, _SKIP if skip else ""), _columns(rows))

    def add_new(self, table: str, rows: Sequence[Values]) -> int:
        """Adds the rows whose key is not there, and returns how many."""
        if not rows:
            return 0
        query = _inserting(table, f"{_SKIP} RETURNING 1 AS one")
        return len(self._connection.execute(query, _columns(rows)).fetchall())


_SKIP = " ON CONFLICT DO NOTHING"


def _columns(rows: Sequence[Values]) -> list[list[str | int]]:
    return [list(column) for column in zip(*rows, strict=True)]


@cache
def _inserting(table: str, end: str) -> Any:  # noqa: ANN401 - psycopg wants a literal
    """Returns a statement that takes each column as an array: COPY does not go with row-level security."""
    arrays = ", ".join(f"%s::{kind}[]" for kind in tables()[table].kinds)
    return f"INSERT INTO {table} SELECT * FROM unnest({arrays}){end}"  # noqa: S608 - names are ours


@cache
def _translated(query: str) -> Any:  # noqa: ANN401 - psycopg wants a literal
    """Returns `query` with the marks that psycopg has for what is given."""
    return re.sub(r"(?<![:\w]):([a-z_]\w*)", r"%(\1)s", query.replace("%", "%%"))
