"""Checks of the checklist in ``tasks.md``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING

from idse_orchestrator.constitution.checks.document import Document, Notice
from idse_orchestrator.documents.task_list import cycles, waits_for

if TYPE_CHECKING:
    from idse_orchestrator.documents.task_list import Task

Options = Mapping[str, object]

MOST_COMPARED = 400
"""How many parallel tasks of one phase are compared with each other: more would take minutes."""


def task_grammar(document: Document, _options: Options) -> Iterator[Notice]:
    """A notice for each line that is meant as a task and cannot be read as one."""
    for flaw in document.task_list.flaws:
        yield Notice(flaw.line, flaw.column, {"problem": flaw.problem})


def task_ids_unique(document: Document, _options: Options) -> Iterator[Notice]:
    """A notice for each task whose id was used before."""
    first: dict[str, int] = {}
    for task in document.task_list.tasks:
        if first.setdefault(task.id, task.line) != task.line:
            yield Notice(task.line, 1, {"task": task.id, "first": first[task.id]})


def task_dependencies_exist(document: Document, _options: Options) -> Iterator[Notice]:
    """A notice for each dependency that names no task of the document."""
    known = {task.id for task in document.task_list.tasks}
    for task in document.task_list.tasks:
        for missing in dict.fromkeys(name for name in task.dependencies if name not in known):
            yield Notice(task.line, 1, {"task": task.id, "dependency": missing})


def task_dependencies_acyclic(document: Document, _options: Options) -> Iterator[Notice]:
    """A notice for each cycle of dependencies that is found, at its first task."""
    lines = {task.id: task.line for task in reversed(document.task_list.tasks)}
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
    """One notice where tasks are left, at the first of them."""
    tasks = document.task_list.tasks
    left = [task for task in tasks if not task.done]
    if left:
        yield Notice(left[0].line, 1, {"count": len(left), "total": len(tasks), "first": left[0].id})


def has_tasks(document: Document, _options: Options) -> Iterator[Notice]:
    """A notice where the document names no task at all."""
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
        """Whether one of the two waits for the other, or both are the same."""
        return one == other or other in self._of(one) or one in self._of(other)

    def _of(self, task: str) -> frozenset[str]:
        if task not in self._known:
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
