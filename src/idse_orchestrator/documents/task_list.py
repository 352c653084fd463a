"""The checklist of ``tasks.md``: one line, one task.

::

    - [ ] Task 0.1: text (Owner: ana) (Deps: 0.2, 0.3) (Files: src/a.py, docs/) (Acceptance: tests pass)
    - [x] T001 [P] [US1] text (depends on T002, T003)
    - [ ] 1.1 text (Deps: 0.1-0.4)

Any bullet (``-``, ``*``, ``+``) will do, the id may be bold, ``[P]`` and labels may stand before or behind
the id, and a task goes on in the indented lines below it. A box that is indented below a task is a step of
that task and needs no id. ``(Path: …)``, ``(Paths: …)``, ``(File: …)`` and ``(Files: …)`` declare what a
task touches; a path that ends in ``/`` stands for everything below it. ``(Agent: …)`` and more say how it is
to be worked on, see `task_wishes`. docs/reference/tasks.md has it all.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.documents.task_graph import NOTHING, Needs, range_of
from idse_orchestrator.documents.task_wishes import WISHES

_BULLET = re.compile(r"(?P<indent>[ \t]*)[-*+](?P<gap>[ \t]*)(?P<rest>.*)")
_BOX = re.compile(r"\[(?P<mark>[^\]]{0,3})\](?P<gap>[ \t]*)(?P<rest>.*)")

_ID = (
    r"(?:Task[ \t]+#?(?P<number>[A-Z]{0,4}-?\d+(?:\.\d+){0,5}[a-z]?)|(?P<code>T-?\d{1,6}[a-z]?))"
    r"(?![\w.]\w)"
)
_DOTTED = r"\d{1,6}(?:\.\d{1,6}){1,5}[a-z]?"
_MORE_IDS = (
    r"(?P<point>T-?\d{1,6}(?:\.\d{1,6}){1,5}[a-z]?|Task-\d{1,9}(?:\.\d{1,6}){0,5}[a-z]?)(?![.-]?\w)"
    rf"|(?P<bare>{_DOTTED})(?=[*_]{{0,3}}(?:[ \t]|[.):\u2013—·|-][*_]{{0,3}}(?:[ \t]|$)|$))\)?"
    r"|(?P<listed>\d{1,6})[.):](?=[*_]{0,3}[ \t])"
)


class Grammar(NamedTuple):
    """How a task may begin: the brackets before and behind its id, and the id."""

    brackets: re.Pattern[str]
    id: re.Pattern[str]


_LABEL = r"\[([A-Z][A-Z0-9]{1,15}(?:[-_.][A-Z0-9]{1,15}){0,3})\](?![(:])"
_LABELS = re.compile(_LABEL)
_PARALLEL = re.compile(r"\[[Pp]\]")
GRAMMAR = Grammar(
    re.compile(rf"(?:(?:{_PARALLEL.pattern}|{_LABEL})[ \t]*)*"),
    re.compile(f"{_ID}|{_MORE_IDS}", re.IGNORECASE),
)
FORMAT_3 = Grammar(re.compile(rf"(?:{_PARALLEL.pattern}[ \t]*)?"), re.compile(_ID, re.IGNORECASE))
"""That of merges of boxes: the ids of merges rest on it (ADR 37), so it stays as it is."""

_SEPARATOR = re.compile(r"[*_]{0,3}[ \t]*[\u2013—:·.|-]*[*_]{0,3}[ \t]*")
MEANT = re.compile(r"[*_ \t]*(?:\[P\][ \t]*)?[\u2013—:·-]", re.IGNORECASE)
ANNOTATION = re.compile(r"\((?P<key>[A-Za-z][A-Za-z -]{0,30}):(?P<value>[^()]*(?:\([^()]*\)[^()]*)*)\)")
_UNCLOSED = re.compile(
    r"\((?:Owner|Deps|Depends on|Acceptance|Files?|Paths?):[^()]*(?:\([^()]*\)[^()]*)*$", re.IGNORECASE
)
_SPLIT = re.compile(r"[,;]|\band\b")
_NOTHING = frozenset({"", "-", "\u2013", "—", "…", "...", "none", "n/a", "nothing"})
DEPENDENCIES = ("deps", "dep", "depends on", "depends", "dependencies")
_PATHS = ("file", "files", "path", "paths")
_ALL = re.compile(r"ALL(?: (?:OF|THE|TASKS?|PREVIOUS|PRIOR|PRECEDING|EARLIER|ABOVE|BEFORE))*")


class Task(NamedTuple):
    """One task. `phase` is the heading it stands under; `line` counts from 1.

    `wishes` are notes that say how it is to be worked on, as they are written.
    """

    id: str
    line: int
    phase: str
    done: bool
    parallel: bool
    text: str
    needs: Needs = NOTHING
    paths: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    wishes: tuple[tuple[str, str], ...] = ()


class Flaw(NamedTuple):
    """A line that is meant as a task, or orders tasks, and is not read so. `column` counts from 1."""

    line: int
    column: int
    problem: str


class Item(NamedTuple):
    """A bullet. `box` is what stands in its box, None without one; `more` are lines that go on with it."""

    line: int
    indent: int
    box: str | None
    gap_missing: bool
    phase: str
    text: str
    more: list[str]

    @property
    def whole(self) -> str:
        """Its text, that of the lines below with it."""
        return " ".join([self.text, *self.more]) if self.more else self.text


STEP = object()
"""Marks a box below a task: a step of it."""


def read_items(
    lines: Sequence[str],
    code: Collection[int],
    phases: Sequence[tuple[int, str]] = (),
    grammar: Grammar = GRAMMAR,
) -> Iterator[tuple[Item, object]]:
    """Yields each bullet of `lines` and what it is: a Task, a Flaw, None, or STEP.

    The line numbers in `code` are left out. `phases` are line and title of the headings, in order.
    """
    nested_from, above = 0, None
    for item in _items(lines, code, phases):
        if above is not None and item.indent > nested_from:
            yield item, STEP if isinstance(above, Task) else None
            continue
        read = _read(item, grammar)
        above = read if isinstance(read, Task) or item.box is not None else None
        nested_from = item.indent + 1
        yield item, read


MARKS = (" ", "x", "X")
_CAN_HIDE = re.compile(r"```|~~~|<!--")
_BOXED = re.compile(r"([ \t]*[-*+][ \t]*\[)[ xX](?=\])")
_DEEP = 4
"""From so many blanks on, a line may be code."""


def is_same_list(one: str, other: str) -> bool:
    """Tests whether two texts of ``tasks.md`` differ in nothing but the marks of tasks and of their steps."""
    before, after = one.split("\n"), other.split("\n")
    if len(before) != len(after):
        return False
    apart = [place for place, pair in enumerate(zip(before, after, strict=True)) if pair[0] != pair[1]]
    if any(_BOXED.sub(r"\1 ", before[place]) != _BOXED.sub(r"\1 ", after[place]) for place in apart):
        return False
    return set(apart) <= _places(one) & _places(other)


def _places(text: str) -> set[int]:
    return {box.place for box in boxes_of(text)}


class Ticked(NamedTuple):
    """Ids of the tasks that are ticked now and were not, and of those that are open again."""

    done: tuple[str, ...]
    opened: tuple[str, ...]


def ticked_since(before: str, after: str) -> Ticked:
    """Returns which tasks of the text `after` were ticked or opened since `before`; new ones are neither."""
    was, now = ({task.id: task.done for task in _tasks(text)} for text in (before, after))
    both = [task for task in now if task in was and was[task] != now[task]]
    return Ticked(tuple(task for task in both if now[task]), tuple(task for task in both if was[task]))


def _tasks(text: str) -> Iterator[Task]:
    lines = _plain_lines(text.split("\n"))
    return (read for _, read in read_items(lines, _hidden(text, lines)) if isinstance(read, Task))


class Box(NamedTuple):
    """A box that the grammar reads: its line from 0, its task, and the text of the step ("": none)."""

    place: int
    task: str
    step: str
    mark: str


def boxes_of(text: str, grammar: Grammar = GRAMMAR) -> Iterator[Box]:
    """Yields the boxes of tasks and of their steps, in order."""
    lines = _plain_lines(text.split("\n"))
    task = ""
    for item, read in read_items(lines, _hidden(text, lines), grammar=grammar):
        task = read.id if isinstance(read, Task) else task
        if item.box in MARKS and (read is STEP or isinstance(read, Task)):
            yield Box(item.line - 1, task, item.text if read is STEP else "", item.box)


def with_marks(text: str, marks: Mapping[int, str]) -> str:
    """Returns `text` with these marks in its boxes, by line from 0."""
    lines = text.split("\n")
    for place, mark in marks.items():
        lines[place] = _BOXED.sub(rf"\g<1>{mark}", lines[place], count=1)
    return "\n".join(lines)


def _plain_lines(lines: Iterable[str]) -> list[str]:
    return [line.removesuffix("\r") for line in lines]


def _hidden(text: str, lines: Sequence[str]) -> Collection[int]:
    """Returns the lines in code and comments; the outline takes long, and is asked where there can be any."""
    if _CAN_HIDE.search(text) or any(
        line.startswith(("\t", " " * _DEEP)) and not before.strip()
        for before, line in zip(["", *lines], lines, strict=False)
    ):
        from idse_orchestrator.documents.markdown import outline_of

        outline = outline_of("\n".join(lines))
        return outline.code | outline.comments
    return ()


_EMPHASIS = re.compile(r"[*_`#]")
_WORD_TASK = re.compile(r"^TASKS?\s+")


@lru_cache(maxsize=4096)
def plain_id(text: str) -> str:
    """Returns a task's id as it is compared: upper case, without "Task", "#", marks of emphasis and code."""
    bare = _EMPHASIS.sub("", text).strip().rstrip(".").strip()
    return _WORD_TASK.sub("", bare.upper())


