"""The documentation's sections come in the order in which people need them."""

from __future__ import annotations

import pathlib

import navigation

DOCS = pathlib.Path(__file__).parents[2] / "docs"


def test_sections_follow_the_reader_and_empty_ones_are_left_out(tmp_path):
    for page in ("adr/0001-a.md", "reference/rules.md", "reference/errors.md", "tutorial/first.md"):
        (tmp_path / page).parent.mkdir(exist_ok=True)
        (tmp_path / page).touch()
    assert navigation.navigation(tmp_path) == [
        {"Home": "index.md"},
        {"Tutorial": ["tutorial/first.md"]},
        {"Reference": ["reference/errors.md", "reference/rules.md"]},
        {"Decisions": ["adr/0001-a.md"]},
    ]


def test_every_page_has_a_section():
    listed = {"index.md"}
    for section in navigation.navigation(DOCS)[1:]:
        listed.update(*section.values())
    assert {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")} == listed
