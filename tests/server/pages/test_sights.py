"""Every page of an Agency in a real browser: by role and label, in any window, of any size."""

from __future__ import annotations

import time
import urllib.parse

import pytest
from playwright.sync_api import expect

from crowded import Crowd
from pages_bed import HOSTILE, LONG, SHOWN
from sights import FOCUSED, barriers, hold

GRID = "/c/{}/shop/portal"


@pytest.fixture(scope="module")
def crowd(tmp_path_factory, sealed_session):
    """An Agency with clients of every size, which serves once its tables have all of them."""
    bed = Crowd(tmp_path_factory.mktemp("crowd") / "home")
    bed.begin()
    yield bed
    assert bed.stop() == 0


@pytest.fixture
def seen(crowd, page):
    """Opens a path as the key of a client, "" : as an operator, in a window of that width."""
    opened = {}

    def see(path, width=1280, *, dark=False, who=""):
        if who not in opened:
            opened[who] = page(storage_state=login(crowd, page, who))
        made = opened[who]
        made.set_viewport_size({"width": width, "height": 900})
        made.emulate_media(color_scheme="dark" if dark else "light")
        made.goto(f"http://{crowd.address}{path}")
        return made

    return see


_LOGINS = {}


def login(crowd, page, who):
    """The cookie of whoever pasted the key of a client; once for all tests."""
    if (crowd.address, who) not in _LOGINS:
        sight = page()
        sight.goto(f"http://{crowd.address}/login")
        sight.get_by_label("Key").fill(crowd.keys[who])
        with sight.expect_navigation():
            sight.get_by_role("button", name="Log in").click()
        _LOGINS[crowd.address, who] = sight.context.storage_state()
    return _LOGINS[crowd.address, who]


LOOKED_AT = ((1280, False), (360, True))
"""Where axe-core looks: each width and each scheme, once."""
PAGES = {
    "/": "Clients",
    "/c/acme": "acme",
    "/c/empty": "empty",
    GRID.format("single"): "shop/portal",
    GRID.format("acme"): "shop/portal",
    GRID.format("many"): "shop/portal",
    GRID.format("many") + "?page=100": "shop/portal",
    GRID.format("acme") + "/login": "login",
    GRID.format("acme") + "/hostile?document=plan.md": "hostile",
    f"{GRID.format('acme')}/{LONG}": LONG,
    GRID.format("many") + "/session-00001": "session-00001",
    "/findings": "Findings",
    "/findings?client=empty": "Findings",
    "/analytics": "Analytics",
    "/analytics?client=acme": "Analytics",
    "/analytics?client=many": "Analytics",
    "/sync": "Sync",
    "/audit": "Audit",
    "/audit?client=acme": "Audit",
    "/keys": "Keys",
    "/c/nobody": "There is no such thing here, or not for this key",
}
LOOKED_AT = ((1280, False), (360, True))
"""Where axe-core looks: each width and each scheme, once."""


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_whole_in_every_window(seen, crowd, path):
    asked = []
    for width, dark in ((1280, False), (360, True), (1280, True), (360, False)):
        sight = seen(path, width, dark=dark)
        hold(sight, PAGES[path])
        if (width, dark) in LOOKED_AT:
            assert barriers(sight) == []
        if not asked:
            sight.on("request", lambda each: asked.append(each.url))
            sight.reload()
    # Chromium draws the button of a date from an address that is its own content.
    hosts = {urllib.parse.urlsplit(each).netloc for each in asked if not each.startswith("data:")}
    assert hosts == {crowd.address}


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (360, True)])
def test_the_way_in_and_out(crowd, page, width, dark):
    sight = page(width=width, dark=dark)
    sight.goto(f"http://{crowd.address}/findings?show=waived")
    hold(sight, "Log in")
    assert barriers(sight) == []
    sight.get_by_label("Key").fill("idse_wrong")
    with sight.expect_navigation():
        sight.get_by_role("button", name="Log in").click()
    assert sight.get_by_role("alert").inner_text() == "This is no key, or one that ended."
    hold(sight, "Log in")
    sight.get_by_label("Key").fill(crowd.keys["acme"])
    with sight.expect_navigation():
        sight.keyboard.press("Enter")
    assert sight.get_by_role("heading", level=1).inner_text() == "Findings"
    assert sight.get_by_label("Show").input_value() == "waived"
    with sight.expect_navigation():
        sight.get_by_role("button", name="Log out").click()
    assert sight.get_by_role("heading", level=1).inner_text() == "Log in"
    sight.go_back()
    sight.reload()
    assert sight.get_by_role("heading", level=1).inner_text() == "Log in"