def _items(lines: Sequence[str], code: Collection[int], phases: Sequence[tuple[int, str]]) -> Iterator[Item]:
    item: Item | None = None
    phase, upcoming = "", iter([*phases, (len(lines) + 1, "")])
    next_phase = next(upcoming)
    for number, line in enumerate(lines, 1):
        if number == next_phase[0]:
            phase, next_phase = next_phase[1], next(upcoming, next_phase)
        bullet = None if number in code else _BULLET.match(line)
        if bullet is not None and (bullet["gap"] or bullet["rest"].startswith("[")):
            if item is not None:
                yield item
            item = _item(number, bullet, phase)
        elif item is not None and line[:1] in (" ", "\t") and line.strip() and number not in code:
            item.more.append(line.strip())
        elif item is not None:
            yield item
            item = None
    if item is not None:
        yield item


def _item(line: int, bullet: re.Match[str], phase: str) -> Item:
    indent = len(bullet["indent"].expandtabs(4))
    box = _BOX.match(bullet["rest"])
    if box is None or box["rest"].startswith("("):
        return Item(line, indent, None, gap_missing=False, phase=phase, text=bullet["rest"], more=[])
    gap_missing = not bullet["gap"] or not (box["gap"] or not box["rest"])
    return Item(line, indent, box["mark"], gap_missing=gap_missing, phase=phase, text=box["rest"], more=[])


