"""What the server does in between: it measures, packs and sweeps, and loses nothing."""

from __future__ import annotations

import asyncio
import os
import time

import pytest

from here import discover, ledger_writer
from idse_orchestrator.ledger.events import Draft
from idse_orchestrator.server.gateway.agency import Agency
from idse_orchestrator.server.model.names import Place

PLACE = Place("acme", "shop")


@pytest.fixture
def agency(home, tenants):
    tenants.add_client("acme")
    tenants.add_repository(PLACE)
    made = Agency(home, home.configuration({}), os.environ["PATH"])
    made.prepare()
    return made


@pytest.fixture
def filled(agency, repo):
    """A repository in the home with 120 loose refs; returns what git says of them."""
    writer = ledger_writer(discover(str(repo.path)))
    for number in range(120):
        key = ("portal", f"s{number}")
        writer.append(*key, lambda _, key=key: Draft("created", {"project": key[0], "session": key[1]}))
    repo.git("push", "--quiet", agency.home.git_dir(PLACE), "refs/idse/*:refs/idse/*")
    return lambda: repo.git("ls-remote", agency.home.git_dir(PLACE))


def test_packing_keeps_every_ref_and_every_object(agency, filled, repo):
    git_dir = agency.home.git_dir(PLACE)
    before = filled()
    asyncio.run(agency.pack(PLACE))
    assert filled() == before
    assert len(before.splitlines()) == 120
    assert repo.run("git", "--git-dir", git_dir, "fsck", "--strict").returncode == 0
    assert os.path.exists(os.path.join(git_dir, "packed-refs"))
    assert not os.path.exists(os.path.join(git_dir, "refs", "idse", "sessions", "portal", "s1"))


def test_what_was_pushed_is_measured(agency, filled):
    assert filled()
    agency.measure([PLACE])
    found = agency.admin.repository(PLACE)
    assert found.bytes > 120 * 100
    assert found.pushed_at


def test_a_place_that_is_gone_stops_no_other(agency, filled):
    assert filled()
    agency.measure([Place("acme", "gone"), PLACE])
    assert agency.admin.repository(PLACE).bytes
    asyncio.run(agency.pack(Place("acme", "gone")))


def test_old_quarantines_go_and_fresh_ones_stay(agency, filled):
    from idse_orchestrator.server.tenants.repository_checks import sweep_quarantines

    assert filled()
    objects = os.path.join(agency.home.git_dir(PLACE), "objects")
    for name, age in (("tmp_objdir-incoming-old", 2 * 86_400), ("tmp_objdir-incoming-new", 60)):
        path = os.path.join(objects, name)
        os.mkdir(path)
        os.utime(path, (time.time() - age,) * 2)
    sweep_quarantines(agency.home, time.time())
    assert [name for name in os.listdir(objects) if "incoming" in name] == ["tmp_objdir-incoming-new"]


def test_what_a_tick_costs_does_not_grow_with_the_square_of_the_repositories(tenants, monkeypatch):
    """Every two seconds, where anything changed: the rules once a client, the names once a repository."""
    tenants.add_client("acme")
    for number in range(30):
        tenants.add_repository(Place("acme", f"r{number}"))
    agency = Agency(tenants.home, tenants.home.configuration({}), os.environ["PATH"])
    agency.tell_rules()
    looks = []
    monkeypatch.setattr(Agency, "_rules_now", lambda _self, client: looks.append(client) or ((0, 0, 0),) * 2)
    agency.tell_rules()
    assert looks == []  # nobody wrote anything meanwhile
    tenants.add_repository(Place("acme", "more"))
    agency.tell_rules()
    assert looks == ["acme"]
