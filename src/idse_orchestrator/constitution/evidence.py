"""Evidence: whether the code of a repository bears out what a session's documents say was implemented.

The account is what the documents say, somebody looks up the facts that it asks for, and `judge_evidence`
compares both. It is pure, and what it finds is turned into findings by rules, as hits in documents are.
Where the code cannot be seen, `Facts.unseen` says why, and code is not judged: that is no pass, and no error.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.constitution.account import Account, Reports, place_of
from idse_orchestrator.constitution.hits import Hit, marks
from idse_orchestrator.documents.project_workspace import ARTIFACTS, IMPLEMENTATION, WORKSPACE
from idse_orchestrator.documents.task_list import plain_id

if TYPE_CHECKING:
    from idse_orchestrator.constitution.rules import Constitution
    from idse_orchestrator.documents.task_list import Task

_SHOWN = 60
_MOST_LISTED = 8
_MOST_QUOTED = 3


class CodeCommit(NamedTuple):
    """A commit of the session: the `paths` it changes outside of ``.idse/``, and tasks that trailers name."""

    id: str
    paths: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()


class Facts(NamedTuple):
    """Holds what the repository shows of a session. `unseen` says why it shows nothing, "" where it does.

    `commits` are those of the session that HEAD reaches, and that it did not reach when the session began;
    `others` counts commits since then that are not linked to it. Of ids that the account names, `missing` are
    of no commit here, and `older` of commits from before. `absent` are declared paths that HEAD lacks.
    `kept` are the tasks of an earlier completion whose evidence still stands, perhaps in other commits; None
    where there is none.
    """

    head: str = ""
    commits: tuple[CodeCommit, ...] = ()
    others: int = 0
    missing: frozenset[str] = frozenset()
    older: frozenset[str] = frozenset()
    absent: frozenset[str] = frozenset()
    kept: frozenset[str] | None = None
    unseen: str = ""


class Later(NamedTuple):
    """Tells what became of the evidence of a completion.

    `gone` are its commits that are lost; `unseen` says why nothing can be seen here, and `said` what else a
    report has to say of it.
    """

    gone: tuple[str, ...] = ()
    unseen: str = ""
    said: str = ""


class Proof(NamedTuple):
    """How a part of the account is borne out: the commits that lead to each ticked task, by its id."""

    tasks: Mapping[str, Sequence[CodeCommit]]
    related: Sequence[CodeCommit]


def proof_of(account: Account, commits: Iterable[CodeCommit]) -> Proof:
    """Returns which of a session's `commits` bear out which ticked task, and which any document leads to."""
    places = _Places([commit for commit in commits if commit.paths])
    tasks = {task.id: places.of(task) for task in account.tasks if task.done}
    proving = {commit.id for found in tasks.values() for commit in found}
    proving |= account.named(commit.id for commit in places.code)
    related = [
        each
        for each in places.code
        if each.id in proving
        or any(not account.mentioned.isdisjoint(_with_folders(path)) for path in each.paths)
    ]
    return Proof(tasks, related)


class _Places:
    """Commits by each path that they change and each folder above it: tasks and commits may be many."""

    def __init__(self, code: Sequence[CodeCommit]) -> None:
        self.code = code
        self._by_path: dict[str, list[int]] = {}
        self._by_task: dict[str, list[int]] = {}
        for number, commit in enumerate(code):
            for place in {each for path in commit.paths for each in _with_folders(path)}:
                self._by_path.setdefault(place, []).append(number)
            for task in {plain_id(each) for each in commit.tasks}:
                self._by_task.setdefault(task, []).append(number)

    def of(self, task: Task) -> Sequence[CodeCommit]:
        """Returns the commits that name `task`, or change what it declares."""
        found = {*self._by_task.get(task.id, ())}
        for declared in task.paths:
            place = place_of(declared)
            found.update(self._by_path.get(place, ()) if place else range(len(self.code)))
        return [self.code[number] for number in sorted(found)]


@lru_cache(maxsize=1 << 14)
def _with_folders(path: str) -> tuple[str, ...]:
    """Returns `path` and the folders above it; many commits change the same few."""
    found = [path]
    while above := found[-1].rpartition("/")[0]:
        found.append(above)
    return tuple(found)


def unseen_of(account: Account, facts: Facts) -> str:
    """Returns why the code cannot be judged here, "" where it can."""
    if facts.unseen or not account.elsewhere or any(commit.paths for commit in facts.commits):
        return facts.unseen
    return f"its code is elsewhere: {', '.join(account.elsewhere[:3])}"