def _read(item: Item, grammar: Grammar) -> Task | Flaw | None:
    """Returns a task, what is wrong with one, or None for a bullet that is none."""
    if item.box is None:
        grammar = FORMAT_3  # more than that was never asked to have a box
    brackets, bare, found = opening_of(item.whole, grammar)
    problem = _problem(item, found, bare)
    if problem is not None:
        return Flaw(item.line, item.indent + 1, problem)
    if item.box is None or found is None:
        return None
    return _task(item, (brackets, bare, found), grammar)


_Opening = tuple[str, str, re.Match[str]]


def opening_of(text: str, grammar: Grammar) -> tuple[str, str, re.Match[str] | None]:
    """Returns the brackets that `text` begins with, what follows them, and the id there."""
    brackets, rest = _brackets(text, grammar)
    bare = rest.lstrip("*_ ")
    return brackets, bare, grammar.id.match(bare)


def _problem(item: Item, found: re.Match[str] | None, rest: str) -> str | None:
    if item.box is None:
        is_task = found is not None and (found["code"] or MEANT.match(rest, found.end()))
        return f"{shown(rest)} has no box [ ] before it" if is_task else None
    if item.box.strip().lower() not in ("", "x") or len(item.box) != 1:
        return f"the box is [{item.box}], where [ ] or [x] is meant"
    if item.gap_missing:
        return "a space is missing beside the box"
    if found is None:
        return f"{shown(rest)} has no id" if rest else "an empty box"
    return None


