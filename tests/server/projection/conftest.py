"""What tests of the projection share: both engines, and an Agency whose pushes are projected."""

from __future__ import annotations

import pytest

from idse_orchestrator.server.projection.opening import open_store
from idse_orchestrator.server.projection.postgres_setup import set_up
from idse_orchestrator.server.projection.postgres_store import PostgresStore
from postgres_bed import started
from projection_bed import ProjectionBed
from pushes import Clone


@pytest.fixture(scope="session")
def postgres():
    """A PostgreSQL of this run's own."""
    bed = started()
    yield bed
    bed.remove()


@pytest.fixture
def login(postgres):
    """Roles and tables in a database of the test's own."""
    return set_up(postgres.database())


@pytest.fixture(params=["sqlite", "postgresql"])
def opened(request):
    """Opens the projection of a home, in each engine."""
    stores = []

    def opens(home):
        if request.param == "sqlite":
            store = open_store(home, "sqlite", {})
        else:
            store = PostgresStore(request.getfixturevalue("login"))
        stores.append(store)
        return store

    yield opens
    for store in stores:
        store.close()


@pytest.fixture
def bed(tmp_path, opened, sealed):
    """An Agency without its server, and its projection."""
    return ProjectionBed(tmp_path / "home", opened)


@pytest.fixture
def web(bed):
    """The repository shop/web."""
    return bed.add("shop/web")


@pytest.fixture
def clone(repo):
    """A clone of it, whose ledgers say whatever a test wants."""
    return Clone(repo)