@pytest.mark.parametrize("who", ["", "acme"])
def test_the_menu_leads_to_every_page(seen, crowd, who):
    sight = seen("/", who=who)
    names = ["Clients" if not who else "Sessions", "Findings", "Analytics", "Sync", "Audit"]
    names += ["Keys"] if not who else []
    menu = sight.get_by_role("navigation", name="Site")
    assert menu.get_by_role("link").all_inner_texts() == names
    for name in names:
        with sight.expect_navigation():
            menu.get_by_role("link", name=name, exact=True).click()
        assert menu.locator("[aria-current=page]").all_inner_texts() == [name]
        assert sight.get_by_role("heading", level=1).inner_text() == ("acme" if name == "Sessions" else name)
    for data in ("JSON", "CSV"):
        answer = sight.request.get(
            f"http://{crowd.address}" + sight.get_by_role("link", name=data).get_attribute("href")
        )
        assert answer.status == 200


def names(sight):
    """The sessions of a grid, in order."""
    return sight.locator("table.grid tbody th a").all_inner_texts()


def test_who_looks_goes_from_all_clients_to_one_document(seen):
    sight = seen("/")
    with sight.expect_navigation():
        sight.get_by_role("link", name="harbour").click()
    with sight.expect_navigation():
        sight.get_by_role("link", name="port/portal").first.click()
    with sight.expect_navigation():
        sight.get_by_role("link", name="waste-returns").click()
    with sight.expect_navigation():
        sight.get_by_role("link", name="intent", exact=True).click()
    document = sight.get_by_role("region", name="Documents")
    assert (
        document.get_by_role("heading", level=3).first.inner_text()
        == "Intent: Ships hand in waste, and get a receipt"
    )
    with sight.expect_navigation():
        sight.get_by_role("link", name="port/portal").click()
    with sight.expect_navigation():
        sight.get_by_role("link", name="harbour").click()
    assert sight.get_by_role("table", name="Sessions in which something blocks").count() == 1


GRID_SHOWS = {
    "all sessions": 22,
    "blocked": 6,
    "stale or changed": 5,
    "with a waiver": 1,
    "active": 20,
    "archived": 0,
}


@pytest.mark.parametrize("shown", GRID_SHOWS)
def test_each_way_to_show_a_grid(seen, shown):
    sight = seen("/c/harbour/port/portal")
    sight.get_by_label("Show").select_option(shown)
    with sight.expect_navigation():
        sight.get_by_role("button", name="Show").click()
    found = names(sight)
    assert len(found) == GRID_SHOWS[shown]
    assert f"{len(found)} session" in sight.get_by_role("search").inner_text()
    assert sight.get_by_label("Show").locator("option:checked").inner_text() == shown
    assert (sight.get_by_text("No session is like that.").count() == 1) == (not found)


