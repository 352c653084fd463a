"""Makes what the projection needs in a PostgreSQL: three roles, their rights, and the tables."""

from __future__ import annotations

import secrets

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.sql import SQL, Identifier, Literal

from idse_orchestrator.errors import StorageError, UsageError
from idse_orchestrator.server.projection.postgres_store import (
    ADMIN,
    APP,
    CONNECT_SECONDS,
    OWNER,
    SCHEMA,
    Login,
    make_tables,
)

LEAST_VERSION = 15
"""Views that ask with the rights of who looks came with it."""


def check_without_password(url: str) -> None:
    """Raises UsageError for a connection string with a password: others see it among the processes."""
    if "password" in _parts(url):
        raise UsageError(
            "a password stands in the address of the database",
            cause="everybody on this machine can read it, and the shell keeps it",
            fix=(
                "PGPASSWORD=… idse agency init --database postgresql://USER@HOST/NAME",
                "or put it into ~/.pgpass",
            ),
        )


def set_up(url: str) -> Login:
    """Makes roles and empty tables as the user in `url`, who may create roles; returns how to log in.

    Roles that are there get new passwords. Raises UsageError where the database is not fit for it, and
    StorageError where it fails.
    """
    parts = _parts(url)
    try:
        with psycopg.connect(url, connect_timeout=CONNECT_SECONDS) as connection:
            number = connection.info.server_version // 10_000
            if number < LEAST_VERSION:
                raise UsageError(
                    f"PostgreSQL {number} is too old",
                    where=_shown(parts),
                    fix=(f"PostgreSQL {LEAST_VERSION} or newer",),
                )
            passwords = {role: secrets.token_urlsafe(24) for role in (APP, ADMIN)}
            _make_roles(connection, passwords)
            connection.execute(SQL("SET LOCAL ROLE {}").format(Identifier(OWNER)))
            make_tables(connection, SCHEMA)
            name = connection.info.dbname
    except psycopg.Error as error:
        words = error.diag.message_primary or str(error).strip().partition("\n")[0]
        raise StorageError(
            "the database cannot be set up",
            where=_shown(parts),
            cause=words,
            fix=("name a user who may create roles and schemas there",),
        ) from error
    parts.pop("password", None)
    own = {**parts, "dbname": name}
    found = {
        role: make_conninfo("", **{**own, "user": role, "password": word}) for role, word in passwords.items()
    }
    return Login(found[APP], found[ADMIN])


def _make_roles(connection: psycopg.Connection, passwords: dict[str, str]) -> None:
    there = {row[0] for row in connection.execute("SELECT rolname FROM pg_roles")}
    if OWNER not in there:
        connection.execute(SQL("CREATE ROLE {} NOLOGIN").format(Identifier(OWNER)))
    for role, word in passwords.items():
        how = SQL("ALTER ROLE {} LOGIN PASSWORD {}" if role in there else "CREATE ROLE {} LOGIN PASSWORD {}")
        connection.execute(how.format(Identifier(role), Literal(word)))
    own = SQL(
        "GRANT {owner} TO {admin}; GRANT {owner} TO CURRENT_USER; GRANT CREATE ON DATABASE {name} TO {owner}"
    )
    connection.execute(
        own.format(owner=Identifier(OWNER), admin=Identifier(ADMIN), name=Identifier(connection.info.dbname))
    )


def _parts(url: str) -> dict[str, str]:
    try:
        return {key: str(value) for key, value in conninfo_to_dict(url).items() if value is not None}
    except psycopg.Error as error:
        raise UsageError(
            "this is no address of a PostgreSQL database",
            cause=str(error).strip(),
            fix=("idse agency init --database postgresql://USER@HOST/NAME",),
        ) from error


def _shown(parts: dict[str, str]) -> str:
    return f"postgresql://{parts.get('host', '')}/{parts.get('dbname', '')}"
