"""The lines that two texts share: each block is the same in both, in order, and long texts take no time."""

from __future__ import annotations

from difflib import SequenceMatcher

from hypothesis import given
from hypothesis import strategies as st

from idse_orchestrator.base.text_merge import Block, common_blocks

lines = st.lists(st.sampled_from([b"a\n", b"b\n", b"c\n", b"\n", b"d\n", b"e\n", b"f\n"]), max_size=30)


@given(lines, lines)
def test_blocks_are_the_same_in_both_in_order_and_apart(one, other):
    at = Block(0, 0, 0)
    for block in common_blocks(one, other):
        assert block.size > 0
        assert one[block.one : block.one + block.size] == other[block.other : block.other + block.size]
        ends = (at.one + at.size, at.other + at.size)
        assert block.one >= ends[0]
        assert block.other >= ends[1]
        assert (block.one, block.other) != ends or at.size == 0
        at = block


@given(lines)
def test_a_text_has_all_of_itself_in_common(one):
    assert common_blocks(one, one) == ([Block(0, 0, len(one))] if one else [])


def test_a_line_that_was_put_in_parts_the_blocks():
    found = common_blocks([b"1", b"2", b"", b"3"], [b"1", b"x", b"2", b"", b"3"])
    assert found == [Block(0, 0, 1), Block(1, 2, 3)]


def test_texts_without_a_line_of_their_own_are_compared_as_a_whole():
    assert common_blocks([b"", b"", b"x", b"x"], [b"", b"x", b"x"]) == [Block(1, 0, 3)]


def test_only_what_lies_between_single_lines_is_compared(monkeypatch):
    compared = []

    def watched(_junk, one, other, **more):
        compared.append(len(one) * len(other))
        return SequenceMatcher(None, one, other, **more)

    monkeypatch.setattr("difflib.SequenceMatcher", watched)
    one = [b"\n" if number % 3 else b"%d\n" % number for number in range(3000)]
    other = [line.replace(b"300\n", b"edited\n") for line in one]
    assert common_blocks(one, other)[-1][:2] == (301, 301)
    assert max(compared) < 50
