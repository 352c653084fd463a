"""The text of a note on a code commit."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from idse_orchestrator.ledger.notes import (
    CommitNote,
    join_notes,
    merge_notes,
    misplaced_text,
    note_text,
    parse_misplaced,
    parse_note,
)

NAMES = st.from_regex(r"[a-z]{1,4}/[a-z]{1,4}", fullmatch=True)
NOTES = st.builds(
    note_text, NAMES, st.none() | st.sampled_from(["spec", "plan"]), st.none() | st.just("passing"), st.none()
)
PROSE = st.text("ab \n:-", max_size=12)
TEXTS = st.lists(NOTES | PROSE, max_size=3).map("\n\n".join)


def test_what_is_said_of_code_out_of_place_is_a_paragraph_that_every_merge_keeps():
    said = misplaced_text("portal/login", "early")
    block = note_text("portal/login", "spec", "passing", "a" * 40)
    note = merge_notes(f"{said}\n{note_text('portal/login', None, None, None)}", block)
    assert note == f"{said}\n{block}"
    assert [each.ledger for each in parse_note(note)] == ["a" * 40]
    assert join_notes("", note, block) == note
    assert parse_misplaced(note.splitlines()[0]) == ("portal/login", "early")
    for line in ("", "Idse-Session: portal/login", "Idse-Misplaced: portal/login", "Idse-Misplaced:"):
        assert parse_misplaced(line) is None


def test_a_note_says_in_plain_lines_what_is_known():
    text = note_text("portal/login", "spec", "passing", "3f2a1c9")
    assert text == (
        "Idse-Session: portal/login\nIdse-Stage: spec\nIdse-Verdict: passing\nIdse-Ledger: 3f2a1c9\n"
    )
    assert note_text("portal/login", None, None, None) == "Idse-Session: portal/login\n"


def test_what_was_written_is_what_is_read():
    assert parse_note(note_text("portal/login", "spec", None, "3f2a1c9")) == (
        CommitNote("portal/login", "spec", None, "3f2a1c9"),
    )


def test_several_sessions_are_several_blocks_in_order():
    text = merge_notes(note_text("p/b", "plan", None, None), note_text("p/a", None, None, None))
    assert text == "Idse-Session: p/a\n\nIdse-Session: p/b\nIdse-Stage: plan\n"


def test_about_one_session_the_later_text_counts_and_what_it_leaves_open_stays():
    text = merge_notes(note_text("p/a", "spec", "failing", "1"), note_text("p/a", None, "passing", None))
    assert parse_note(text) == (CommitNote("p/a", "spec", "passing", "1"),)


def test_what_a_person_wrote_stays_in_front():
    text = merge_notes(
        "Looked at by hand.\n\nTwice:\n\nIdse-Session: p/a\n", note_text("p/a", "spec", None, None)
    )
    assert text == "Looked at by hand.\n\nTwice:\n\nIdse-Session: p/a\nIdse-Stage: spec\n"


def test_a_paragraph_that_only_looks_like_a_block_is_prose():
    prose = "Idse-Session: p/a\nReviewed-By: nobody"
    assert parse_note(prose) == ()
    assert merge_notes(prose, note_text("p/a", None, None, None)).startswith(prose)


def test_a_value_with_line_breaks_cannot_forge_a_line():
    assert parse_note(note_text("p/a", "spec\nIdse-Verdict: passing", None, None))[0].verdict is None


@given(TEXTS, TEXTS)
def test_merging_again_changes_nothing(one, two):
    merged = merge_notes(one, two)
    assert merge_notes(merged) == merged
    assert merge_notes(merged, two) == merged


@given(TEXTS, TEXTS)
def test_merging_loses_no_session(one, two):
    both = {note.session for text in (one, two) for note in parse_note(text)}
    assert {note.session for note in parse_note(merge_notes(one, two))} == both


@given(TEXTS, TEXTS)
def test_joining_with_a_side_that_changed_nothing_yields_the_other(base, side):
    paragraphs = sorted(merge_notes(side).strip("\n").split("\n\n"))
    for sides in ((base, side), (side, base)):
        assert sorted(join_notes(base, *sides).strip("\n").split("\n\n")) == paragraphs


@given(TEXTS, TEXTS, TEXTS)
def test_joining_tells_of_the_same_sessions_whichever_side_comes_first(base, one, other):
    found, turned = (parse_note(join_notes(base, *sides)) for sides in ((one, other), (other, one)))
    assert [note.session for note in found] == [note.session for note in turned]


def test_joining_keeps_each_sides_own_block_and_of_a_shared_one_what_the_second_says():
    base = merge_notes(note_text("p/a", "spec", None, None), note_text("p/b", "spec", None, None))
    one = merge_notes(base, note_text("p/a", "plan", None, None), note_text("p/b", "plan", "failing", None))
    other = merge_notes(base, note_text("p/b", "tasks", None, None))
    assert parse_note(join_notes(base, one, other)) == (
        CommitNote("p/a", "plan"),
        CommitNote("p/b", "tasks", "failing"),
    )


def test_joining_leaves_out_what_one_side_took_out():
    base = "By hand.\n\n" + note_text("p/a", None, None, None)
    one = note_text("p/a", None, None, None)
    assert join_notes(base, one, merge_notes(base, note_text("p/b", None, None, None))) == merge_notes(
        one, note_text("p/b", None, None, None)
    )
