"""Where a page says that something stands in the code, it stands there."""

from __future__ import annotations

import pathlib
import re

import pytest

HOUSE = pathlib.Path(__file__).parents[2]
PACKAGE = HOUSE / "src/idse_orchestrator"
OWN = HOUSE / ".idse/projects/idse-orchestrator"
PAGES = [*sorted((HOUSE / "docs").rglob("*.md")), *sorted(OWN.rglob("*.md"))]
PLACE = re.compile(
    r"`(?!git/CLIENT/)((?:base|documents|git|ledger|pipeline|constitution|sessions|worktree|agents|profiles|claims|sync|health|stores|migrate|wiring|cli|tests|hooks|templates|benchmarks)/[\w./-]+)`"
)


def places(page):
    """Paths in code style, below the package or the top of the project, not in the home of an Agency."""
    return PLACE.findall(page.read_text(encoding="utf-8"))


def is_there(place):
    """Whether it is a file or folder, a module without its ending, or a name in a module."""
    path, _, _name = place.rpartition(".")
    tries = (place, f"{place}.py", f"{path}.py")
    return any((top / each).exists() for top in (HOUSE, PACKAGE) for each in tries)


def test_the_pages_name_places():
    assert sum(len(places(page)) for page in PAGES) > 50


@pytest.mark.parametrize("page", [page for page in PAGES if places(page)], ids=lambda page: page.stem)
def test_every_place_that_a_page_names_is_there(page):
    assert [place for place in places(page) if not is_there(place)] == []
