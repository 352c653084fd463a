"""The pictures in the docs are of pages as they are. `--update-pictures` takes them anew."""

from __future__ import annotations

import io
import pathlib
import re

import pytest
from PIL import Image
from playwright.sync_api import sync_playwright

from browser import chromium
from crowded import Crowd

HOUSE = pathlib.Path(__file__).parents[2]
FOLDER = HOUSE / "docs/pictures"
LARGEST = 150_000
TALLEST = 900
GRID = "/c/harbour/port/portal"
PICTURES = {
    "overview": ("/", ("Clients", "harbour", "Who needs attention comes first. Times are UTC.")),
    "client": ("/c/harbour", ("port/portal", "Sessions that need a look", "portal/visitor-passes")),
    "grid": (GRID, ("port/portal", "22 sessions", "waste-returns", "ice-season", "blocking")),
    "session": (f"{GRID}/gate-cameras", ("Plates are read at the gate", "Next:", "Findings", "Documents")),
    "findings": ("/findings?client=harbour&show=waived", ("By rule", "IDSE201", "waived until 2027-03-31")),
    "analytics": ("/analytics?client=harbour", ("Targets", "first-try rate", "Lead time")),
}
"""What each shows: its page, and words that stand in the picture."""


@pytest.fixture(scope="module")
def sight(tmp_path_factory, sealed_session):
    """A page of an Agency in which an operator is logged in."""
    bed = Crowd(tmp_path_factory.mktemp("pictures") / "home", ("harbour",))
    bed.begin()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 800}, color_scheme="light")
        page.goto(f"http://{bed.address}/login")
        page.get_by_label("Key").fill(bed.keys[""])
        page.get_by_role("button", name="Log in").click()
        yield lambda path: page.goto(f"http://{bed.address}{path}") and page
        browser.close()
    assert bed.stop() == 0


@pytest.mark.parametrize("name", PICTURES)
def test_a_page_still_shows_what_its_picture_does(sight, name, request):
    path, words = PICTURES[name]
    page = sight(path)
    for each in words:
        shown = page.get_by_text(each).locator("visible=true").first
        assert shown.bounding_box()["y"] < TALLEST, each
    if request.config.getoption("--update-pictures"):
        FOLDER.mkdir(exist_ok=True)
        height = min(page.evaluate("document.body.scrollHeight"), TALLEST)
        clip = {"x": 0, "y": 0, "width": 1280, "height": height}
        taken = Image.open(io.BytesIO(page.screenshot(full_page=True, clip=clip)))
        taken.convert("RGB").quantize(256).save(FOLDER / f"{name}.png", optimize=True)


def test_each_picture_is_there_and_small():
    found = {path.stem: path.stat().st_size for path in FOLDER.iterdir()}
    assert found.keys() == PICTURES.keys()
    assert max(found.values()) <= LARGEST
    for path in FOLDER.iterdir():
        data = path.read_bytes()
        assert data[:8] == b"\x89PNG\r\n\x1a\n"
        assert int.from_bytes(data[16:20], "big") == 1280


def test_each_picture_is_shown_with_words_for_who_does_not_see_it():
    pages = [HOUSE / "README.md", *(HOUSE / "docs").rglob("*.md")]
    shown = {}
    for page in pages:
        for alt, target in re.findall(r"!\[([^\]]*)\]\(([^)\s]+\.png)\)", page.read_text(encoding="utf-8")):
            shown.setdefault((page.parent / target).resolve(), []).append(alt)
    assert shown.keys() == {FOLDER / f"{name}.png" for name in PICTURES}
    assert all(len(alt.split()) >= 6 for alts in shown.values() for alt in alts)
