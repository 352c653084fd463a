"""Free text made safe to store."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idse_orchestrator.base.text import encodable, one_line, paragraphs


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("two\nlines", "two lines"),
        ("  a \t b\r\n", "a b"),
        ("nul\0 and bell\a", "nul and bell"),
        ("a\u2028b\u2029c\x85d", "a b c d"),
        ("", ""),
        ("\n\n", ""),
        ("Ünal 李", "Ünal 李"),
    ],
)
def test_one_line_is_one_line(text, line):
    assert one_line(text) == line


@pytest.mark.parametrize(
    ("text", "body"),
    [
        ("one\r\ntwo\rthree", "one\ntwo\nthree"),
        ("a\n\n---\n\nb", "a\n\n–––\n\nb"),
        ("a\n--- a/file", "a\n––– a/file"),
        ("a\n-----\nb", "a\n–––––\nb"),
        ("- item\n-- dash", "- item\n-- dash"),
        ("Idse-To: complete", "Idse-To : complete"),
        ("why  \n  indented", "why\n  indented"),
        ("tab\tand nul\0", "tab\tand nul"),
        ("\n\nmiddle\n\n", "middle"),
    ],
)
def test_paragraphs_keep_their_shape_and_lose_what_git_would_misread(text, body):
    assert paragraphs(text) == body


@given(st.text(st.characters()))
def test_whatever_comes_can_be_stored(text):
    for clean in (encodable(text), one_line(text), paragraphs(text)):
        clean.encode()


@given(st.text(st.characters()))
def test_cleaning_twice_changes_nothing_more(text):
    for clean in (encodable, one_line, paragraphs):
        assert clean(clean(text)) == clean(text)


@given(st.text(st.characters()))
def test_one_line_has_no_break_of_any_kind(text):
    assert len(one_line(text).splitlines()) <= 1
