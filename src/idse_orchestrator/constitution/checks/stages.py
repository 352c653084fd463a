"""Checks of what one stage's document must say, and of the checklist in ``tasks.md``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from typing import TYPE_CHECKING

from idse_orchestrator.constitution.checks.document import (
    Document,
    Notice,
    heading,
    heading_name,
    number,
    sections_called,
)
from idse_orchestrator.constitution.checks.sections import body_lines
from idse_orchestrator.constitution.rules import texts
from idse_orchestrator.documents.project_workspace import STAGES

if TYPE_CHECKING:
    from idse_orchestrator.documents.markdown import Section
    from idse_orchestrator.documents.task_list import Task

_ITEM = re.compile(r"(?P<indent>\s*)(?:[-*+]|\d{1,9}[.)])\s+(?P<text>\S.*)")
_TABLE_ROW = re.compile(r"\s*\|.*[^\s|:-].*\|")
_CRITERION = re.compile(r"\bgiven\b.*?\bwhen\b.*?\bthen\b", re.IGNORECASE | re.DOTALL)
_BOX = re.compile(r"\[(?P<mark>[ xX])\]\s*")
_STRUCK = re.compile(r"~~.+~~[\s.]*")
_ASIDE = re.compile(r"\([^()]*\)")
_SHOWN = 80


def has_criteria(document: Document, options: Mapping[str, object]) -> Iterator[Notice]:
    """A notice where `section` is there and has text, but no list item, table row or Given … When … Then."""
    wanted = heading(options)
    found = sections_called(document.outline, wanted)
    lines = [text for section in found for _, text in body_lines(document, section)]
    own = [text for text in lines if not text.lstrip().startswith(">")]
    if not own or any(_ITEM.match(text) or _TABLE_ROW.match(text) for text in own):
        return
    if not _CRITERION.search("\n".join(own)):
        yield Notice(found[0].line, 1, {"section": heading_name(wanted)})


def questions_answered(document: Document, options: Mapping[str, object]) -> Iterator[Notice]:
    """Yields a notice for each question in `section` that is neither answered, ticked nor struck."""
    for section in sections_called(document.outline, heading(options)):
        for item in _items(document, section):
            if _is_open(item, options):
                first = item.lines[0]
                shown = first if len(first) <= _SHOWN else first[:_SHOWN] + "…"
                yield Notice(item.line, 1, {"question": shown})


@dataclass(slots=True)
class _Item:
    line: int
    indent: int
    ticked: bool | None
    lines: list[str]


def _items(document: Document, section: Section) -> Iterator[_Item]:
    """Yields list items with what belongs to them, and paragraphs; quoted help and code are left out."""
    item: _Item | None = None
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


def _new_item(line: int, indent: int, text: str) -> _Item:
    box = _BOX.match(text)
    if box is None:
        return _Item(line, indent, None, [text])
    return _Item(line, indent, box["mark"] != " ", [text[box.end() :] or text])


def _is_open(item: _Item, options: Mapping[str, object]) -> bool:
    text = " ".join(item.lines)
    if item.ticked or _STRUCK.fullmatch(item.lines[0]):
        return False
    asks = item.ticked is False or "?" in text
    if not asks:
        return False
    if _phrases(texts(options, "still_open")).search(text):
        return True
    if _phrases(texts(options, "answered_by")).search(text):
        return False
    reply = _ASIDE.sub("", text.rpartition("?")[2] if "?" in text else "").strip(" *_.,").casefold()
    return not _starts_with(reply, texts(options, "reply_starts"))


def _starts_with(reply: str, starts: Iterable[str]) -> bool:
    for start in starts:
        rest = reply.removeprefix(start)
        if rest != reply and not (start[-1].isalpha() and rest[:1].isalnum()):
            return True
    return False


@lru_cache(maxsize=64)
def _phrases(phrases: tuple[str, ...]) -> re.Pattern[str]:
    each = (rf"(?<!\w){re.escape(phrase)}(?!\w)" for phrase in phrases)
    return re.compile("|".join(each) or r"(?!)", re.IGNORECASE)


_NAMED = re.compile(rf"(?<![\w-])(?:{'|'.join(STAGES)}|specification)(?:\.md)?(?![\w-])", re.IGNORECASE)
_WORD = re.compile(r"\w+")


def names_artifacts(document: Document, options: Mapping[str, object]) -> Iterator[Notice]:
    """A notice where `section` names none of the seven artifacts, nor says one of `none_words` and why.

    Why is anything of at least `reason_words` more words. A section that says nothing is left to
    the rules about sections and markers.
    """
    wanted = heading(options)
    found = sections_called(document.outline, wanted)
    lines = [text.strip() for section in found for _, text in body_lines(document, section)]
    own = " ".join(line for line in lines if not line.startswith(">"))
    if own and not _NAMED.search(own) and not _says_none(own, options):
        yield Notice(found[0].line, 1, {"section": heading_name(wanted)})


def _says_none(text: str, options: Mapping[str, object]) -> bool:
    words = _WORD.findall(text.casefold())
    joined = f" {' '.join(words)} "
    for none in sorted(texts(options, "none_words"), key=len, reverse=True):
        if f" {none} " in joined:
            return len(words) - len(none.split()) >= number(options, "reason_words")
    return False


Options = Mapping[str, object]

MOST_COMPARED = 400
"""How many parallel tasks of one phase are compared with each other: more would take minutes."""


def task_grammar(document: Document, _options: Options) -> Iterator[Notice]:
    """Yields a notice for each line that is meant as a task and cannot be read as one."""
    for flaw in document.task_list.flaws:
        yield Notice(flaw.line, flaw.column, {"problem": flaw.problem})


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
        for missing in dict.fromkeys(name for name in task.dependencies if name not in known):
            yield Notice(task.line, 1, {"task": task.id, "dependency": missing})


def task_dependencies_acyclic(document: Document, _options: Options) -> Iterator[Notice]:
    """Yields a notice for each cycle of dependencies that is found, at its first task."""
    lines = {task.id: task.line for task in reversed(document.task_list.tasks)}
    from idse_orchestrator.documents.task_list import cycles  # only documents with tasks pay for it

    for cycle in cycles(_edges(document.task_list.tasks)):
        yield Notice(min(lines[name] for name in cycle), 1, {"cycle": " → ".join(cycle)})


def parallel_tasks_apart(document: Document, _options: Options) -> Iterator[Notice]:
    """A notice for two ``[P]`` tasks of one phase that declare one path, unless one waits for the other."""
    phases: dict[str, list[Task]] = {}
    for task in document.task_list.tasks:
        if task.parallel and task.paths:
            phases.setdefault(task.phase, []).append(task)
    before = _Before(document.task_list.tasks)
    for together in phases.values():
        for one, other in combinations(together[:MOST_COMPARED], 2):
            shared = _shared(one, other)
            if shared and not before.orders(one.id, other.id):
                yield Notice(other.line, 1, {"first": one.id, "second": other.id, "shared": shared})


def tasks_ticked(document: Document, _options: Options) -> Iterator[Notice]:
    """Yields one notice where tasks are left, at the first of them."""
    tasks = document.task_list.tasks
    left = [task for task in tasks if not task.done]
    if left:
        yield Notice(left[0].line, 1, {"count": len(left), "total": len(tasks), "first": left[0].id})


def has_tasks(document: Document, _options: Options) -> Iterator[Notice]:
    """Yields a notice where the document names no task at all."""
    if not document.task_list.tasks:
        yield Notice()


def _edges(tasks: Sequence[Task]) -> dict[str, list[str]]:
    edges: dict[str, list[str]] = {}
    for task in tasks:
        edges.setdefault(task.id, []).extend(task.dependencies)
    return edges


class _Before:
    """Who waits for whom, worked out once for each task that is asked about."""

    def __init__(self, tasks: Sequence[Task]) -> None:
        self._edges = _edges(tasks)
        self._known: dict[str, frozenset[str]] = {}

    def orders(self, one: str, other: str) -> bool:
        """Tests whether one of the two waits for the other, or both are the same."""
        return one == other or other in self._of(one) or one in self._of(other)

    def _of(self, task: str) -> frozenset[str]:
        if task not in self._known:
            from idse_orchestrator.documents.task_list import waits_for

            self._known[task] = waits_for(self._edges, task)
        return self._known[task]


def _shared(one: Task, other: Task) -> str:
    for path in one.paths:
        for another in other.paths:
            if path == another or _below(path, another):
                return path
            if _below(another, path):
                return another
    return ""


def _below(path: str, folder: str) -> bool:
    return folder.endswith("/") and path.startswith(folder)
