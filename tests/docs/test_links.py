"""Links from page to page lead somewhere."""

from __future__ import annotations

import pathlib
from urllib.parse import unquote

import pytest
from markdown_it import MarkdownIt

HOUSE = pathlib.Path(__file__).parents[2]
PAGES = [*sorted(HOUSE.glob("*.md")), *sorted((HOUSE / "docs").rglob("*.md"))]


def targets(page):
    """The relative links of a page, as paths without anchors."""
    for token in MarkdownIt().parse(page.read_text(encoding="utf-8")):
        for child in token.children or ():
            found = child.attrs.get("href") or child.attrs.get("src")
            if found and "://" not in found and not found.startswith(("#", "mailto:")):
                yield unquote(found.partition("#")[0])


def test_the_pages_link_to_each_other():
    assert sum(len([*targets(page)]) for page in PAGES) > 100


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(HOUSE)))
def test_every_link_of_a_page_leads_to_a_file(page):
    assert [link for link in targets(page) if not (page.parent / link).exists()] == []
