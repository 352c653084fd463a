"""One block of ours in a file of somebody else."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from idse_orchestrator.documents.marked_block import (
    Block,
    BlockTrouble,
    content_id,
    find_block,
    renewed,
    with_block,
    without_block,
)

BODY = b"\nDo this.\nNot that.\n\n"
FRONT = b"---\nalwaysApply: true\n---\n\n"
TEXTS = st.lists(st.sampled_from([b"a", b"# Title", b" ", b"\n", b"\r\n", b"\r", b"\xff", b"\xc3\xa4"])).map(
    b"".join
)


def block_in(content):
    found = find_block(content)
    assert isinstance(found, Block), found
    return found


@given(TEXTS)
@example(b"")
@example(b"\xef\xbb\xbf")
@example(b"\xef\xbb\xbf# Title\r\n")
@example(b"no line break at the end")
@example(b"three\n\n\n")
def test_a_block_goes_in_and_comes_out_without_a_byte_of_difference(content):
    written = with_block(content, BODY)
    assert written.startswith(content)
    assert without_block(written, block_in(written)) == content


@given(TEXTS)
def test_a_second_block_is_never_needed(content):
    block = block_in(with_block(content, BODY))
    assert not block.is_edited
    assert block.body == BODY


@given(TEXTS, TEXTS)
def test_what_is_written_around_a_block_survives_renewing_it(before, after):
    written = with_block(before, BODY) + after
    fresh = renewed(written, block_in(written), b"\nSomething newer.\n\n")
    assert fresh.startswith(before)
    assert fresh.endswith(after)
    assert block_in(fresh).body == b"\nSomething newer.\n\n"
    assert renewed(fresh, block_in(fresh), BODY) == written


@given(TEXTS.filter(bytes.strip), TEXTS.filter(bytes.strip))
def test_a_line_below_a_block_never_joins_the_one_above(before, after):
    written = with_block(before, BODY) + after
    rest = without_block(written, block_in(written))
    assert rest.startswith(before)
    assert rest.endswith(after)
    between = rest[len(before) : len(rest) - len(after)]
    assert before.endswith(b"\n") or between.startswith((b"\n", b"\r\n"))


def test_a_file_made_for_a_block_goes_with_it():
    written = with_block(None, BODY, FRONT)
    assert written.startswith(FRONT)
    assert without_block(written, block_in(written), FRONT) is None


def test_a_file_made_for_a_block_stays_once_somebody_wrote_into_it():
    written = with_block(None, BODY) + b"\nMy own rule.\n"
    assert without_block(written, block_in(written)) == b"\nMy own rule.\n"


def test_an_empty_file_of_somebody_stays_an_empty_file():
    written = with_block(b"", BODY)
    assert without_block(written, block_in(written)) == b""


def test_a_block_takes_the_line_ends_of_its_file():
    written = with_block(b"one\r\ntwo\r\n", BODY)
    assert written.count(b"\n") == written.count(b"\r\n")
    assert not block_in(written).is_edited


def test_line_ends_that_git_changed_are_no_edit():
    written = with_block(b"one\n", BODY)
    block = block_in(written.replace(b"\n", b"\r\n"))
    assert not block.is_edited
    assert without_block(written.replace(b"\n", b"\r\n"), block) == b"one\r\n"


def test_a_changed_word_is_an_edit():
    written = with_block(b"one\n", BODY).replace(b"Do this.", b"Do that.")
    assert block_in(written).is_edited


def test_a_changed_marker_is_an_edit():
    written = with_block(b"one\n", BODY).replace(b"idse:begin 1", b"idse:begin one")
    assert block_in(written).is_edited


def test_a_block_after_a_byte_order_mark_is_found():
    written = b"\xef\xbb\xbf" + with_block(None, BODY)
    block = block_in(written)
    assert block.start == 3
    assert without_block(written + b"mine\n", block_in(written + b"mine\n")) == b"\xef\xbb\xbfmine\n"


@pytest.mark.parametrize(
    ("text", "line", "word"),
    [
        ("one\n{begin}\n{end}\ntwo\n{begin}\n{end}\n", 5, "second block"),
        ("one\n{begin}\ntwo\n", 2, "no end marker"),
        ("one\ntwo\n{end}\n", 3, "begins nowhere"),
        ("{end}\n{begin}\n", 1, "before the begin"),
        ("{begin}\n{end}\n{end}\n", 3, "second end"),
        ("{begin}\n{begin}\n{end}\n", 2, "second block"),
    ],
)
def test_markers_in_disorder_are_named_with_their_line(text, line, word):
    begin = f"<!-- idse:begin 1 {content_id(b'')} +0 -->"
    found = find_block(text.format(begin=begin, end="<!-- idse:end -->").encode())
    assert isinstance(found, BlockTrouble)
    assert found.line == line
    assert word in found.what


@pytest.mark.parametrize(
    "text", [b"Talk of <!-- idse:begin --> in a sentence.\n", b"idse:end\n", b"", b"\0\0"]
)
def test_text_about_markers_is_no_marker(text):
    assert find_block(text) is None


@given(st.binary())
def test_no_bytes_are_too_odd_to_be_searched(content):
    find_block(content)
