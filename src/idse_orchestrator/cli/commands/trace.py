"""``idse trace``: show what leads from a success criterion to the code, and what is missing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from idse_orchestrator.base.records import picked
from idse_orchestrator.base.text import counted, printable
from idse_orchestrator.cli.layout import Style, aligned, fitted
from idse_orchestrator.cli.terminal import Answer, Said
from idse_orchestrator.sessions.status import no_ledger

if TYPE_CHECKING:
    from collections.abc import Sequence

    import click

    from idse_orchestrator.cli.terminal import Run
    from idse_orchestrator.constitution.account import Criterion
    from idse_orchestrator.constitution.evidence import CodeCommit
    from idse_orchestrator.constitution.trace import Row, Trace
    from idse_orchestrator.documents.task_list import Task

_HEADS = ("goal", "requirement", "tasks", "commits", "checked")
_WIDE = 44
_LABEL = 60
_MOST = 3
_NONE = "-"


def show_trace(run: Run, *, session: str | None = None, mermaid: bool = False) -> Answer:
    """Show what leads from success criteria to requirements, tasks, commits and checks.

    Documents draw the lines: a requirement names a success criterion (SC-1), an acceptance criterion and a
    task name a requirement (FR-1), a task declares files, and the implementation says how each criterion was
    checked. What is missing follows.
    """
    key = run.session(session)
    tip = run.app.reader.session(*key)
    if tip is None:
        raise no_ledger(key)
    found = run.app.judging.trace(key, tip.state)
    return Answer(
        "idse.trace/1",
        lambda: {"project": key[0], "session": key[1], **_data(found)},
        _mermaid(found) if mermaid else _lines(found, run.terminal.style),
    )


def _data(found: Trace) -> dict[str, object]:
    return {
        "unseen": found.facts.unseen or None,
        "goals": [_item(goal) for goal in found.goals],
        "rows": [
            {
                "requirement": _item(row.requirement) if row.requirement else None,
                "goals": list(row.goals),
                "tasks": [
                    {
                        **picked(task, "id done text line"),
                        "commits": [each.id for each in _commits(found, task)],
                    }
                    for task in row.tasks
                ],
                "checks": [{**_item(each.criterion), "report": each.report or None} for each in row.checks],
            }
            for row in found.rows
        ],
        "missing": [picked(each, "about problem where") for each in found.missing],
    }


def _item(item: Criterion) -> dict[str, object]:
    return picked(item, "id text line")


def _lines(found: Trace, style: Style) -> Iterator[str]:
    rows = [list(map(printable, _cells(row, found))) for row in found.rows]
    if rows:
        yield from aligned([[style.bold(head) for head in _HEADS], *rows])
    for each in found.missing:
        yield printable(f"{style.yellow('missing')}: {each.about}: {each.problem} ({each.where})")
    if found.facts.unseen:
        yield Said(f"commits cannot be seen here: {printable(found.facts.unseen)}")
    if found.facts.kept is not None and not found.facts.commits:
        yield Said("the commits that bore it out are gone, and the same change is here in others")
    if not found.missing:
        yield Said(f"{counted(len(found.rows), 'requirement')}: nothing is missing")


def _cells(row: Row, found: Trace) -> Iterator[str]:
    yield ", ".join(row.goals) or _NONE
    yield fitted(_title(row.requirement), _WIDE) if row.requirement else _NONE
    yield ", ".join(f"{task.id}{'' if task.done else ' (open)'}" for task in row.tasks) or _NONE
    unknown = "?" if found.facts.unseen else _NONE
    led = {commit.id[:7]: None for task in row.tasks for commit in _commits(found, task)}
    yield _cut(list(led)) or unknown
    yield ", ".join(f"{each.criterion.id}{'' if each.report else ' (no)'}" for each in row.checks) or _NONE


def _commits(found: Trace, task: Task) -> Sequence[CodeCommit]:
    return found.commits.get(task.id, ())


def _cut(names: Sequence[str]) -> str:
    return " ".join(names[:_MOST]) + (f" +{len(names) - _MOST}" if len(names) > _MOST else "")


def _title(item: Criterion) -> str:
    return item.text if item.text.startswith(item.id) or "#" in item.id else f"{item.id} {item.text}"


def _mermaid(found: Trace) -> Iterator[str]:
    yield "flowchart LR"
    yield from (f"  g{n}{_label(_title(goal))}" for n, goal in enumerate(found.goals))
    places = {goal.id: f"g{n}" for n, goal in enumerate(found.goals)}
    drawn: set[str] = set()
    for number, row in enumerate(found.rows):
        own = f"r{number}"
        if row.requirement:
            yield f"  {own}{_label(_title(row.requirement))}"
            yield from (f"  {places[goal]} --> {own}" for goal in row.goals)
        for line in _mermaid_of(found, row, own, number):
            if line not in drawn:
                drawn.add(line)
                yield line


def _mermaid_of(found: Trace, row: Row, own: str, number: int) -> Iterator[str]:
    """Yields what hangs on one requirement; a task or commit that hangs on several has one node."""
    for task in row.tasks:
        node = f"t{_word(task.id)}"
        yield f"  {node}{_label(f'{task.id} {task.text}')}"
        if row.requirement:
            yield f"  {own} --> {node}"
        for commit in _commits(found, task):
            yield f"  c{commit.id[:12]}{_label(commit.id[:7])}"
            yield f"  {node} --> c{commit.id[:12]}"
    for place, each in enumerate(row.checks):
        node = f"a{number}_{place}"
        yield f"  {node}{_label(_title(each.criterion))}"
        if row.requirement:
            yield f"  {own} --> {node}"
        if each.report:
            yield f"  {node} --> v{number}_{place}{_label(each.report)}"


def _word(text: str) -> str:
    return "".join(letter if letter.isalnum() else "_" for letter in text)


def _label(text: str) -> str:
    """Returns `text` as a label: whatever Mermaid or HTML would read in it is written as an entity."""
    short = fitted(printable(text), _LABEL)
    safe = "".join(
        letter if letter.isalnum() or letter in " .,:-/()" else f"#{ord(letter)};" for letter in short
    )
    return f'["{safe}"]'


def trace() -> click.Command:
    """Makes the click command."""
    from idse_orchestrator.cli.options import command, flag, session_argument

    mermaid = flag("--mermaid", help="Print a Mermaid flowchart.")
    return command("trace", session_argument, mermaid, reads=True)(show_trace)