def judge_evidence(constitution: Constitution, account: Account, facts: Facts) -> dict[str, list[Hit]]:
    """Returns what the rules about evidence notice, as hits by path in the session's folder."""
    found: dict[str, list[Hit]] = {}
    judged = _Judged(account, facts, proof_of(account, facts.commits))
    unseen = unseen_of(account, facts)
    for rule in constitution.rules:
        check = _CHECKS.get(rule.check)
        if check is None or (
            unseen and check not in (_ALWAYS if facts.unseen else (*_ALWAYS, _commits_exist))
        ):
            continue
        for stage, line, params, *about in check(judged):
            places = marks(about or [" ".join(params[name] for name in sorted(params))])
            hit = Hit(rule.id, line, 1 if line else 0, params, IMPLEMENTATION, places)
            found.setdefault(ARTIFACTS[stage], []).append(hit)
    return found


class _Judged(NamedTuple):
    account: Account
    facts: Facts
    proof: Proof

    @property
    def excused(self) -> bool:
        """True where no code is there, or none is to be there: another finding tells that, once."""
        return bool(self.account.no_code) or not (self.proof.related or self.facts.kept is not None)

    def new_tasks(self) -> Iterator[Task]:
        """Yields the ticked tasks, without those of an earlier completion that still stands."""
        return (
            task
            for task in self.account.tasks
            if task.done and task.id not in (self.facts.kept or frozenset())
        )


_Found = Iterator[tuple[str, int, dict[str, str], *tuple[str, ...]]]
"""Stage and line of a finding, its params, and the places that it is about if they are several."""


def _code_changed(judged: _Judged) -> _Found:
    account, facts = judged.account, judged.facts
    code = [commit for commit in facts.commits if commit.paths]
    if account.no_code:
        if code:
            problem = f"it says that there is none, and {_short(code[0].id)} changes {code[0].paths[0]}"
            yield IMPLEMENTATION, account.no_code_line, {"problem": problem}
    elif facts.kept is None and not judged.proof.related:
        yield IMPLEMENTATION, 0, {"problem": _why_no_code(facts, code)}


def _why_no_code(facts: Facts, code: Sequence[CodeCommit]) -> str:
    if code:
        names = _listed([_short(commit.id) for commit in code])
        return f"no document names {names}, or a file changed there"
    if not facts.head:
        return "there is no commit yet"
    if facts.older:
        return f"{_listed([_short(name) for name in sorted(facts.older)])} was there before the session began"
    if facts.others:
        many = "of the commits" if facts.others > 1 else "commit"
        return f"no {many} since the session began is linked to it: name the one with the work"
    if facts.commits:
        return f"its commits change nothing outside of {WORKSPACE}/"
    return "there is no commit since the session began"


def _commits_exist(judged: _Judged) -> _Found:
    for named in judged.account.commits:
        if named.is_sure and named.id in judged.facts.missing:
            yield IMPLEMENTATION, named.line, {"commit": named.id}


def _criteria_reported(judged: _Judged) -> _Found:
    account = judged.account
    reports = Reports(account)
    silent = [each for each in account.criteria if reports.of(each) is None]
    if silent:
        where = f"{ARTIFACTS[account.criteria_in]}:{silent[0].line}"
        names = _listed([each.id or f'"{_cut(each.text)}"' for each in silent], quotes=not silent[0].id)
        share = f"{len(silent)} of {len(account.criteria)}"
        about = [each.id or each.text for each in silent]
        yield IMPLEMENTATION, 0, {"share": share, "criteria": names, "where": where}, *about


def _tasks_proved(judged: _Judged) -> _Found:
    if judged.excused:
        return
    unproved = [task for task in judged.new_tasks() if not judged.proof.tasks[task.id]]
    if unproved:
        share = f"{len(unproved)} of {len(judged.proof.tasks)}"
        names = _listed([task.id for task in unproved])
        params = {"share": share, "tasks": names, "first": unproved[0].id}
        yield "tasks", unproved[0].line, params, *(task.id for task in unproved)


def _files_there(judged: _Judged) -> _Found:
    if judged.excused:
        return
    touched = {
        place for commit in judged.facts.commits for path in commit.paths for place in _with_folders(path)
    }
    for task in judged.new_tasks():
        for declared in task.paths:
            if declared in judged.facts.absent and place_of(declared) not in touched:
                yield "tasks", task.line, {"task": task.id, "file": declared}


_CHECKS = {
    "code_changed": _code_changed,
    "commits_exist": _commits_exist,
    "criteria_reported": _criteria_reported,
    "tasks_proved": _tasks_proved,
    "files_there": _files_there,
}


_ALWAYS = (_criteria_reported,)
"""Checks that need no code to be seen."""


def judge_kept(constitution: Constitution, gone: Sequence[str]) -> list[Hit]:
    """Returns what the rules notice where `gone` are commits that bore out a completion and are lost."""
    names = _listed([*map(_short, gone)])
    return [
        Hit(rule.id, params={"commits": names}, stage=IMPLEMENTATION, places=marks(gone))
        for rule in constitution.rules
        if rule.check == "evidence_kept"
    ]


def _listed(names: Sequence[str], *, quotes: bool = False) -> str:
    most = _MOST_QUOTED if quotes else _MOST_LISTED
    shown = ", ".join(names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown


def _short(commit: str) -> str:
    return commit[:7]


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