def test_type_and_name_narrow_a_grid_and_stay_in_its_address(seen):
    sight = seen("/c/harbour/port/portal")
    assert sight.get_by_label("Type").locator("option").all_inner_texts() == ["all types", "feature"]
    sight.get_by_label("Type").select_option("feature")
    sight.get_by_label("Name or title").fill("TIDE tables")
    with sight.expect_navigation():
        sight.keyboard.press("Enter")
    assert names(sight) == ["tide-tables"]
    again = seen(
        urllib.parse.urlsplit(sight.url).path + "?" + urllib.parse.urlsplit(sight.url).query, who="harbour"
    )
    assert names(again) == ["tide-tables"]
    assert again.get_by_label("Name or title").input_value() == "TIDE tables"


def test_five_thousand_sessions_are_a_hundred_pages(seen):
    sight = seen(GRID.format("many"))
    pages = sight.get_by_role("navigation", name="Pages")
    first = names(sight)
    assert (len(first), pages.inner_text().split(" sessions")[0]) == (50, "1–50 of 5,000")
    with sight.expect_navigation():
        pages.get_by_role("link", name="Next").click()
    second = names(sight)
    assert (len(second), set(first) & set(second)) == (50, set())
    with sight.expect_navigation():
        pages.get_by_role("link", name="Previous").click()
    assert names(sight) == first
    with sight.expect_navigation():
        pages.get_by_role("link", name="Last").click()
    assert pages.inner_text().startswith("4,951–5,000 of 5,000")
    assert pages.get_by_role("link", name="Next").count() == 0
    sight.get_by_label("Name or title").fill("session-0123")
    with sight.expect_navigation():
        sight.get_by_role("button", name="Show").click()
    assert sorted(names(sight)) == [f"session-0123{each}" for each in range(10)]


def test_a_grid_says_how_each_stage_stands_without_a_colour(seen):
    sight = seen("/c/harbour/port/portal")
    row = sight.get_by_role("row", name="pilot-roster")
    assert row.get_by_role("cell").all_text_contents()[:7] == [
        "✓complete", "✓complete", "✗changed, 1 blocking", "↻stale", "↻stale", "▶in progress", "·pending",
    ]  # fmt: skip
    legend = sight.get_by_role("list", name="Legend").get_by_role("listitem").all_inner_texts()
    words = ("complete", "in progress", "pending", "changed", "stale", "not needed", "blocked")
    assert [each[1:].strip() for each in legend] == list(words)


@pytest.mark.parametrize("shown", ["all findings", "what blocks", "what does not block", "what is waived"])
def test_each_way_to_show_findings(seen, shown):
    sight = seen("/findings")
    sight.get_by_label("Client").select_option("harbour")
    sight.get_by_label("Show").select_option(shown)
    with sight.expect_navigation():
        sight.get_by_role("button", name="Show").click()
    rows = sight.get_by_role("table", name="Findings, what blocks first").locator("tbody tr")
    said = rows.all_inner_texts()
    assert said
    assert all(
        ("waived until 2027-03-31" in each) == ("gate-cameras" in each and "IDSE201" in each) for each in said
    )
    blocks = [sight.locator("td.bad .hidden").count(), len(said)]
    assert {"what blocks": blocks[0] == blocks[1], "all findings": 0 < blocks[0] < blocks[1]}.get(
        shown, blocks[0] == 0
    )


def test_a_rule_is_a_filter_by_form_and_by_link(seen):
    sight = seen("/findings?client=harbour")
    with sight.expect_navigation():
        sight.get_by_role("link", name="IDSE301").click()
    rows = sight.get_by_role("table", name="Findings, what blocks first").locator("tbody tr")
    assert {each[:7] for each in rows.all_inner_texts()} == {"IDSE301"}
    assert sight.get_by_label("Rule").input_value() == "IDSE301"
    sight.get_by_label("Rule").select_option("all rules")
    with sight.expect_navigation():
        sight.get_by_role("button", name="Show").click()
    assert len({each[:7] for each in rows.all_inner_texts()}) > 1


