"""A whole list of tasks: what orders them in other words than ``(Deps: …)``, and what is doubtful in it.

``(depends on T012)`` at the end of a task counts as if it had its colon, where it names a task of the list.
All else that looks as if it made or ordered tasks is left as it is, and told: a doubt is no flaw.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from functools import cached_property
from itertools import islice

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.documents.task_graph import NOTHING, Needs, Numbered, Range, is_numbered
from idse_orchestrator.documents.task_list import (
    ANNOTATION,
    DEPENDENCIES,
    GRAMMAR,
    MARKS,
    MEANT,
    STEP,
    Flaw,
    Item,
    Task,
    needs_of,
    opening_of,
    plain_id,
    read_items,
    shown,
    split_values,
    unclosed,
)

_WAITS = (
    r"(?:depend(?:s|ent|encies|ency)?(?:[ -]up)?(?:[ -]?on)?|deps?|blocked[ -]by"
    r"|needs|requires?|prerequisites?|waits?[ -]for|after)"
)
_WORDS = ("dep", "blocked", "needs", "require", "prerequisite", "wait", "after")
"""One of them is in whatever `_WAITS` finds."""
_OTHER_NOTE = re.compile(rf"\((?!(?:{'|'.join(DEPENDENCIES)})[ ]*:)(?={_WAITS}[ ]*:)", re.IGNORECASE)
_ASIDE = re.compile(rf"(?P<key>{_WAITS})[ \t]+(?P<value>.+)", re.IGNORECASE)
_SURE = ("dep", "blocked")
"""Words that begin so speak of tasks; the others speak of many things."""
_NAME = r"(?:tasks?[ \t]+)?[`*_#]{0,3}[A-Z]{0,4}-?\d{1,9}(?:\.\d{1,9}){0,5}[a-z]?(?![A-Za-z\d-])[`*_]{0,3}"
_NAMES = re.compile(_NAME, re.IGNORECASE)
_MENTION = re.compile(
    rf"\b{_WAITS}\b[*_]{{0,3}}:?[*_]{{0,3}}[ \t]+"
    rf"(?P<names>{_NAME}(?:(?:[ \t]*[,&][ \t]*|[ \t]+and[ \t]+){_NAME})*)",
    re.IGNORECASE,
)
_NUMBERED_BOX = re.compile(r" ?\d{1,9}[.)][ \t]+\[[ xX]\]")
_MOST_MENTIONS = 50
"""Mentions that are looked at in one task; more of the same would say nothing new."""


class TaskList(NamedTuple):
    """All tasks of a document in their order, and the lines that could not be read as one.

    `doubts` are about words that look as if they made or ordered tasks, and do not, or not as they say.
    """

    tasks: tuple[Task, ...] = ()
    flaws: tuple[Flaw, ...] = ()
    doubts: tuple[Flaw, ...] = ()


def task_list_of(lines: Sequence[str], code: Collection[int], phases: Sequence[tuple[int, str]]) -> TaskList:
    """Returns the tasks in `lines`, leaving out the line numbers in `code`.

    `phases` are line and title of the headings, in order.
    """
    items = list(read_items(lines, code, phases))
    flaws = (unclosed(item) if isinstance(read, Task) else read for item, read in items)
    second = _SecondLook([read for _, read in items if isinstance(read, Task)])
    for item, read in items:
        second.look_at(item, read)
    second.look_at_lines(lines, code)
    return TaskList(
        tuple(second.tasks),
        tuple(flaw for flaw in flaws if isinstance(flaw, Flaw)),
        tuple(sorted(second.doubts, key=lambda doubt: doubt.line)),
    )


class _SecondLook:
    """Looks at the items of a list again, now that all `tasks` in it are known."""

    def __init__(self, tasks: Sequence[Task]) -> None:
        self.tasks: list[Task] = []
        self.doubts: list[Flaw] = []
        self._place: dict[str, int] = {}
        for task in tasks:
            self._place.setdefault(task.id, len(self._place))

    @cached_property
    def _numbered(self) -> Numbered:
        return Numbered(self._place)

    @cached_property
    def _number(self) -> dict[str, int]:
        return {name: number for number, name in enumerate(self._numbered.ids)}

    def look_at(self, item: Item, read: object) -> None:
        """Takes the next item, and what it was read as."""
        if isinstance(read, Task):
            self.tasks.append(self._with_asides(read, item))
            self._doubt_needs(self.tasks[-1], item)
            self._doubt_mentions(self.tasks[-1], item, self.tasks[-1].text)
        elif read is STEP:
            self._doubt_step(self.tasks[-1], item)
            self._doubt_mentions(self.tasks[-1], item, item.whole)
        elif read is None and item.box is None:
            self._doubt_plain(item)

    def look_at_lines(self, lines: Sequence[str], code: Collection[int]) -> None:
        """Looks for boxes in numbered lists."""
        for number, line in enumerate(lines, 1):
            if "[" in line and number not in code and _NUMBERED_BOX.match(line):
                problem = f"{shown(line)} is no task, since a number stands before its box, not -"
                self.doubts.append(Flaw(number, 1, problem))

    def _doubt(self, item: Item, problem: str) -> None:
        self.doubts.append(Flaw(item.line, item.indent + 1, problem))

    # --- what orders tasks in other words ---

    def _with_asides(self, task: Task, item: Item) -> Task:
        """Returns `task` with what its other notes, and the parentheses at its end, say it waits for."""
        found, kept, rest = [task.needs], [], len(task.text)
        whole = item.whole
        for place in _OTHER_NOTE.finditer(whole):
            note = ANNOTATION.match(whole, place.start())
            if note is not None:
                found.append(self._said(note["key"], note["value"]))
                if found[-1] == NOTHING and any(map(self._names_task, _NAMES.findall(note["value"]))):
                    self._doubt(item, f"task {task.id}: {shown(note[0])} orders nothing")
        for start, end in _asides(task.text):
            aside = _ASIDE.fullmatch(task.text, start + 1, end - 1)
            said = self._said(aside["key"], aside["value"]) if aside else NOTHING
            if said != NOTHING:
                found.append(said)
                kept.append(task.text[end:rest])
                rest = start
            elif aside and _is_sure(aside["key"]) and _is_list_of_ids(aside["value"]):
                self._doubt(item, f"task {task.id}: {shown(task.text[start:end])} names no task of this list")
        if len(found) == 1:
            return task
        text = "".join([task.text[:rest].rstrip(), *reversed(kept)]).strip()
        return task._replace(needs=Needs.sum_of(found), text=text or task.text)

    def _said(self, key: str, value: str) -> Needs:
        """Returns what `value` names where every part of it is an id, and a task has one of them."""
        needs = needs_of(split_values(value))
        is_known = any(name in self._place for name in needs.names) or (needs.above and _is_sure(key))
        return needs if is_known and all(map(is_numbered, needs.ids)) else NOTHING

    # --- what is doubtful ---

    def _doubt_needs(self, task: Task, item: Item) -> None:
        if task.needs.above and not self._place[task.id]:
            self._doubt(item, f"task {task.id}: ALL stands for the tasks above it, and there are none")
        for each in task.needs.ranges:
            if self._numbered.runs_backwards(each):
                turned = Range(each.last, each.first)
                self._doubt(item, f"task {task.id}: {each} runs backwards, and is read as {turned}")
            skipped = self._numbered.skipped(each)
            if skipped:
                self._doubt(item, f"task {task.id}: {each} has a gap, {skipped} is not there")

    def _doubt_mentions(self, task: Task, item: Item, text: str) -> None:
        if not _may_order(text):
            return
        for mention in islice(_MENTION.finditer(text), _MOST_MENTIONS):
            names = filter(self._names_task, _NAMES.findall(mention["names"]))
            if not all(self._waits_for(task, plain_id(name)) for name in names):
                self._doubt(item, f"task {task.id}: {shown(mention[0])} in its text orders nothing")

    def _names_task(self, text: str) -> bool:
        """Tests whether a task is called so; a mere number may count anything."""
        return plain_id(text) in self._place and not text.strip("`*_#").isdecimal()

    def _waits_for(self, task: Task, name: str) -> bool:
        """Tests whether `task` says that it waits for the task `name`, which may be itself."""
        needs = task.needs
        if name in (task.id, *needs.ids) or (needs.above and self._place[name] < self._place[task.id]):
            return True
        number = self._number.get(name, -1)
        spans = (self._numbered.span(each) for each in needs.ranges)
        return any(first <= number < end for first, end in spans)

    def _doubt_step(self, task: Task, item: Item) -> None:
        found = opening_of(item.text, GRAMMAR)[2] if item.box in MARKS else None
        if found is not None and found.lastgroup != "listed":
            name = plain_id(found[found.lastgroup or 0])
            self._doubt(item, f"{name} is read as a step of task {task.id}, since it stands below it")

    def _doubt_plain(self, item: Item) -> None:
        _, rest, found = opening_of(item.text, GRAMMAR)
        is_meant = found is not None and (found["code"] or MEANT.match(rest, found.end()))
        if found is not None and is_meant and found.lastgroup not in ("bare", "listed"):
            self._doubt(item, f"{shown(item.text)} is no task, since it has no box [ ] before it")


def _may_order(text: str) -> bool:
    folded = text.lower()
    return any(word in folded for word in _WORDS)


def _is_sure(key: str) -> bool:
    return key.lower().startswith(_SURE)


def _is_list_of_ids(value: str) -> bool:
    needs = needs_of(split_values(value))
    return needs != NOTHING and all(map(is_numbered, needs.ids))


def _asides(text: str) -> Iterator[tuple[int, int]]:
    """Yields where the parentheses stand that `text` ends with, the last first."""
    end = len(text.rstrip(" \t.,;"))
    while end and text[end - 1] == ")":
        start = text.rfind("(", 0, end)
        if start < 0 or text.find(")", start, end - 1) >= 0:
            return
        yield start, end
        end = start
        while end and text[end - 1] in " \t":
            end -= 1
