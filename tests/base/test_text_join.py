"""Three texts become one as git would make it, and where both sides changed a place, markers say so."""

from __future__ import annotations

import subprocess

from hypothesis import given
from hypothesis import strategies as st

from idse_orchestrator.base.text_merge import join_texts

LABELS = ("ledger", "edit")
LINES = st.lists(st.sampled_from([b"a\n", b"b\n", b"c\n", b"d\r\n", b"\n"]), max_size=8).map(b"".join)


def joined(base, one, other):
    return join_texts(base, one, other, LABELS)


def test_edits_in_different_places_go_together():
    assert joined(b"1\n2\n3\n", b"0\n1\n2\n3\n", b"1\n2\n3\n4\n") == (b"0\n1\n2\n3\n4\n", False)


def test_one_place_changed_by_both_stands_between_markers():
    text = b"a\n<<<<<<< ledger\nmine\n=======\ntheirs\n>>>>>>> edit\nz\n"
    assert joined(b"a\nb\nz\n", b"a\nmine\nz\n", b"a\ntheirs\nz\n") == (text, True)


def test_the_same_change_on_both_sides_is_no_conflict():
    assert joined(b"a\nb\n", b"a\nx\n", b"a\nx\n") == (b"a\nx\n", False)


def test_a_last_line_without_its_end_gets_one_before_a_marker():
    text = b"<<<<<<< ledger\none\n=======\nother\n>>>>>>> edit\n"
    assert joined(b"", b"one", b"other") == (text, True)


def test_what_is_no_text_is_not_joined():
    assert joined(b"a", b"\0", b"b") is None


@given(LINES, LINES)
def test_an_edit_of_one_side_alone_is_taken_whole(base, edited):
    assert joined(base, base, edited) == (edited, False)
    assert joined(base, edited, base) == (edited, False)
    assert joined(base, edited, edited) == (edited, False)


@given(LINES, LINES, LINES)
def test_without_a_conflict_no_line_of_either_side_is_lost(base, one, other):
    made = joined(base, one, other)
    added = {
        line
        for side in (one, other)
        for line in side.splitlines()
        if side.splitlines().count(line) > base.splitlines().count(line)
    }
    assert added <= set(made.text.splitlines())


def test_edits_apart_from_each_other_are_joined_as_git_joins_them(tmp_path):
    base = b"".join(b"line %d\n" % number for number in range(30))
    one = base.replace(b"line 3\n", b"line 3\nmore\n").replace(b"line 20\n", b"")
    other = base.replace(b"line 10\n", b"ten\n").replace(b"line 28\n", b"line 28\n\n")
    for name, text in (("one", one), ("base", base), ("other", other)):
        (tmp_path / name).write_bytes(text)
    words = ["git", "merge-file", "--stdout", "one", "base", "other"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, check=True)
    assert joined(base, one, other) == (done.stdout, False)
