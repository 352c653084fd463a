"""The trace of a session: from success criteria to requirements, tasks, commits and checks, and what is missing.

Lines are drawn where a document says so: an item names the id of another, a task declares files or a commit
names the task. Nothing is guessed from words.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from idse_orchestrator.constitution.evidence import Criterion, Facts, ids_in, proof_of, report_of
from idse_orchestrator.documents.project_workspace import ARTIFACTS

if TYPE_CHECKING:
    from idse_orchestrator.constitution.checks.document import Document
    from idse_orchestrator.constitution.evidence import Account, CodeCommit
    from idse_orchestrator.documents.task_list import Task


class Check(NamedTuple):
    """An acceptance criterion, and how the implementation says it was checked ("" : it does not)."""

    criterion: Criterion
    report: str


class Row(NamedTuple):
    """A requirement with all that hangs on it. `goals` are ids of success criteria.

    The last rows may have no `requirement`: they hold what no requirement leads to.
    """

    requirement: Criterion | None
    goals: tuple[str, ...]
    tasks: tuple[Task, ...]
    commits: tuple[CodeCommit, ...]
    checks: tuple[Check, ...]


class Missing(NamedTuple):
    """A link that is not there: of `about`, at `where` (a document and a line)."""

    about: str
    problem: str
    where: str


class Trace(NamedTuple):
    """All of it. `facts.unseen` says why commits are not known here."""

    goals: tuple[Criterion, ...]
    rows: tuple[Row, ...]
    missing: tuple[Missing, ...]
    facts: Facts


class Items(NamedTuple):
    """What documents number: success criteria of the intent, requirements of the spec."""

    goals: Sequence[Criterion]
    requirements: Sequence[Criterion]


def traced(account: Account, items: Items, facts: Facts, tasks_document: Document | None) -> Trace:
    """Returns the trace of a session whose documents say `account`."""
    goals = _numbered(items.goals, "SC")
    requirements = _numbered(items.requirements, "R")
    checks = [Check(each, _report(account, each)) for each in _numbered(account.criteria, "AC")]
    named = _named_by_tasks(account, tasks_document)
    proof = proof_of(account, facts.commits).tasks
    rows = []
    used_tasks: set[str] = set()
    used_checks: set[str] = set()
    for each in requirements:
        own = [check for check in checks if each.id in ids_in(check.criterion.text)]
        ids = {each.id, *(check.criterion.id for check in own)}
        tasks = [task for task in account.tasks if ids & named.get(task.id, frozenset())]
        used_tasks.update(task.id for task in tasks)
        used_checks.update(check.criterion.id for check in own)
        linked = ids_in(each.text)
        led = tuple(goal.id for goal in goals if goal.id in linked)
        rows.append(Row(each, led, tuple(tasks), _commits(tasks, proof), tuple(own)))
    loose_checks = tuple(check for check in checks if check.criterion.id not in used_checks)
    loose = [task for task in account.tasks if task.id not in used_tasks]
    if loose_checks or loose:
        rows.append(Row(None, (), tuple(loose), _commits(loose, proof), loose_checks))
    missing = tuple(_missing(account, goals, rows, proof, facts))
    return Trace(tuple(goals), tuple(rows), missing, facts)


def _numbered(found: Sequence[Criterion], name: str) -> list[Criterion]:
    """Returns `found`; what has no id gets one by its place."""
    return [each if each.id else each._replace(id=f"{name}#{n}") for n, each in enumerate(found, 1)]


def _report(account: Account, criterion: Criterion) -> str:
    asked = criterion._replace(id="") if "#" in criterion.id else criterion
    found = report_of(account, asked)
    return found[1] if found else ""


def _named_by_tasks(account: Account, document: Document | None) -> Mapping[str, frozenset[str]]:
    """Returns the ids that each task names anywhere in its lines, notes such as its acceptance with them."""
    if document is None:
        return {}
    ends = [task.line - 1 for task in account.tasks[1:]] + [len(document.lines)]
    return {
        task.id: ids_in("\n".join(document.lines[task.line - 1 : end]).split("\n#")[0])
        for task, end in zip(account.tasks, ends, strict=True)
    }


def _commits(tasks: Sequence[Task], proof: Mapping[str, Sequence[CodeCommit]]) -> tuple[CodeCommit, ...]:
    found = {commit.id: commit for task in tasks for commit in proof.get(task.id, ())}
    return tuple(found.values())


def _missing(
    account: Account,
    goals: Sequence[Criterion],
    rows: Sequence[Row],
    proof: Mapping[str, Sequence[CodeCommit]],
    facts: Facts,
) -> Iterator[Missing]:
    served = {goal for row in rows for goal in row.goals}
    for goal in goals:
        if goal.id not in served:
            yield Missing(goal.id, "no requirement names it", f"{ARTIFACTS['intent']}:{goal.line}")
    for row in rows:
        if row.requirement is not None:
            yield from _missing_of(row.requirement, row, bool(goals))
        for check in row.checks:
            where = f"{ARTIFACTS[account.criteria_in]}:{check.criterion.line}"
            if row.requirement is None and account.criteria_in == "spec":
                yield Missing(check.criterion.id, "it names no requirement", where)
            if not check.report:
                yield Missing(check.criterion.id, "nothing says how it was checked", where)
        for task in row.tasks:
            where = f"{ARTIFACTS['tasks']}:{task.line}"
            if row.requirement is None and any(each.requirement for each in rows):
                yield Missing(f"task {task.id}", "it names no requirement or criterion", where)
    for task in account.tasks:
        if task.done and not (proof.get(task.id) or facts.unseen or facts.kept or account.no_code):
            yield Missing(f"task {task.id}", "no commit shows it", f"{ARTIFACTS['tasks']}:{task.line}")


def _missing_of(requirement: Criterion, row: Row, has_goals: bool) -> Iterator[Missing]:  # noqa: FBT001 - one fact
    where = f"{ARTIFACTS['spec']}:{requirement.line}"
    if has_goals and not row.goals:
        yield Missing(requirement.id, "it names no success criterion", where)
    if not row.tasks:
        yield Missing(requirement.id, "no task names it", where)
    if not row.checks:
        yield Missing(requirement.id, "no acceptance criterion names it", where)