def _task(item: Item, opening: _Opening, grammar: Grammar) -> Task | Flaw:
    before, bare, found = opening
    rest = bare[found.end() :]
    behind, rest = _brackets(rest[_end_of_separator(rest) :], grammar)
    rest = rest[_end_of_separator(rest) :]
    notes = [(note["key"].strip().lower(), note["value"]) for note in ANNOTATION.finditer(rest)]
    words = ANNOTATION.sub("", rest).strip()
    trailing = words.upper().endswith("[P]")
    words = words[: -len("[P]")].strip() if trailing else words
    words = words or " ".join(f"[{label}]" for label in _LABELS.findall(behind))
    identifier = plain_id(found[found.lastgroup or 0])
    if not words:
        return Flaw(item.line, item.indent + 1, f"task {identifier} has no text")
    return Task(
        identifier,
        item.line,
        item.phase,
        item.box in ("x", "X"),
        trailing or _PARALLEL.search(before + behind) is not None,
        words,
        needs_of(_values(notes, DEPENDENCIES)),
        tuple(_plain_path(value) for value in _values(notes, _PATHS)),
        tuple(_LABELS.findall(before + behind)) if before or behind else (),
        tuple((key, value.strip()) for key, value in notes if key in WISHES),
    )


def needs_of(values: Iterable[str]) -> Needs:
    """Returns what `values` name: ids, ranges, or all that stands above."""
    ids, ranges, above = [], [], False
    for name in (plain_id(part) for value in values for part in value.split("&")):
        span = range_of(name)
        if _ALL.fullmatch(name):
            above = True
        elif span is not None:
            ranges.append(span)
        else:
            ids.append(name)
    return Needs(tuple(ids), tuple(dict.fromkeys(ranges)), above)


def _values(notes: Iterable[tuple[str, str]], keys: Collection[str]) -> Iterator[str]:
    for key, value in notes:
        if key in keys:
            yield from split_values(value)


def split_values(value: str) -> Iterator[str]:
    """Yields the values of a list such as ``0.1, 0.2 and 0.3``, without words that say nothing."""
    return (v.strip() for v in _SPLIT.split(value) if v.strip().lower() not in _NOTHING)


def unclosed(item: Item) -> Flaw | None:
    """Returns the flaw of a task whose note has no end."""
    if _UNCLOSED.search(item.whole):
        return Flaw(item.line, item.indent + 1, "a parenthesis is not closed")
    return None


def _brackets(text: str, grammar: Grammar) -> tuple[str, str]:
    found = grammar.brackets.match(text) if text.startswith("[") else None
    return (found[0], text[found.end() :]) if found else ("", text)


def _end_of_separator(text: str) -> int:
    found = _SEPARATOR.match(text)
    return found.end() if found else 0


def _plain_path(path: str) -> str:
    return path.strip("`*\"' ").removeprefix("./")


def shown(text: str) -> str:
    """Returns `text` in quotes, in short."""
    return f'"{text[:40]}…"' if len(text) > 41 else f'"{text}"'
