"""Checks of what one stage's document must say, and of the checklist in ``tasks.md``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, cast

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.base.text import MAX_DEPTH
from idse_orchestrator.constitution.checks.document import (
    Budget,
    Document,
    Notice,
    folded,
    heading,
    heading_name,
    number,
    sections_called,
)
from idse_orchestrator.constitution.checks.sections import body_lines, whole_words
from idse_orchestrator.constitution.rules import texts
from idse_orchestrator.documents.project_workspace import STAGES

if TYPE_CHECKING:
    from idse_orchestrator.documents.design_reference import Catalogue, DesignReference
    from idse_orchestrator.documents.markdown import Section
    from idse_orchestrator.documents.task_list import Task

_ITEM = re.compile(r"(?P<indent>\s*)(?:[-*+]|\d{1,9}[.)])\s+(?P<text>\S.*)")
_CRITERION = [re.compile(rf"\b{word}\b", re.IGNORECASE) for word in ("given", "when", "then")]
_BOX = re.compile(r"\[(?P<mark>[ xX])\]\s*")
_STRUCK = re.compile(r"~~.+~~[\s.]*")
_ASIDE = re.compile(r"\([^()]*\)")
_SHOWN = 80
_MOST_SHOWN = 30


def has_criteria(document: Document, options: Mapping[str, object]) -> Iterator[Notice]:
    """A notice where `section` is there and has text, but no list item, table row or Given … When … Then."""
    wanted = heading(options)
    found = sections_called(document, wanted)
    lines = [text for section in found for _, text in body_lines(document, section)]
    own = [text for text in lines if not text.lstrip().startswith(">")]
    if not own or any(_ITEM.match(text) or is_table_row(text) for text in own):
        return
    if not _says_given_when_then("\n".join(own)):
        yield Notice(found[0].line, 1, {"section": heading_name(wanted)})


def design_references(document: Document, _options: Mapping[str, object]) -> Iterator[Notice]:
    """Yields a notice at what begins like a reference to a design and is none."""
    for (line, column), words, reference in _design_references(document):
        if reference is None:
            yield Notice(line, column, {"reference": words[:_SHOWN]})


_MOST_GUESSES = 5


def designs_known(document: Document, options: Mapping[str, object]) -> Iterator[Notice]:
    """Yields a notice at each reference that the option `designs` does not have; none without that option."""
    catalogue = cast("Catalogue | None", options.get("designs"))
    if catalogue is None:
        return
    guesses = _MOST_GUESSES
    for (line, column), words, reference in _design_references(document):
        from idse_orchestrator.documents.design_reference import nearest_to, problem_with

        problem = problem_with(reference, catalogue) if reference else ""
        if reference and problem:
            guesses -= 1
            near = nearest_to(reference, catalogue) if guesses >= 0 else ()
            guess = " ".join(near) or "Name one that is there"
            yield Notice(line, column, {"reference": words, "problem": problem, "guess": guess})


def _design_references(
    document: Document,
) -> Iterator[tuple[tuple[int, int], str, DesignReference | None]]:
    """Yields place and words of each reference, and what it is; None: half a one.

    What stands in blocks of code and in comments is left out.
    """
    if "agency://" not in document.text:  # most plans name none: what reads them is not loaded
        return
    from idse_orchestrator.documents.design_reference import reference_of, written_references

    left_out = document.outline.code | document.outline.comments
    for offset, words in written_references(document.text):
        document.budget.spend(1_000)
        place = document.place(offset)
        if place[0] not in left_out:
            yield place, words, reference_of(words)


def is_table_row(line: str) -> bool:
    """Tests whether `line` is a row of a table that says something."""
    row = line.strip()
    return row.startswith("|") and bool(row[: row.rfind("|")].strip("|:- \t\f\v"))


def _says_given_when_then(text: str) -> bool:
    """Tests for the words in this order.

    A pattern of all three would look for the last of them from each first one.
    """
    at = 0
    for word in _CRITERION:
        found = word.search(text, at)
        if found is None:
            return False
        at = found.end()
    return True


def questions_answered(document: Document, options: Mapping[str, object]) -> Iterator[Notice]:
    """Yields a notice for each question in `section` that is neither answered, ticked nor struck."""
    for section in sections_called(document, heading(options)):
        for item in items(document, section):
            if _is_open(item, options, document.budget):
                first = item.lines[0]
                shown = first if len(first) <= _SHOWN else first[:_SHOWN] + "…"
                yield Notice(item.line, 1, {"question": shown})


class Item(NamedTuple):
    """A list item or a paragraph, with its text line by line. `ticked` is None where it has no box."""

    line: int
    indent: int
    ticked: bool | None
    lines: list[str]


def items(document: Document, section: Section) -> Iterator[Item]:
    """Yields list items with what belongs to them, and paragraphs; quoted help and code are left out."""
    item: Item | None = None
    last = section.first
    for line, text in body_lines(document, section):
        if line in document.outline.code or text.lstrip().startswith(">"):
            continue
        bullet = _ITEM.match(text)
        indent = len(text) - len(text.lstrip())
        deeper = item is not None and indent > item.indent
        joined = item is not None and (deeper or (bullet is None and line == last + 1))
        if joined and item is not None:
            item.lines.append(text.strip())
        else:
            if item is not None:
                yield item
            item = _new_item(line, indent, bullet["text"] if bullet else text.strip())
        last = line
    if item is not None:
        yield item


def _new_item(line: int, indent: int, text: str) -> Item:
    box = _BOX.match(text)
    if box is None:
        return Item(line, indent, None, [text])
    return Item(line, indent, box["mark"] != " ", [text[box.end() :] or text])


def _is_open(item: Item, options: Mapping[str, object], budget: Budget) -> bool:
    text = " ".join(item.lines)
    if item.ticked or _STRUCK.fullmatch(item.lines[0]):
        return False
    asks = item.ticked is False or "?" in text
    if not asks:
        return False
    low = folded(text)
    if any(whole_words(text, low, texts(options, "still_open"), budget)):
        return True
    if any(whole_words(text, low, texts(options, "answered_by"), budget)):
        return False
    reply = _ASIDE.sub("", text.rpartition("?")[2] if "?" in text else "").strip(" *_.,").casefold()
    starts = texts(options, "reply_starts")
    budget.spend(30 * len(starts))
    return not _starts_with(reply, starts)


def _starts_with(reply: str, starts: Iterable[str]) -> bool:
    for start in starts:
        rest = reply.removeprefix(start)
        if rest != reply and not (start[-1].isalpha() and rest[:1].isalnum()):
            return True
    return False


_ARTIFACTS = (*STAGES, "specification")
_NAMED = re.compile(rf"(?<![\w-])(?:{'|'.join(_ARTIFACTS)})(?:\.md)?(?![\w-])", re.IGNORECASE)
_WORD = re.compile(r"\w+")


def names_artifacts(document: Document, options: Mapping[str, object]) -> Iterator[Notice]:
    """A notice where `section` names none of the seven artifacts, nor says one of `none_words` and why.

    Why is anything of at least `reason_words` more words. A section that says nothing is left to
    the rules about sections and markers.
    """
    wanted = heading(options)
    found = sections_called(document, wanted)
    lines = [text.strip() for section in found for _, text in body_lines(document, section)]
    own = " ".join(line for line in lines if not line.startswith(">"))
    document.budget.spend((10 + len(own)) * len(texts(options, "none_words")))
    if own and not _names_one(own) and not _says_none(own, options):
        yield Notice(found[0].line, 1, {"section": heading_name(wanted)})


def _names_one(text: str) -> bool:
    low = folded(text)
    return any(name in low for name in _ARTIFACTS) and _NAMED.search(text) is not None


def _says_none(text: str, options: Mapping[str, object]) -> bool:
    words = _WORD.findall(text.casefold())
    joined = f" {' '.join(words)} "
    for none in sorted(texts(options, "none_words"), key=len, reverse=True):
        if f" {none} " in joined:
            return len(words) - len(none.split()) >= number(options, "reason_words")
    return False


Options = Mapping[str, object]


def task_grammar(document: Document, _options: Options) -> Iterator[Notice]:
    """Yields a notice for each line that is meant as a task and cannot be read as one."""
    for flaw in document.task_list.flaws:
        yield Notice(flaw.line, flaw.column, {"problem": flaw.problem})


def task_doubts(document: Document, _options: Options) -> Iterator[Notice]:
    """Yields a notice for what looks as if it made or ordered tasks, and does not, or not as it says."""
    for doubt in document.task_list.doubts:
        yield Notice(doubt.line, doubt.column, {"problem": doubt.problem})


def task_ids_unique(document: Document, _options: Options) -> Iterator[Notice]:
    """Yields a notice for each task whose id was used before."""
    first: dict[str, int] = {}
    for task in document.task_list.tasks:
        if first.setdefault(task.id, task.line) != task.line:
            yield Notice(task.line, 1, {"task": task.id, "first": first[task.id]})


def task_dependencies_exist(document: Document, _options: Options) -> Iterator[Notice]:
    """Yields a notice for each dependency that names no task of the document."""
    known = {task.id for task in document.task_list.tasks}
    for task in document.task_list.tasks:
        for missing in dict.fromkeys(name for name in task.needs.names if name not in known):
            yield Notice(task.line, 1, {"task": task.id, "dependency": missing})


def task_dependencies_acyclic(document: Document, _options: Options) -> Iterator[Notice]:
    """Yields a notice for each cycle of dependencies that is found, at its first task."""
    lines = {task.id: task.line for task in reversed(document.task_list.tasks)}
    from idse_orchestrator.documents.task_graph import cycles  # only documents with tasks pay for it

    for cycle in cycles(_edges(document)):
        document.budget.spend(100 * len(cycle))
        shown = cycle if len(cycle) <= _MOST_SHOWN else (*cycle[: _MOST_SHOWN - 1], "…", cycle[-1])
        yield Notice(min(lines[name] for name in cycle), 1, {"cycle": " → ".join(shown)})


def parallel_tasks_apart(document: Document, _options: Options) -> Iterator[Notice]:
    """Yields a notice for two tasks that may be worked on at once and declare one path.

    They may where neither waits for the other, by what they declare or by their place in the list.
    """
    declaring = [task for task in document.task_list.tasks if task.paths]
    before = _Before(document)
    for one, other in _touching(declaring, document.budget):
        if not before.orders(one.id, other.id):
            yield Notice(other.line, 1, {"first": one.id, "second": other.id, "shared": _shared(one, other)})


def _touching(tasks: Sequence[Task], budget: Budget) -> Iterator[tuple[Task, Task]]:
    """Yields each two of `tasks` that declare one path, or one a folder that the other's path is in."""
    named: dict[str, dict[int, None]] = {}
    within: dict[str, dict[int, None]] = {}
    for index, task in enumerate(tasks):
        for path in task.paths:
            named.setdefault(path, {})[index] = None
            for folder in _folders_over(path):
                within.setdefault(folder, {})[index] = None
    for index, task in enumerate(tasks):
        beside: set[int] = set()
        for path in task.paths:
            for found in (
                named[path],
                within.get(path, {}),
                *(named.get(f, {}) for f in _folders_over(path)),
            ):
                budget.spend(20 + 10 * len(found))
                beside.update(each for each in found if each > index)
        for other in sorted(beside):
            budget.spend(100 * (len(task.paths) + len(tasks[other].paths)))
            yield task, tasks[other]


