"""The trace of a session: what leads from success criteria to its code and checks, and what is missing.

Lines are drawn where a document says so: an item names the id of another, a task declares files or a commit
names the task. Nothing is guessed from words.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.constitution.account import Criterion, Reports, criteria_in, ids_in
from idse_orchestrator.constitution.checks.document import headings
from idse_orchestrator.constitution.evidence import Facts, proof_of
from idse_orchestrator.documents.project_workspace import ARTIFACTS

if TYPE_CHECKING:
    from idse_orchestrator.constitution.account import Account
    from idse_orchestrator.constitution.checks.document import Document
    from idse_orchestrator.constitution.evidence import CodeCommit
    from idse_orchestrator.constitution.rules import Constitution
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
    checks: tuple[Check, ...]


class Missing(NamedTuple):
    """A link that is not there: of `about`, at `where` (a document and a line)."""

    about: str
    problem: str
    where: str


class Trace(NamedTuple):
    """All of it. `commits` are those of each ticked task; `facts.unseen` says why none are known here."""

    goals: tuple[Criterion, ...]
    rows: tuple[Row, ...]
    missing: tuple[Missing, ...]
    commits: Mapping[str, Sequence[CodeCommit]]
    facts: Facts


_REQUIREMENTS = ("Functional Requirements", "Non-Functional Requirements")


def traced(
    documents: Mapping[str, Document], constitution: Constitution, account: Account, facts: Facts
) -> Trace:
    """Returns the trace of a session whose `documents`, by stage, say `account`."""
    goals = _numbered(_items(documents, constitution, "intent", ("Success Criteria",)), "SC")
    requirements = _numbered(_items(documents, constitution, "spec", _REQUIREMENTS), "R")
    reports = Reports(account)
    checks = [Check(each, _report(reports, each)) for each in _numbered(account.criteria, "AC")]
    named = _named_by_tasks(account, documents.get("tasks"))
    proof = proof_of(account, facts.commits).tasks
    named_in = [(check, ids_in(check.criterion.text)) for check in checks]
    rows = []
    used_tasks: set[str] = set()
    used_checks: set[str] = set()
    for each in requirements:
        own = [check for check, names in named_in if each.id in names]
        ids = {each.id, *(check.criterion.id for check in own)}
        tasks = [task for task in account.tasks if ids & named.get(task.id, frozenset())]
        used_tasks.update(task.id for task in tasks)
        used_checks.update(check.criterion.id for check in own)
        linked = ids_in(each.text)
        led = tuple(goal.id for goal in goals if goal.id in linked)
        rows.append(Row(each, led, tuple(tasks), tuple(own)))
    loose_checks = tuple(check for check in checks if check.criterion.id not in used_checks)
    loose = [task for task in account.tasks if task.id not in used_tasks]
    if loose_checks or loose:
        rows.append(Row(None, (), tuple(loose), loose_checks))
    missing = tuple(_missing(account, goals, rows, proof, facts))
    return Trace(tuple(goals), tuple(rows), missing, proof, facts)


def _items(
    documents: Mapping[str, Document], constitution: Constitution, stage: str, names: Sequence[str]
) -> list[Criterion]:
    """Returns what stands under the sections of a document that the constitution calls `names`."""
    rule = next((rule for rule in constitution.rules if rule.check == "required_sections"), None)
    if stage not in documents or rule is None:
        return []
    wanted = [each for each in headings(rule.options, stage) if each["name"] in names]
    return [item for each in wanted for item in criteria_in(documents[stage], each)]


def _numbered(found: Sequence[Criterion], name: str) -> list[Criterion]:
    """Returns `found`; what has no id gets one by its place."""
    return [each if each.id else each._replace(id=f"{name}#{n}") for n, each in enumerate(found, 1)]


def _report(reports: Reports, criterion: Criterion) -> str:
    found = reports.of(criterion._replace(id="") if "#" in criterion.id else criterion)
    return found[1] if found else ""


def _named_by_tasks(account: Account, document: Document | None) -> Mapping[str, frozenset[str]]:
    """Returns the ids that each task names anywhere in its lines, notes such as its acceptance with them."""
    if document is None or not account.tasks:
        return {}
    ends = [task.line - 1 for task in account.tasks[1:]] + [len(document.lines)]
    return {
        task.id: ids_in("\n".join(document.lines[task.line - 1 : end]).split("\n#")[0])
        for task, end in zip(account.tasks, ends, strict=True)
    }


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
            yield from _missing_of(row.requirement, row, has_goals=bool(goals))
        yield from _unchecked(account, row)
    yield from _unproved(account, rows, proof, facts)


def _missing_of(requirement: Criterion, row: Row, *, has_goals: bool) -> Iterator[Missing]:
    where = f"{ARTIFACTS['spec']}:{requirement.line}"
    if has_goals and not row.goals:
        yield Missing(requirement.id, "it names no success criterion", where)
    if not row.checks:
        yield Missing(requirement.id, "no acceptance criterion names it", where)
    if not row.tasks:
        yield Missing(requirement.id, "no task names it or a criterion of it", where)


def _unchecked(account: Account, row: Row) -> Iterator[Missing]:
    for check in row.checks:
        where = f"{ARTIFACTS[account.criteria_in]}:{check.criterion.line}"
        if row.requirement is None and account.criteria_in == "spec":
            yield Missing(check.criterion.id, "it names no requirement", where)
        if not check.report:
            yield Missing(check.criterion.id, "nothing says how it was checked", where)


def _unproved(
    account: Account, rows: Sequence[Row], proof: Mapping[str, Sequence[CodeCommit]], facts: Facts
) -> Iterator[Missing]:
    loose = {task.id for row in rows if row.requirement is None for task in row.tasks}
    asks = not (facts.unseen or account.no_code)
    for task in account.tasks:
        where = f"{ARTIFACTS['tasks']}:{task.line}"
        if task.id in loose and len(rows) > 1:
            yield Missing(f"task {task.id}", "it names no requirement or criterion", where)
        if asks and task.done and not proof.get(task.id) and task.id not in (facts.kept or ()):
            yield Missing(f"task {task.id}", "no commit shows that it was done", where)
