"""What tests of REST and MCP share: an Agency that serves, and a client of it with a project."""

from __future__ import annotations

import itertools
import types

import pytest

from agency_bed import AgencyBed
from idse_orchestrator.server.projection.opening import keep_login
from idse_orchestrator.server.projection.postgres_setup import set_up
from postgres_bed import started
from rest_bed import Rest, ready

ORDER = itertools.count(1)
SCOPES = ("read", "push", "create", "approve")


def pytest_generate_tests(metafunc):
    """Runs a module whose ENGINES are named on a server with each of them."""
    engines = getattr(metafunc.module, "ENGINES", ())
    if engines and "engine" in metafunc.fixturenames:
        metafunc.parametrize("engine", engines, scope="module", indirect=True)


@pytest.fixture(scope="module")
def engine(request):
    """The database of the projection."""
    return getattr(request, "param", "sqlite")


@pytest.fixture(scope="module")
def _server_of_module(tmp_path_factory, engine):
    bed = AgencyBed(tmp_path_factory.mktemp("agency") / "home")
    postgres = started() if engine == "postgresql" else None
    try:
        if postgres is not None:
            keep_login(bed.home, set_up(postgres.database()))
            with open(bed.home.configuration_file, "a", encoding="utf-8") as file:
                file.write('database = "postgresql"\n')
        bed.start()
        yield bed
        assert bed.stop() == 0
    finally:
        bed.stop()
        if postgres is not None:
            postgres.remove()


@pytest.fixture
def acme(server):
    """A client of its own, with a project and a session: `rest`, `key`, `name`, ids, and `place`."""
    name = f"acme-{next(ORDER)}"
    key = server.key(name, *SCOPES, name="Ann", emails=("ann@example.org",))
    rest = Rest(server, key)
    ready(server)
    project = rest.project()
    session = rest.session(project)
    return types.SimpleNamespace(
        name=name, key=key, rest=rest, project=project, session=session, place=f"{name}/shop"
    )
