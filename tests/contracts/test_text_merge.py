"""What both mergers of texts promise: that of git, and the one for places without it.

Where they conflict they may draw the borders of a conflict differently. Nothing else may differ.
"""

from __future__ import annotations

import os
import tempfile
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from idse_orchestrator.base.text_merge import merge_lines
from idse_orchestrator.git.program import Git
from idse_orchestrator.ledger.merge.trees import merge_texts

LABELS = ("ledger", "edit")
LINES = st.lists(
    st.sampled_from([b"a\n", b"b\n", b"c\n", b"d\r\n", b"\n", b"e\rf\n"]), max_size=8
).map(b"".join)  # fmt: skip
TEXTS = st.builds(bytes.__add__, LINES, st.sampled_from([b"", b"a", b"end"]))
NUMBERED = [b"line %d\n" % number for number in range(30)]
MERGERS = {
    "git": partial(merge_texts, Git(tempfile.gettempdir(), os.environ), labels=LABELS),
    "python": partial(merge_lines, labels=LABELS),
}
few = settings(max_examples=40)


@pytest.fixture(params=MERGERS, scope="module")
def merge(request):
    """One of the mergers: ``merge(ours, base, theirs)``."""
    return MERGERS[request.param]


@st.composite
def edits_apart(draw):
    """Ours, base, theirs and their merge: no line that one side touched is next to one of the other side."""
    ours, theirs, merged = list(NUMBERED), list(NUMBERED), list(NUMBERED)
    for place in draw(st.sets(st.integers(0, 9), min_size=1)):
        side = draw(st.sampled_from([ours, theirs]))
        text = draw(st.sampled_from([b"", b"new %d\n", b"new %d\nmore %d\n", b"line %d\nmore %d\n"]))
        number = 3 * place
        side[number] = merged[number] = text.replace(b"%d", b"%d" % number)
    return tuple(b"".join(lines) for lines in (ours, NUMBERED, theirs, merged))


def test_edits_in_different_places_go_together(merge):
    assert merge(b"0\n1\n2\n3\n", b"1\n2\n3\n", b"1\n2\n3\n4\n") == (b"0\n1\n2\n3\n4\n", False)


@few
@given(edits_apart())
def test_where_the_sides_touch_different_lines_the_answer_is_the_same(merge, texts):
    assert merge(*texts[:3]) == (texts[3], False)


@few
@given(TEXTS, TEXTS)
def test_an_edit_of_one_side_alone_is_taken_whole(merge, base, edited):
    assert merge(edited, base, base) == (edited, False)
    assert merge(base, base, edited) == (edited, False)
    assert merge(edited, base, edited) == (edited, False)


def test_the_same_change_on_both_sides_is_no_conflict(merge):
    assert merge(b"a\nx\n", b"a\nb\n", b"a\nx\n") == (b"a\nx\n", False)


def test_one_place_changed_by_both_stands_between_markers(merge):
    text = b"a\n<<<<<<< ledger\nmine\n=======\ntheirs\n>>>>>>> edit\nz\n"
    assert merge(b"a\nmine\nz\n", b"a\nb\nz\n", b"a\ntheirs\nz\n") == (text, True)


@few
@given(st.sets(st.integers(0, 29), min_size=1))
def test_every_line_that_both_change_is_a_conflict(merge, numbers):
    ours, theirs = list(NUMBERED), list(NUMBERED)
    for number in numbers:
        ours[number], theirs[number] = b"ours %d\n" % number, b"theirs %d\n" % number
    made = merge(b"".join(ours), b"".join(NUMBERED), b"".join(theirs))
    assert made.conflicts
    assert made.text.count(b"ours ") == made.text.count(b"theirs ") == len(numbers)


@pytest.mark.parametrize(
    ("ours", "base", "theirs"),
    [
        pytest.param(b"A\nb\n", b"a\nb\n", b"a\nB\n", id="neighbouring lines"),
        pytest.param(b"A\rm\rb\nc\n", b"a\rm\rb\nc\n", b"a\rm\rB\nc\n", id="parts of one line"),
        pytest.param(b"a\n", b"a\nb\n", b"a\nB\n", id="a line removed and edited"),
    ],
)
def test_what_cannot_be_told_apart_is_a_conflict(merge, ours, base, theirs):
    assert merge(ours, base, theirs).conflicts


def test_a_last_line_without_its_end_gets_one_before_a_marker(merge):
    text = b"<<<<<<< ledger\none\n=======\nother\n>>>>>>> edit\n"
    assert merge(b"one", b"", b"other") == (text, True)


@pytest.mark.parametrize("place", range(3))
def test_what_is_no_text_is_not_merged(merge, place):
    texts = [b"ours", b"base", b"theirs"]
    texts[place] = b"\0"
    assert merge(*texts) is None


@settings(max_examples=100)
@given(TEXTS, TEXTS, TEXTS)
def test_no_line_of_either_side_is_lost(merge, ours, base, theirs):
    made = merge(ours, base, theirs)
    before = base.split(b"\n")
    added = {
        line.removesuffix(b"\r")
        for lines in (ours.split(b"\n"), theirs.split(b"\n"))
        for line in lines
        if lines.count(line) > before.count(line)
    }
    assert added <= {line.removesuffix(b"\r") for line in (*made.text.split(b"\n"), b"")}
    assert made.conflicts or b"<<<<<<<" not in made.text
