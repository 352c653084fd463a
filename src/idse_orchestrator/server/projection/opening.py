"""Opens the projection of a home: which engine, where, and by which login."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib.machinery import PathFinder
from typing import TYPE_CHECKING

from idse_orchestrator.base.files import write_atomically
from idse_orchestrator.errors import HomeError, UsageError

if TYPE_CHECKING:
    from idse_orchestrator.server.projection.postgres_store import Login
    from idse_orchestrator.server.projection.store import Store
    from idse_orchestrator.server.tenants.home import Home

SQLITE, POSTGRESQL = "sqlite", "postgresql"
VARIABLES = {"app": "IDSE_AGENCY_DATABASE_APP", "admin": "IDSE_AGENCY_DATABASE_ADMIN"}
"""The variables with the connection strings of the two roles; they come before the files."""


def open_store(home: Home, engine: str, environment: Mapping[str, str]) -> Store:
    """Returns the projection of `home`. Nothing is looked at before the first query.

    Raises UsageError where the packages for PostgreSQL are not installed, HomeError where no login is known.
    """
    if engine != POSTGRESQL:
        from idse_orchestrator.server.projection.sqlite_store import SqliteStore

        return SqliteStore(os.path.join(home.path, "projection.db"), home.run)
    need_postgres()
    from idse_orchestrator.server.projection.postgres_store import Login, PostgresStore

    return PostgresStore(Login(*(_said(home, role, environment) for role in VARIABLES)))


def login_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """Returns the variables by which a database is reached: ours, and those of PostgreSQL's own library."""
    names = frozenset(VARIABLES.values())
    return {name: value for name, value in environment.items() if name in names or name.startswith("PG")}


def need_postgres() -> None:
    """Raises UsageError where the packages that PostgreSQL needs are not installed."""
    missing = [name for name in ("psycopg", "psycopg_pool") if PathFinder.find_spec(name) is None]
    if missing:
        raise UsageError(
            "the part for PostgreSQL is not installed",
            cause=f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing",
            fix=("pip install 'idse-orchestrator[agency,postgres]'",),
        )


def keep_login(home: Home, login: Login) -> None:
    """Writes the connection strings into secrets/, which only the owner of the home can read."""
    for role in VARIABLES:
        text = f"{getattr(login, role)}\n".encode()
        write_atomically(_file(home, role), text, mode=0o600, durable=True, what="the home of the Agency")


def _file(home: Home, role: str) -> str:
    return os.path.join(home.secrets, f"database-{role}")


def _said(home: Home, role: str, environment: Mapping[str, str]) -> str:
    said = environment.get(VARIABLES[role], "")
    if said:
        return said
    try:
        with open(_file(home, role), encoding="utf-8") as file:
            return file.read().strip()
    except OSError as error:
        raise HomeError(
            "nothing says how to log in to the database",
            where=_file(home, role),
            cause=f"agency.toml asks for {POSTGRESQL}: {error.strerror}",
            fix=(
                f"write the connection string of idse_{role} into that file, or into {VARIABLES[role]}",
                'or use SQLite: database = "sqlite"',
            ),
        ) from error
