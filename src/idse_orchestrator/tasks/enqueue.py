"""What a list of tasks asks for, compared with the tasks that there are. Pure.

By id: what is new begins, what says something else is changed while nobody holds it, what is gone is
cancelled. What came to an end and says something else by now is told: only a person opens it again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from idse_orchestrator.base.names import blob_id, problem_with
from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.base.text import few, one_line
from idse_orchestrator.documents.markdown import outline_of
from idse_orchestrator.documents.task_doubts import task_list_of
from idse_orchestrator.documents.task_graph import cycles
from idse_orchestrator.documents.task_list import Task, boxes_of
from idse_orchestrator.documents.task_wishes import Wishes, wishes_of
from idse_orchestrator.errors import TaskListError
from idse_orchestrator.tasks.graph import ABOVE, BETWEEN, edges_between, needs_text
from idse_orchestrator.tasks.machine import target
from idse_orchestrator.tasks.shapes import MAX_PATH, MAX_TEXT
from idse_orchestrator.tasks.state import Change, NewTask, TaskState
from idse_orchestrator.tasks.words import CANCELLED, DONE, FAILED, READY, REVIEW, TICKED, WAITING

MOST_TASKS = 20_000
"""The longest list that is taken."""


class Listed(NamedTuple):
    """What a list says: the `tasks` that are open, and the ids of those that are `ticked`."""

    tasks: tuple[NewTask, ...]
    ticked: frozenset[str]


class Stale(NamedTuple):
    """A task that the list has with another text than what it was worked on with, or again."""

    state: TaskState
    action: str
    """What a person may do about it."""


class Wanted(NamedTuple):
    """What makes the tasks what the list says; `kept` counts those that are so already."""

    new: tuple[NewTask, ...] = ()
    changes: tuple[Change, ...] = ()
    kept: int = 0
    stale: tuple[Stale, ...] = ()


def read_list(data: bytes, name: str) -> Listed:
    """Returns the tasks in a document called `name`. TaskListError where they cannot be worked off."""
    text = data.decode("utf-8", "replace").removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    lines = text.split("\n")
    outline = outline_of(text)
    phases = [(section.line, section.title) for section in outline.sections]
    found = task_list_of(lines, outline.code | outline.comments, phases)
    if found.flaws:
        flaw = found.flaws[0]
        raise _unfit(f"{flaw.problem}", f"{name}:{flaw.line}", "mend the line, then complete the stage again")
    if not found.tasks:
        raise _unfit("there is no task in it", name, "write tasks as - [ ] T001 text")
    if len(found.tasks) > MOST_TASKS:
        raise _unfit(f"it has {len(found.tasks):,} tasks, and the limit is {MOST_TASKS:,}", name)
    _refuse_twins(found.tasks, name)
    ticked = frozenset(task.id for task in found.tasks if task.done)
    return Listed(tuple(_asked(found.tasks, ticked, blob_id(data), name)), ticked)


def _refuse_twins(tasks: Iterable[Task], name: str) -> None:
    lines: dict[str, int] = {}
    for task in tasks:
        before = lines.setdefault(task.id.casefold(), task.line)
        if before != task.line:
            raise _unfit(
                f"{task.id} stands there twice, in line {before} and in line {task.line}",
                f"{name}:{task.line}",
                "give one of them another id",
            )


def _asked(tasks: Sequence[Task], ticked: frozenset[str], blob: str, name: str) -> Iterator[NewTask]:
    phase, heading, before = 0, None, ""
    for position, task in enumerate(tasks, 1):
        if task.phase != heading:
            phase, heading, before = phase + 1, task.phase, ""
        if not task.done:
            problem = problem_with(task.id)
            if problem is not None:
                raise _unfit(f"{task.id[:80]!r} cannot name a task: {problem}", f"{name}:{task.line}")
            yield NewTask(
                task.id,
                one_line(task.text)[:MAX_TEXT],
                _needs(task, phase, before, ticked),
                tuple(path for path in map(one_line, task.paths) if 0 < len(path) <= MAX_PATH),
                *_wishes(task, name),
                blob,
                position,
                phase,
            )
        before = task.id


def _needs(task: Task, phase: int, before: str, ticked: frozenset[str]) -> tuple[str, ...]:
    """Returns what a task waits for: what it declares, or else its place. What is ticked is met."""
    declared = needs_text(task.needs)
    if declared:
        return tuple(need for need in declared if need not in ticked)
    above = (f"{ABOVE}{phase}",) if phase > 1 else ()
    in_line = (before,) if before and not task.parallel and before not in ticked else ()
    return (*above, *in_line)


def _wishes(task: Task, name: str) -> tuple[str, dict[str, Any]]:
    """Returns the agent that a task asks for, and its caps."""
    wishes, odd = wishes_of(task.wishes)
    if odd:
        raise _unfit(
            f"{task.id} asks for {odd[0].key} {odd[0].value[:60]!r}, and {odd[0].meant} is meant",
            f"{name}:{task.line}",
        )
    return wishes.agent, caps_of(wishes)


def caps_of(wishes: Wishes) -> dict[str, Any]:
    """Returns the caps of a task that has these wishes."""
    caps: dict[str, Any] = {
        key: getattr(wishes, key)
        for key in ("model", "timeout_s", "budget_usd", "check", "sandbox", "output")
        if getattr(wishes, key) not in ("", None)
    }
    return caps if wishes.retries is None else {**caps, "attempts": wishes.retries + 1}


def ticks(text: str, states: Iterable[TaskState]) -> dict[int, str]:
    """Returns marks to set in `text`, by line from 0: of open boxes whose task is done with these words."""
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    outline = outline_of("\n".join(lines))
    found = task_list_of(lines, outline.code | outline.comments, ())
    words = {task.id: one_line(task.text)[:MAX_TEXT] for task in found.tasks}
    done = {state.task for state in states if state.state == DONE and words.get(state.task) == state.text}
    return {box.place: "x" for box in boxes_of(text) if box.task in done and not box.step and box.mark == " "}


def wanted(listed: Listed, states: Iterable[TaskState], name: str) -> Wanted:
    """Returns what has to be done. TaskListError where tasks wait for each other, or for no task."""
    there = {state.task: state for state in states}
    listed = listed._replace(tasks=tuple(_as_there(listed.tasks, there)))
    refuse_impossible(listed.tasks, there, listed.ticked, name)
    by_position = any(need == ABOVE for task in listed.tasks for need in task.needs)
    new, changes, stale, kept = [], [], [], 0
    for task in listed.tasks:
        state = there.get(task.task)
        if state is None:
            new.append(task)
        elif _is_same(task, state, by_position=by_position) and not _is_back(state):
            kept += 1
        elif target(state, "change", {}):
            changes.append(Change(task.task, "change", task.said))
        elif state.state in _OPENED_BY:
            action = _OPENED_BY[state.state]
            if state.state != DONE or state.text != task.text:
                stale.append(Stale(state, action))
            else:
                kept += 1
    changes += _cancelled(listed, there)
    return Wanted(tuple(new), tuple(changes), kept, tuple(stale))


_OPENED_BY = {DONE: "reopen", FAILED: "retry", CANCELLED: "retry", REVIEW: "reject"}


def _as_there(tasks: Sequence[NewTask], there: Mapping[str, TaskState]) -> Iterator[NewTask]:
    """Yields the tasks, without needs that are met by a task that the list has no more."""
    listed = {task.task for task in tasks}
    met = {name for name, state in there.items() if state.is_met and name not in listed}
    for task in tasks:
        needs = tuple(need for need in task.needs if need not in met)
        yield task if needs == task.needs else task._replace(needs=needs)


def _is_back(state: TaskState) -> bool:
    """Tests for a task that the list itself had ended; where a person did, it stays so."""
    return state.state == CANCELLED and bool(state.why)


def _is_same(task: NewTask, state: TaskState, *, by_position: bool) -> bool:
    fields = ("text", "needs", "paths", "agent", "caps", "phase", *(("position",) if by_position else ()))
    return all(getattr(task, field) == getattr(state, field) for field in fields)


def _cancelled(listed: Listed, there: Mapping[str, TaskState]) -> Iterator[Change]:
    """Yields the end of what the list has no more, or has ticked by now. Others' own tasks have no list."""
    open_ids = {task.task for task in listed.tasks}
    for name, state in there.items():
        if name in open_ids or not state.list or not target(state, "cancel", {}):
            continue
        if name not in listed.ticked:
            yield Change(name, "cancel", {"why": "gone"})
        elif state.state in (READY, WAITING):  # what is held or in review comes to its own end
            yield Change(name, "cancel", {"why": TICKED})


def refuse_impossible(
    tasks: Sequence[NewTask], there: Mapping[str, TaskState], ticked: Iterable[str], name: str
) -> None:
    """Raises TaskListError where one of `tasks` needs what is nowhere, or where some wait for each other."""
    known = {*(task.task for task in tasks), *there, *ticked}
    for task in tasks:
        named = (need for need in task.needs if need[:1] != ABOVE and BETWEEN not in need)
        unknown = [need for need in named if need not in known]
        if unknown:
            raise _unfit(
                f"{task.task} needs {few(unknown)}, and there is no such task",
                name,
                "name a task of the list in its (Deps: …)",
            )
    mine = {task.task for task in tasks}
    others = [state for state in there.values() if state.task not in mine]
    cycle = next(cycles(edges_between([*tasks, *others])), None)  # type: ignore[list-item]
    if cycle is not None:
        shown = " → ".join(cycle[:8]) + (" → …" if len(cycle) > 8 else "")
        raise _unfit(f"tasks wait for each other: {shown}", name, "take one of these (Deps: …) away")


def _unfit(what: str, where: str, *fix: str) -> TaskListError:
    return TaskListError("this list of tasks cannot be worked off", where=where, cause=what, fix=fix)