def test_figures_of_one_client_and_since_a_day(seen):
    sight = seen("/analytics")
    with sight.expect_navigation():
        sight.get_by_role("link", name="harbour").click()
    assert sight.get_by_label("Client").input_value() == "harbour"
    targets = sight.get_by_role("table", name="Metrics that have a target")
    assert targets.get_by_role("row", name="sync reliability").inner_text().split("\t")[1:4] == [
        "100 %",
        "≥ 99 %",
        "✓yes",
    ]
    assert sight.get_by_role("heading", name="Lead time").count() == 1
    sight.get_by_label("Since").fill("2030-01-01")
    with sight.expect_navigation():
        sight.get_by_role("button", name="Show").click()
    assert "since=2030-01-01" in sight.url
    assert sight.get_by_role("heading", name="Lead time").count() == 0


@pytest.mark.parametrize("path", ["/sync", "/audit", "/keys"])
def test_a_client_is_chosen_by_a_form(seen, path):
    sight = seen(path)
    sight.get_by_label("Client").select_option("acme")
    with sight.expect_navigation():
        sight.get_by_role("button", name="Show").click()
    assert sight.url.endswith(f"{path}?client=acme")
    assert sight.get_by_label("Client").input_value() == "acme"
    if path == "/keys":
        assert sight.locator("tbody tr").count() == 1
    if path == "/audit":
        assert sight.get_by_role("row", name="refused IDSE301").count() == 1


def test_hostile_text_is_text(seen):
    sight = seen(GRID.format("acme") + "/hostile?document=plan.md")
    assert sight.get_by_text(SHOWN).count() >= 2
    document = sight.get_by_role("region", name="Documents")
    assert document.get_by_role("link", name="a page").get_attribute("href") == "https://example.org/"
    assert document.get_by_role("link", name="a trap").count() == 0
    assert "[image: a picture]" in document.inner_text()
    assert "nobody" not in document.inner_text()
    assert HOSTILE not in sight.content()
    assert SHOWN in seen("/findings?client=acme&show=waived").get_by_role("main").inner_text()


def test_a_conflict_is_told(seen):
    sight = seen(GRID.format("acme") + "/torn?document=spec.md")
    assert "<<<<<<< one" in sight.get_by_role("region", name="Documents").inner_text()
    findings = sight.get_by_role("table", name="What the rules find today")
    assert findings.get_by_role("row", name="conflict").count() >= 1


@pytest.mark.parametrize("path", [GRID.format("acme"), "/findings", "/analytics?client=acme", "/keys"])
def test_the_keyboard_reaches_all_of_a_page_in_its_order(seen, path):
    sight = seen(path)
    reached = []
    for _ in range(18):
        sight.keyboard.press("Tab")
        if sight.evaluate("document.activeElement === document.body"):
            break  # the next one is the browser's own
        reached.append(sight.evaluate(FOCUSED))
        if reached[-1] != "Since":  # the parts of a date have the focus, and show it as the browser does
            expect(sight.locator(":focus")).not_to_have_css("outline-style", "none")
    menu = ["Clients", "Findings", "Analytics", "Sync", "Audit", "Keys"]
    assert reached[:9] == ["Skip to the page", "IDSE Agency", *menu, "Log out"]
    assert "Show" in reached
    sight.keyboard.press("Escape")


def test_the_first_key_skips_to_the_page(seen):
    sight = seen(GRID.format("acme"))
    sight.keyboard.press("Tab")
    sight.keyboard.press("Enter")
    assert sight.url.endswith("#main")
    sight.keyboard.press("Tab")
    assert sight.evaluate("document.activeElement.closest('main') !== null")


def test_refresh_shows_what_is_new(seen, crowd):
    sight = seen("/")
    before = sight.locator("tbody tr").count()
    crowd.key(f"late-{before}", "read")
    until = time.monotonic() + 30
    while sight.get_by_role("link", name=f"late-{before}").count() == 0:
        assert time.monotonic() < until
        with sight.expect_navigation():
            sight.get_by_role("link", name="Refresh").click()
    assert sight.locator("tbody tr").count() == before + 1
