"""The checklist of ``tasks.md``: one line, one task.

::

    - [ ] Task 0.1: text (Owner: ana) (Deps: 0.2, 0.3) (Files: src/a.py, docs/) (Acceptance: tests pass)
    - [x] T001 [P] text

Any bullet (``-``, ``*``, ``+``) will do, the id may be bold, ``[P]`` may stand before or behind the id,
and a task goes on in the indented lines below it. A box that is indented below a task is a step of
that task and needs no id. ``(Path: …)``, ``(Paths: …)``, ``(File: …)`` and ``(Files: …)`` declare what a
task touches; a path that ends in ``/`` stands for everything below it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache

from idse_orchestrator.base.records import NamedTuple

_BULLET = re.compile(r"(?P<indent>[ \t]*)[-*+](?P<gap>[ \t]*)(?P<rest>.*)")
_BOX = re.compile(r"\[(?P<mark>[^\]]{0,3})\](?P<gap>[ \t]*)(?P<rest>.*)")
_PARALLEL = re.compile(r"\[P\][ \t]*", re.IGNORECASE)
_ID = re.compile(
    r"(?:Task[ \t]+#?(?P<number>[A-Z]{0,4}-?\d+(?:\.\d+){0,5}[a-z]?)|(?P<code>T-?\d{1,6}[a-z]?))"
    r"(?![\w.]\w)",
    re.IGNORECASE,
)
_SEPARATOR = re.compile(r"[*_]{0,3}[ \t]*[\u2013—:·.|-]*[*_]{0,3}[ \t]*")
_MEANT = re.compile(r"[*_ \t]*(?:\[P\][ \t]*)?[\u2013—:·-]", re.IGNORECASE)
_ANNOTATION = re.compile(r"\((?P<key>[A-Za-z][A-Za-z -]{0,30}):(?P<value>[^()]*(?:\([^()]*\)[^()]*)*)\)")
_UNCLOSED = re.compile(
    r"\((?:Owner|Deps|Depends on|Acceptance|Files?|Paths?):[^()]*(?:\([^()]*\)[^()]*)*$", re.IGNORECASE
)
_SPLIT = re.compile(r"[,;]|\band\b")
_NOTHING = frozenset({"", "-", "\u2013", "—", "…", "...", "none", "n/a", "nothing"})
_DEPENDENCIES = ("deps", "dep", "depends on", "depends", "dependencies")
_PATHS = ("file", "files", "path", "paths")


class Task(NamedTuple):
    """One task. `phase` is the heading it stands under; `line` counts from 1."""

    id: str
    line: int
    phase: str
    done: bool
    parallel: bool
    text: str
    dependencies: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()


class Flaw(NamedTuple):
    """A line that looks like a task and is none. `column` counts from 1."""

    line: int
    column: int
    problem: str


class TaskList(NamedTuple):
    """All tasks of a document in their order, and the lines that could not be read as one."""

    tasks: tuple[Task, ...] = ()
    flaws: tuple[Flaw, ...] = ()


class _Item(NamedTuple):
    line: int
    indent: int
    box: str | None
    gap_missing: bool
    phase: str
    text: str
    more: list[str]


def task_list_of(lines: Sequence[str], code: Collection[int], phases: Sequence[tuple[int, str]]) -> TaskList:
    """Returns the tasks in `lines`, leaving out the line numbers in `code`.

    `phases` are line and title of the headings, in order.
    """
    tasks: list[Task] = []
    flaws: list[Flaw] = []
    for item, read in _read_items(lines, code, phases):
        flaw = _unclosed(item) if isinstance(read, Task) else read
        if isinstance(read, Task):
            tasks.append(read)
        if isinstance(flaw, Flaw):
            flaws.append(flaw)
    return TaskList(tuple(tasks), tuple(flaws))


_STEP = object()
"""Marks a box below a task: a step of it."""


def _read_items(
    lines: Sequence[str], code: Collection[int], phases: Sequence[tuple[int, str]] = ()
) -> Iterator[tuple[_Item, object]]:
    """Yields each bullet and what it is: a Task, a Flaw, None, or _STEP."""
    nested_from, above = 0, None
    for item in _items(lines, code, phases):
        if above is not None and item.indent > nested_from:
            yield item, _STEP if isinstance(above, Task) else None
            continue
        read = _read(item)
        above = read if isinstance(read, Task) or item.box is not None else None
        nested_from = item.indent + 1
        yield item, read


_MARKS = (" ", "x", "X")
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
    return (read for _, read in _read_items(lines, _hidden(text, lines)) if isinstance(read, Task))


class Box(NamedTuple):
    """A box that the grammar reads: its line from 0, its task, and the text of the step ("": none)."""

    place: int
    task: str
    step: str
    mark: str


def boxes_of(text: str) -> Iterator[Box]:
    """Yields the boxes of tasks and of their steps, in order."""
    lines = _plain_lines(text.split("\n"))
    task = ""
    for item, read in _read_items(lines, _hidden(text, lines)):
        task = read.id if isinstance(read, Task) else task
        if item.box in _MARKS and (read is _STEP or isinstance(read, Task)):
            yield Box(item.line - 1, task, item.text if read is _STEP else "", item.box)


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


@lru_cache(maxsize=4096)
def plain_id(text: str) -> str:
    """Returns a task's id as it is compared: upper case, without "Task", "#", marks of emphasis and code."""
    bare = re.sub(r"[*_`#]", "", text).strip().rstrip(".").strip()
    return re.sub(r"^TASK\s+", "", bare.upper())


