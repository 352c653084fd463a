"""What pages show, in both engines: the same words for the same ledgers."""

from __future__ import annotations

import json

import pytest

from idse_orchestrator.server.api.reads import Reads
from idse_orchestrator.server.model.push import READ, Caller
from idse_orchestrator.server.pages.site import Asked, Site
from idse_orchestrator.server.pages.versions import Versions
from idse_orchestrator.server.pages.views import Views
from pages_bed import fill

NOW = "2026-12-01T00:00:00Z"
CHIEF = Caller("chief", "", "", "Chief", (READ,))
GRID = "/c/shop/web/portal"
PATHS = ("/overview", "/c/shop", GRID, f"{GRID}/login", "/findings", "/analytics", "/sync", "/audit", "/keys")


@pytest.fixture
def site(bed, web, clone):
    """The pages over an Agency with one client."""
    fill(clone, 3)
    bed.projector.follow(web, bed.push(clone, web))
    bed.catch_up()
    reads = Reads(bed.store, bed.admin, bed.home)
    views = Views(bed.store, reads, bed.admin, Versions(reads, bed.home))
    return Site(views, "Agency", lambda: NOW)


def test_each_page_is_made_in_each_engine(site):
    for path in PATHS:
        for ending in ("", ".json", ".csv"):
            told = site.answer(Asked(CHIEF, path + ending, {"page": "1"}))
            assert (told.status, told.fault) == (200, None), path + ending
    for query in ({"show": "stale"}, {"q": "LOGIN"}, {"q": "100%_"}, {"show": "waived"}, {"type": "feature"}):
        assert site.answer(Asked(CHIEF, GRID, query)).status == 200


def test_figures_are_the_same_in_each_engine(site):
    def data(path, **query):
        return json.loads(site.answer(Asked(CHIEF, f"{path}.json", query)).body)

    (client,) = data("/overview")["clients"]
    assert (client["client"], client["sessions"], client["stale"]) == ("shop", 7, 2)
    assert sum(client["kinds"].values()) == 7 * 7
    (project,) = data("/c/shop")["projects"]
    assert (project["project"], project["sessions"]) == ("portal", 7)
    assert project["kinds"] == client["kinds"]
    stages = data(GRID)["by_stage"]
    assert [sum(each["kinds"].values()) for each in stages] == [7] * 7
    assert (stages[0]["kinds"]["changed"], stages[1]["kinds"]["stale"]) == (1, 1)
    assert [row["session"] for row in data(GRID, show="stale")["sessions"]] == ["login"]
    rules = {row["rule"]: row for row in data("/findings")["rules"]}
    assert rules["IDSE402"]["waived"] == 1
    assert rules["IDSE402"]["blocks"] == 0