def _folders_over(path: str) -> Iterator[str]:
    """Yields the folders that `path` is in, each as it is declared; a path of too many is in none."""
    ends = [at for at, character in enumerate(path[:-1]) if character == "/"]
    if len(ends) <= MAX_DEPTH:
        yield from (path[: at + 1] for at in ends)


def tasks_ticked(document: Document, _options: Options) -> Iterator[Notice]:
    """Yields one notice where tasks are left, at the first of them."""
    tasks = document.task_list.tasks
    left = [task for task in tasks if not task.done]
    if left:
        params = {"count": len(left), "total": len(tasks), "first": left[0].id}
        yield Notice(left[0].line, 1, params, [task.id for task in left])


def has_tasks(document: Document, _options: Options) -> Iterator[Notice]:
    """Yields a notice where the document names no task at all."""
    if not document.task_list.tasks:
        yield Notice()


def _edges(document: Document) -> dict[str, list[str]]:
    from idse_orchestrator.documents.task_graph import edges_of

    edges = edges_of((task.id, task.needs) for task in document.task_list.tasks)
    document.budget.spend(20 * sum(map(len, edges.values())))
    return edges


class _Before:
    """Who waits for whom, worked out once for each task that is asked about."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._known: dict[str, frozenset[str]] = {}

    @cached_property
    def _edges(self) -> dict[str, list[str]]:
        from idse_orchestrator.documents.task_graph import InList, edges_in_order

        tasks = self._document.task_list.tasks
        edges = edges_in_order([InList(task.id, task.needs, task.phase, task.parallel) for task in tasks])
        self._document.budget.spend(20 * sum(map(len, edges.values())))
        return edges

    @cached_property
    def _price(self) -> int:
        """Returns what following one edge costs; with groups in between, a task is several edges away."""
        has_groups = len(self._edges) > len({task.id for task in self._document.task_list.tasks})
        return 300 if has_groups else 100

    def orders(self, one: str, other: str) -> bool:
        """Tests whether one of the two waits for the other, or both are the same."""
        return one == other or other in self._of(one) or one in self._of(other)

    def _of(self, task: str) -> frozenset[str]:
        if task not in self._known:
            from idse_orchestrator.documents.task_graph import waits_for

            self._known[task] = waits_for(self._edges, task)
            self._document.budget.spend(self._price * len(self._known[task]))
        return self._known[task]


def _shared(one: Task, other: Task) -> str:
    """Returns the first path of either that both declare."""
    declared = set(other.paths)
    below = {folder: path for path in reversed(other.paths) for folder in _folders_over(path)}
    for path in one.paths:
        if path in declared or not declared.isdisjoint(_folders_over(path)):
            return path
        if path in below:
            return below[path]
    return ""
