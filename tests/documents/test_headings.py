"""Headings as people write them come to one form."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idse_orchestrator.documents.markdown import forms, names_start, normalized, without_aside


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("6. Agent Profile", "agent profile"),
        ("3 · Scope", "scope"),
        ("1) Scope:", "scope"),
        ("2.1.3 — Scope", "scope"),
        ("b) Scope", "scope"),
        ("IV. Scope", "scope"),
        ("🚀 Scope 🚀", "scope"),
        ("Risks & Unknowns", "risks unknowns"),
        ("Risks and Unknowns", "risks unknowns"),
        ("Phase 0 – Foundations", "phase 0 foundations"),
        ("Phase 0: Foundations", "phase 0 foundations"),
        ("`Data` *Model*", "data model"),
        ("[API](a.md) Contracts", "api contracts"),
        ("Success Criteria (measurable)", "success criteria"),
        ("Non‑Functional Requirements", "non functional requirements"),
        ("ÜBERSICHT", "übersicht"),
        ("2024", "2024"),
        ("(only this)", "only this"),
        ("The", "the"),
        ("", ""),
        ("—", ""),
    ],
)
def test_a_title_comes_down_to_its_words(title, name):
    assert normalized(title) in (name, "" if name == "the" else name)


def test_each_part_of_a_title_is_a_name_for_it():
    assert forms("Users / Stakeholders (all)") == ("users stakeholders", "users", "stakeholders")


ASIDE = re.compile(r"\s*\([^()]*\)\W*$")


@given(st.text("()[]ab_1 !-"))
def test_words_in_parentheses_at_the_end_are_an_aside(title):
    """As this pattern has it, which takes hours on a long heading."""
    told = re.compile(r"[^\W_]+")
    assert told.findall(without_aside(title)) == told.findall(ASIDE.sub("", title))


@pytest.mark.parametrize("middle", [" ", "()", "(!)", "(", ")", "[", "[a](", "!", "a/", "1."])
def test_a_heading_of_a_megabyte_comes_down_to_its_words_at_once(middle):
    title = "Scope " + middle * (1_000_000 // len(middle)) + " x"
    assert forms(title)[0].startswith("scope")


@pytest.mark.parametrize(
    ("start", "expected"), [("phase 0", True), ("phase", True), ("phase 1", False), ("pha", False)]
)
def test_a_start_fits_whole_words(start, expected):
    assert names_start(("phase 0 foundations",), (start,)) is expected
