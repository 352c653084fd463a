"""Two versions of a task list whose boxes were set: by git's merger and by the one without git alike."""

from __future__ import annotations

import os
import tempfile
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from idse_orchestrator.base.text_merge import merge_lines
from idse_orchestrator.documents.task_list import boxes_of, is_same_list
from idse_orchestrator.git.program import Git
from idse_orchestrator.ledger.merge.boxes import merge_boxes
from idse_orchestrator.ledger.merge.trees import merge_texts

LABELS = ("ledger", "edit")
MERGERS = {
    "git": partial(merge_texts, Git(tempfile.gettempdir(), os.environ), labels=LABELS),
    "python": partial(merge_lines, labels=LABELS),
}
OPEN = "- [ ] T1 one\n- [ ] T2 two\n  - [ ] a step\n- [ ] T3 three\n"
CRLF = OPEN.replace("\n", "\r\n")


@pytest.fixture(params=MERGERS, scope="module")
def merge(request):
    """Merges ours, base, theirs; the text, or None where something is left to a person."""

    def merged(*texts):
        raw = (text.encode("utf-8", "surrogateescape") for text in texts)
        found = merge_boxes(*raw, MERGERS[request.param])
        return found and found.text.decode("utf-8", "surrogateescape")

    return merged


def ticked(text, *words, mark="x"):
    """`text` in which the boxes of the lines with `words` have `mark`."""
    lines = text.split("\n")
    for word in words:
        (place,) = (number for number, line in enumerate(lines) if word in line)
        at = lines[place].index("[")
        lines[place] = f"{lines[place][: at + 1]}{mark}{lines[place][at + 2 :]}"
    return "\n".join(lines)


@pytest.mark.parametrize(
    "base", [OPEN, CRLF, OPEN + "\udce9\n", "# Tasks\n\n" + OPEN + "```\n- [ ] T9 no\n```\n"]
)
def test_boxes_of_neighbouring_lines_are_both_ticked(merge, base):
    assert merge(ticked(base, "T1"), base, ticked(base, "T2", "a step")) == ticked(base, "T1", "T2", "a step")


def test_one_box_that_was_set_differently_is_ticked(merge):
    was = ticked(OPEN, "T1", "T2")
    assert merge(ticked(was, "T1", mark=" "), was, ticked(was, "T1", mark="X")) == ticked(was, "T1", mark="X")
    assert merge(ticked(OPEN, "T1", mark="X"), OPEN, ticked(OPEN, "T1")) == ticked(OPEN, "T1")


def test_a_box_that_one_side_opened_is_open_beside_one_that_the_other_ticked(merge):
    was = ticked(OPEN, "T1")
    assert merge(ticked(was, "T1", mark=" "), was, ticked(was, "T2")) == ticked(OPEN, "T2")


def test_a_tick_follows_its_task_where_the_other_side_edits_or_moves_it(merge):
    edited = OPEN.replace("T1 one", "T1 one (Files: a.py)")
    assert merge(ticked(OPEN, "T1"), OPEN, edited) == ticked(edited, "T1")
    moved = "- [ ] T2 two\n  - [ ] a step\n- [ ] T1 one\n- [ ] T3 three\n"
    assert merge(moved, OPEN, ticked(OPEN, "T1", "T2")) == ticked(moved, "T1", "T2")


def test_tasks_of_both_keep_their_marks(merge):
    mine, theirs = "- [x] T0 before\n" + ticked(OPEN, "T1"), ticked(OPEN, "T2") + "- [X] T4 after\n"
    assert merge(mine, OPEN, theirs) == "- [x] T0 before\n" + ticked(OPEN, "T1", "T2") + "- [X] T4 after\n"


@pytest.mark.parametrize(
    ("ours", "base", "theirs"),
    [
        pytest.param(ticked(OPEN, "T1"), OPEN, OPEN.replace("- [ ] T1 one\n", ""), id="ticked and removed"),
        pytest.param(ticked(OPEN, "a step"), OPEN, OPEN.replace("a step", "a stair"), id="renamed"),
        pytest.param(OPEN.replace("T2 two", "T2 2"), OPEN, OPEN.replace("T2 two", "T2 II"), id="two texts"),
        pytest.param(
            ticked(OPEN, "T1") + "- [ ] T1 again\n", OPEN + "- [ ] T1 again\n",
            ticked(OPEN, "T2") + "- [ ] T1 again\n", id="an id twice",
        ),
        pytest.param("\0" + OPEN, OPEN, ticked(OPEN, "T2"), id="no text"),
    ],
)  # fmt: skip
def test_what_is_more_than_boxes_is_left_to_a_person(merge, ours, base, theirs):
    assert merge(ours, base, theirs) is None
    assert merge(theirs, base, ours) is None


@pytest.mark.parametrize(
    "start", ["- [ ] 1.{} a\n", "- [ ] TASK-{} a\n", "- [ ] T1.{} a\n", "- [ ] [US1] T{} a\n"]
)
def test_ids_that_merges_of_format_3_did_not_know_still_conflict(merge, start):
    base = "".join(start.format(number) for number in (1, 2))
    one, other = (base.replace("[ ]", "[x]", 1), base[::-1].replace("] [", "]x[", 1)[::-1])
    assert is_same_list(one, other)
    assert merge(one, base, other) is None


MARKS = st.lists(st.sampled_from(" xX"), min_size=4, max_size=4)


@settings(max_examples=60)
@given(MARKS, MARKS, MARKS)
def test_every_mark_that_was_set_is_kept_and_nothing_else_changes(ours, base, theirs):
    def listed(marks):
        one, two, step, three = marks
        return f"- [{one}] T1 one\n- [{two}] T2 two\n  - [{step}] a step\n- [{three}] T3 three\n"

    made = {
        merge_boxes(*(listed(marks).encode() for marks in sides), merger).text.decode()
        for sides in ((ours, base, theirs), (theirs, base, ours))
        for merger in MERGERS.values()
    }
    (text,) = made
    assert is_same_list(text, OPEN)
    for one, was, other, box in zip(ours, base, theirs, boxes_of(text), strict=True):
        set_by_somebody = {mark for mark in (one, other) if mark != was}
        assert box.mark in (set_by_somebody or {was})
        assert box.mark != " " or set_by_somebody <= {" "}
