"""Two versions of ``tasks.md`` whose lines conflict for nothing but their boxes.

Two people who tick neighbouring boxes edit neighbouring lines, which is a conflict for a merge of lines. So
the lists are merged without their marks, and each box then gets the mark that was set; where both sides set
one box differently, ticked wins.
"""

from __future__ import annotations

from idse_orchestrator.base.text_merge import MergedText, TextMerger
from idse_orchestrator.documents.task_list import FORMAT_3, boxes_of, with_marks

_OPEN = " "
_Key = tuple[str, str]


def merge_boxes(ours: bytes, base: bytes, theirs: bytes, merge_texts: TextMerger) -> MergedText | None:
    """Returns the merge of three versions of a task list; None where more than boxes is in conflict.

    It is also None where a box could be another one (two of a task have the same words), and where what one
    side ticked or opened is gone on the other: nobody's mark is lost in silence.
    """
    sides = [_Side(text.decode("utf-8", "surrogateescape")) for text in (ours, base, theirs)]
    merged = merge_texts(*(side.blank.encode("utf-8", "surrogateescape") for side in sides))
    if merged is None or merged.conflicts:
        return None
    result = _Side(merged.text.decode("utf-8", "surrogateescape"))
    mine, was, other = sides
    if any(side.is_doubtful for side in (*sides, result)):
        return None
    changed = {
        key for side in (mine, other) for key, mark in side.marks.items() if mark != was.marks.get(key, _OPEN)
    }
    if not changed <= result.marks.keys():
        return None
    marks = {
        result.places[key]: _mark(was.marks.get(key), [s.marks[key] for s in (mine, other) if key in s.marks])
        for key in result.marks
    }
    text = with_marks(result.text, marks)
    return MergedText(text.encode("utf-8", "surrogateescape"), conflicts=False)


class _Side:
    """One version: its boxes by task and step, and its text without their marks."""

    def __init__(self, text: str) -> None:
        boxes = list(boxes_of(text, FORMAT_3))  # merges that were recorded rest on it
        self.text = text
        self.marks: dict[_Key, str] = {(box.task, box.step): box.mark for box in boxes}
        self.places: dict[_Key, int] = {(box.task, box.step): box.place for box in boxes}
        self.is_doubtful = len(self.marks) < len(boxes)
        self.blank = with_marks(text, dict.fromkeys(self.places.values(), _OPEN))


def _mark(was: str | None, found: list[str]) -> str:
    """Returns the mark of a box that was `was` (None: there was none) and has the marks `found` now."""
    set_now = {mark for mark in found if mark != was}
    if not set_now:
        return was or _OPEN
    return min(set_now - {_OPEN}, key=str.isupper, default=_OPEN)