def _items(lines: Sequence[str], code: Collection[int], phases: Sequence[tuple[int, str]]) -> Iterator[_Item]:
    item: _Item | None = None
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


def _item(line: int, bullet: re.Match[str], phase: str) -> _Item:
    indent = len(bullet["indent"].expandtabs(4))
    box = _BOX.match(bullet["rest"])
    if box is None or box["rest"].startswith("("):
        return _Item(line, indent, None, gap_missing=False, phase=phase, text=bullet["rest"], more=[])
    gap_missing = not bullet["gap"] or not (box["gap"] or not box["rest"])
    return _Item(line, indent, box["mark"], gap_missing=gap_missing, phase=phase, text=box["rest"], more=[])


def _read(item: _Item) -> Task | Flaw | None:
    """Returns a task, what is wrong with one, or None for a bullet that is none."""
    text = " ".join([item.text, *item.more])
    rest, parallel = _without_parallel(text)
    bare = rest.lstrip("*_ ")
    found = _ID.match(bare)
    problem = _problem(item, found, bare)
    if problem is not None:
        return Flaw(item.line, item.indent + 1, problem)
    if item.box is None or found is None:
        return None
    return _task(item, found, bare[found.end() :], parallel=parallel)


def _problem(item: _Item, found: re.Match[str] | None, rest: str) -> str | None:
    if item.box is None:
        is_task = found is not None and (found["code"] or _MEANT.match(rest, found.end()))
        return f"{_shown(rest)} has no box [ ] before it" if is_task else None
    if item.box.strip().lower() not in ("", "x") or len(item.box) != 1:
        return f"the box is [{item.box}], where [ ] or [x] is meant"
    if item.gap_missing:
        return "a space is missing beside the box"
    if found is None:
        return f"{_shown(rest)} has no id" if rest else "an empty box"
    return None


def _task(item: _Item, found: re.Match[str], rest: str, *, parallel: bool) -> Task | Flaw:
    rest, also_parallel = _without_parallel(rest[_end_of_separator(rest) :])
    rest = rest[_end_of_separator(rest) :]
    notes = [(note["key"].strip().lower(), note["value"]) for note in _ANNOTATION.finditer(rest)]
    words = _ANNOTATION.sub("", rest).strip()
    trailing = words.upper().endswith("[P]")
    words = words[: -len("[P]")].strip() if trailing else words
    identifier = plain_id(found[0])
    if not words:
        return Flaw(item.line, item.indent + 1, f"task {identifier} has no text")
    return Task(
        identifier,
        item.line,
        item.phase,
        item.box in ("x", "X"),
        parallel or also_parallel or trailing,
        words,
        tuple(plain_id(value) for value in _values(notes, _DEPENDENCIES)),
        tuple(_plain_path(value) for value in _values(notes, _PATHS)),
    )


def _values(notes: Sequence[tuple[str, str]], keys: Sequence[str]) -> Iterator[str]:
    for key, value in notes:
        if key in keys:
            yield from (v.strip() for v in _SPLIT.split(value) if v.strip().lower() not in _NOTHING)


def _unclosed(item: _Item) -> Flaw | None:
    if _UNCLOSED.search(" ".join([item.text, *item.more])):
        return Flaw(item.line, item.indent + 1, "a parenthesis is not closed")
    return None


def _without_parallel(text: str) -> tuple[str, bool]:
    found = _PARALLEL.match(text)
    return (text[found.end() :], True) if found else (text, False)


def _end_of_separator(text: str) -> int:
    found = _SEPARATOR.match(text)
    return found.end() if found else 0


def _plain_path(path: str) -> str:
    return path.strip("`*\"' ").removeprefix("./")


def _shown(text: str) -> str:
    return f'"{text[:40]}…"' if len(text) > 41 else f'"{text}"'


def cycles(edges: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, ...]]:
    """Some cycles of `edges` (task to what it waits for), each as ``(a, b, …, a)``.

    None is found twice, and there is one wherever the graph has any. Names without edges are ignored.
    """
    finished: set[str] = set()
    for start in edges:
        if start not in finished:
            yield from _cycles_from(start, edges, finished)


def waits_for(edges: Mapping[str, Sequence[str]], task: str) -> frozenset[str]:
    """Returns everything that must be done before `task`, directly or not."""
    found: set[str] = set()
    to_do = list(edges.get(task, ()))
    while to_do:
        name = to_do.pop()
        if name not in found:
            found.add(name)
            to_do.extend(edges.get(name, ()))
    return frozenset(found)


def _cycles_from(
    start: str, edges: Mapping[str, Sequence[str]], finished: set[str]
) -> Iterator[tuple[str, ...]]:
    path = [start]
    position = {start: 0}
    branches = [iter(edges[start])]
    while path:
        following = next(branches[-1], None)
        if following is None:
            branches.pop()
            done = path.pop()
            del position[done]
            finished.add(done)
        elif following in position:
            yield (*path[position[following] :], following)
        elif following in edges and following not in finished:
            position[following] = len(path)
            path.append(following)
            branches.append(iter(edges[following]))
