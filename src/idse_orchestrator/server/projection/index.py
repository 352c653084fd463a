"""Makes the tables anew beside those in use, and says where the two differ."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.server.projection.schema import Table, tables
from idse_orchestrator.server.projection.sqlite_store import SqliteStore
from idse_orchestrator.server.projection.store import EVERYONE

if TYPE_CHECKING:
    from idse_orchestrator.server.projection.project import Projector
    from idse_orchestrator.server.projection.store import Reader, Values
    from idse_orchestrator.server.tenants.admin import Repository

PORTION = 1_000
"""Refs of one transaction of tables that nobody reads yet."""
_NOT_OF_GIT = frozenset({"seen_at"})
_TIMES = 3
Say = Callable[[str], None]


def reconcile(
    projector: Projector, repositories: Sequence[Repository], say: Say, portion: int = PORTION
) -> int:
    """Brings clients and `repositories` up to date; returns how many refs were not.

    Makes the tables where there are none of this version.
    """
    if not projector.store.is_current():
        projector.store.make()
    projector.copy_tenants()
    behind = 0
    for each in repositories:
        first = True
        for left in projector.reconcile(each, portion):
            behind += left if first else 0
            first = False
            say(f"{each.place}: {left:,} refs to go")
    return behind


def rebuild(projector: Projector, repositories: Callable[[], Sequence[Repository]], say: Say) -> None:
    """Makes all tables anew beside those in use, and has them change places."""
    beside = projector.store.beside()
    writing = projector.into(beside)
    reconcile(writing, repositories(), say)

    def catch_up() -> None:
        reconcile(writing, repositories(), say)

    catch_up()  # so that the one under the lock is short
    projector.store.switch(beside, catch_up)


class Difference(NamedTuple):
    """A row that is not as git says: `what` is ``missing``, ``too much``, or the columns that differ."""

    table: str
    key: tuple[str | int, ...]
    what: str


def compare(projector: Projector, repositories: Sequence[Repository], say: Say) -> list[Difference]:
    """Returns how the tables differ from those made anew, for `repositories` and for all that has none.

    What is pushed meanwhile is no difference: where one is seen, it is looked at again.
    """
    found: list[Difference] = []
    for _ in range(_TIMES):
        reconcile(projector, repositories, say)
        with tempfile.TemporaryDirectory(prefix="idse-index-") as folder:
            beside = SqliteStore(os.path.join(folder, "projection.db"), folder)
            beside.make()
            reconcile(projector.into(beside), repositories, say)
            with projector.store.reading(EVERYONE) as one, beside.reading(EVERYONE) as other:
                found = [*_differences(one, other, {each.id for each in repositories})]
            beside.close()
        if not found:
            break
    return found


def _differences(one: Reader, other: Reader, repositories: set[str]) -> Iterator[Difference]:
    for table in tables().values():
        rows, made = _rows(one, table, repositories), _rows(other, table, repositories)
        for key in sorted({**rows, **made}, key=str):
            if key not in rows:
                yield Difference(table.name, key, "missing")
            elif key not in made:
                yield Difference(table.name, key, "too much")
            elif rows[key] != made[key]:
                pairs = zip(table.columns, rows[key], made[key], strict=True)
                yield Difference(table.name, key, ", ".join(name for name, a, b in pairs if a != b))


def _rows(reading: Reader, table: Table, repositories: set[str]) -> dict[tuple[str | int, ...], Values]:
    """Returns the rows of a table by key: those of `repositories`, and those that belong to none."""
    found = {}
    for row in reading.read(_QUERIES.get(table.name, f"SELECT * FROM {table.name}")):  # noqa: S608 - ours
        if row.pop("repository_id_of", row.get("repository_id", "")) in ("", *repositories):
            key = tuple(row[name] for name in table.key)
            found[key] = tuple("" if name in _NOT_OF_GIT else row[name] for name in table.columns)
    return found


_QUERIES = {
    "events": "SELECT e.*, coalesce(s.repository_id, p.repository_id, '') AS repository_id_of FROM events e "
    "LEFT JOIN sessions s ON s.client_id = e.client_id AND s.id = e.ledger_id "
    "LEFT JOIN projects p ON p.client_id = e.client_id AND p.id = e.ledger_id",
    **{
        name: f"SELECT x.*, coalesce(s.repository_id, '') AS repository_id_of FROM {name} x "  # noqa: S608 - ours
        "LEFT JOIN sessions s ON s.client_id = x.client_id AND s.id = x.session_id"
        for name in ("artifacts", "stages", "findings")
    },
    "blobs": "SELECT b.*, coalesce(max(s.repository_id), '') AS repository_id_of FROM blobs b "
    "LEFT JOIN artifacts a ON a.client_id = b.client_id AND a.blob_id = b.blob_id "
    "LEFT JOIN sessions s ON s.client_id = a.client_id AND s.id = a.session_id "
    "GROUP BY b.client_id, b.blob_id, b.text",
}
