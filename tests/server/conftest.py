"""What tests of the server share: a home, and commands that run in this process."""

from __future__ import annotations

import json
import os
import types

import pytest

from agency_bed import AgencyBed
from idse_orchestrator.cli.main import run
from idse_orchestrator.server.tenants import database
from idse_orchestrator.server.tenants.admin import Admin
from idse_orchestrator.server.tenants.bundles import agency_git
from idse_orchestrator.server.tenants.home import make_home
from idse_orchestrator.server.tenants.tenancy import Tenants
from ssh_daemon import running_sshd

NOW = 1_700_000_000.0


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch):
    """Tests lose no power: what they write need not be on the disk. A test holds the values of before."""
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)
    monkeypatch.setattr(database, "SYNCHRONOUS", "OFF")


@pytest.fixture
def clock():
    """A clock that stands still: `clock.at` is set by the test."""
    return types.SimpleNamespace(at=NOW)


@pytest.fixture
def home(tmp_path):
    """A new home, without a client."""
    return make_home(str(tmp_path / "home"))


@pytest.fixture
def admin(home, clock):
    made = Admin(home.admin_db, lambda: clock.at)
    yield made
    made.close()


@pytest.fixture
def tenants(home, admin, sealed):
    """The tenants of that home."""
    return Tenants(home, admin, agency_git(os.environ))


@pytest.fixture
def agency(home, monkeypatch, capsys):
    """Runs `idse agency …` on that home in this process; the answer has code, out, err and data (of JSON)."""
    monkeypatch.setenv("IDSE_AGENCY_HOME", home.path)

    def call(*words):
        capsys.readouterr()
        code = run(["agency", *words])
        told = capsys.readouterr()
        data = json.loads(told.out)["data"] if "--json" in words and told.out else None
        return types.SimpleNamespace(code=code, out=told.out, err=told.err, data=data)

    return call


@pytest.fixture(scope="module")
def sshd(tmp_path_factory):
    """A real sshd; tests add lines to its authorized_keys."""
    with running_sshd(tmp_path_factory.mktemp("sshd")) as running:
        yield running


@pytest.fixture(scope="module")
def _server_of_module(tmp_path_factory, request):
    bed = AgencyBed(tmp_path_factory.mktemp("agency") / "home")
    options = getattr(request.module, "OPTIONS", ())
    bed.start(*options)
    yield bed
    assert bed.stop() == 0


@pytest.fixture
def server(_server_of_module):
    """An Agency that serves; tests of one module share it, each with clients of its own."""
    return _server_of_module


@pytest.fixture
def own_server(tmp_path):
    """An Agency that is not started yet, for one test alone."""
    bed = AgencyBed(tmp_path / "agency")
    yield bed
    bed.stop()
