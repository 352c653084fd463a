"""What a form does to a document, and what differs between two: for any text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idse_orchestrator.server.pages.differences import ADDED, GAP, MOST, REMOVED, SAME, difference
from idse_orchestrator.server.pages.form_text import MOST as LARGEST
from idse_orchestrator.server.pages.form_text import document_of, text_of, why_fixed

LINES = st.lists(st.sampled_from(["", "a", "b", "# c", " "]), max_size=6)
ENDS = st.sampled_from(["\n", "\r\n", "\r"])
ANY = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=60)


@st.composite
def documents(draw):
    """Documents with ends of every kind."""
    text = "".join(f"{line}{draw(ENDS)}" for line in draw(LINES)) + draw(st.sampled_from(["", "last"]))
    return (draw(st.sampled_from(["", "\ufeff"])) + text).encode()


def by_browser(text):
    """A text as a browser sends it."""
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n")


@given(documents() | ANY.map(str.encode))
def test_what_nobody_changed_is_the_same_to_the_byte(data):
    assert document_of(by_browser(text_of(data)), data) == data


@given(documents(), LINES.map("\n".join) | ANY)
def test_the_text_of_a_document_is_what_was_sent(base, sent):
    made = document_of(by_browser(sent), base)
    plain = by_browser(sent).replace("\r\n", "\n")
    assert text_of(made) in (plain, f"{plain}\n")
    assert made.startswith(b"\xef\xbb\xbf") == base.startswith(b"\xef\xbb\xbf")
    assert document_of(by_browser(text_of(made)), made) == made


CASES = [
    ("a changed line", b"a\r\nb\nc\r\n", "a\nB\nc\n", b"a\r\nB\nc\r\n"),
    ("a new line", b"a\r\nb\r\n", "a\nnew\nb\n", b"a\r\nnew\r\nb\r\n"),
    ("mixed ends stay around a new line", b"a\r\nb\nc\r\n", "a\nb\nnew\nc\n", b"a\r\nb\nnew\r\nc\r\n"),
    ("a line less", b"a\r\nb\nc\r\n", "a\nc\n", b"a\r\nc\r\n"),
    ("the last end stays", b"a\r\n", "b", b"b\r\n"),
    ("no last end stays", b"a\nb", "a\nc", b"a\nc"),
    ("a last end may be given", b"a", "a\n", b"a\n"),
    ("a new document ends", b"", "a", b"a\n"),
    ("all may go", b"a\r\n", "", b""),
]


@pytest.mark.parametrize(
    ("base", "sent", "made"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_line_ends(base, sent, made):
    assert document_of(by_browser(sent), base) == made


def test_what_is_no_text_of_a_form():
    assert why_fixed("\ufeffé\r\n".encode()) == ""
    assert "NUL" in why_fixed(b"a\0")
    assert "byte 1" in why_fixed(b"a\xe9")
    assert "262,145" in why_fixed(b"a" * (LARGEST + 1))


@given(LINES, LINES)
def test_a_difference_makes_one_text_of_the_other(old, new):
    found = difference("\n".join(old), "\n".join(new))
    shown = [(line.kind, "".join(text for text, _ in line.parts)) for line in found.lines if line.kind != GAP]
    assert sum(kind == ADDED for kind, _ in shown) == found.added
    assert sum(kind == REMOVED for kind, _ in shown) == found.removed
    for kind, text in ((REMOVED, old), (ADDED, new)):
        lines = iter("\n".join(text).removesuffix("\n").split("\n"))
        assert all(line in lines for said, line in shown if said in (kind, SAME))


def test_a_difference_is_short_and_marks_words():
    old = [f"line {number}" for number in range(50)]
    found = difference("\n".join(old), "\n".join([*old[:20], "line twenty", *old[21:]]))
    assert [line.kind for line in found.lines] == [GAP, SAME, SAME, REMOVED, ADDED, SAME, SAME, GAP]
    assert found.lines[3].parts == (("line ", False), ("20", True))
    assert (found.lines[0].number, found.lines[-1].number) == (18, 27)
    assert found.more == 0
    long = difference("", "x\n" * 1000)
    assert (len(long.lines), long.more, long.added) == (MOST, 1000 - MOST, 1000)
    assert difference("a\n", "a\n") == ((), 0, 0, 0)


def test_words_are_compared_only_as_long_as_that_is_little_work():
    line = " ".join(f"word{number}" for number in range(100))
    old, new = (f"{one} {line}\n" * 300 for one in ("old", "new"))
    found = difference(old, new)
    assert (found.added, found.removed, found.more) == (300, 300, 600 - MOST)
    assert len(found.lines[0].parts) > 1
    marked = [line for line in found.lines if len(line.parts) > 1]
    assert len(marked) * 201 * 201 / 2 <= 500_000
