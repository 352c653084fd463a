"""Evidence: whether the code of a repository bears out what a session's documents say was implemented.

`account_of` reads what the documents say, somebody looks up the facts it asks for, and `judge_evidence`
compares both. It is pure, and what it finds is turned into findings by rules, as hits in documents are.
Where the code cannot be seen, `Facts.unseen` says why, and nothing is judged: that is no pass, and no error.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from idse_orchestrator.constitution.checks.document import (
    Document,
    Heading,
    Notice,
    headings,
    sections_called,
)
from idse_orchestrator.constitution.checks.sections import body_lines
from idse_orchestrator.constitution.checks.stages import is_table_row, items
from idse_orchestrator.constitution.hits import Hit, marks
from idse_orchestrator.documents.project_workspace import ARTIFACTS, WORKSPACE
from idse_orchestrator.documents.task_list import plain_id

if TYPE_CHECKING:
    from idse_orchestrator.constitution.rules import Constitution, Rule
    from idse_orchestrator.documents.markdown import Section
    from idse_orchestrator.documents.task_list import Task

IMPLEMENTATION = "implementation"
READ = (IMPLEMENTATION, "tasks", "plan", "spec", "intent")
"""Stages whose documents an account is made of."""

_COMMIT = re.compile(r"(?<![\w/.#=+-])(?P<repo>[\w.-]+(?:/[\w.-]+)?@)?(?P<id>[0-9a-f]{7,40})(?![\w-]|\.\w)")
_SAYS_COMMIT = re.compile(r"\b(?:commit(?:s|ted)?|revisions?|merged?|cherry-pick(?:ed)?)\b", re.IGNORECASE)
_NO_COMMIT = re.compile(r"\b(?:sha-?\d*|md5|digest|checksum|hash|blob|tree|uuid|id)\b", re.IGNORECASE)
_NO_CODE = re.compile(r"[\s>*_+-]*No code:[*_]*\s*(?P<why>\S.*)", re.IGNORECASE)
_ID = re.compile(r"[*_`\[(]*(?P<name>[A-Z]{1,5})-?(?P<number>\d{1,4}(?:\.\d{1,4}){0,3})\b")
_RANGE = re.compile(
    r"\b([A-Z]{1,5})-?(\d{1,4})\s*(?:\u2013|—|-|\.{2,3}|to|through|until)\s*(?:\1-?)?(\d{1,4})\b"
)
_NAMED = re.compile(r"\b([A-Z]{1,5})-?(\d{1,4}(?:\.\d{1,4}){0,3})\b")
_WORD = re.compile(r"[^\W_]{4,}|\d+")
_MOST_IN_RANGE = 200
_SHARED = 0.5
"""Which part of a criterion's words a report has that is about it."""
_SHOWN = 60
_MOST_LISTED = 8


class Criterion(NamedTuple):
    """A thing to be checked: `id` as it is compared ("" where it has none), and the line it stands in."""

    id: str
    text: str
    line: int


class NamedCommit(NamedTuple):
    """A commit that the implementation names by `id`, hexadecimal, whole or its beginning."""

    id: str
    line: int


class Account(NamedTuple):
    """What a session's documents say about its code.

    `criteria` stand in the document of the stage `criteria_in`. `reports` are what the implementation says
    of checks: line and text. `texts` are all of its documents that lead to code. `elsewhere` holds commits of
    other repositories, as they are written.
    """

    commits: tuple[NamedCommit, ...] = ()
    elsewhere: tuple[str, ...] = ()
    criteria: tuple[Criterion, ...] = ()
    criteria_in: str = ""
    reports: tuple[tuple[int, str], ...] = ()
    tasks: tuple[Task, ...] = ()
    no_code: str = ""
    no_code_line: int = 0
    texts: str = ""

    @property
    def paths(self) -> tuple[str, ...]:
        """The paths that ticked tasks declare."""
        return tuple(dict.fromkeys(path for task in self.tasks if task.done for path in task.paths))


class CodeCommit(NamedTuple):
    """A commit of the session: the `paths` it changes outside of ``.idse/``, and tasks that trailers name."""

    id: str
    paths: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()


class Facts(NamedTuple):
    """What the repository shows. `unseen` says why it shows nothing, "" where it does.

    `commits` are those of the session that HEAD reaches, and that it did not reach when the session began;
    `others` counts commits since then that are of no session. `missing` are ids that the account names and
    that no commit has here, `absent` declared paths that HEAD does not have. `kept` says that the evidence of
    an earlier completion still stands, perhaps in other commits.
    """

    head: str = ""
    commits: tuple[CodeCommit, ...] = ()
    others: int = 0
    missing: frozenset[str] = frozenset()
    absent: frozenset[str] = frozenset()
    kept: bool = False
    unseen: str = ""


class Later(NamedTuple):
    """What became of the evidence of a completion: commits that are `gone`, or why none can be seen."""

    gone: tuple[str, ...] = ()
    unseen: str = ""


class Proof(NamedTuple):
    """How a part of the account is borne out: the commits that lead to each ticked task, by its id."""

    tasks: Mapping[str, Sequence[CodeCommit]]
    related: Sequence[CodeCommit]


def account_of(documents: Mapping[str, Document], constitution: Constitution) -> Account:
    """Returns what `documents`, by stage, say; one that is missing says nothing."""
    built = documents.get(IMPLEMENTATION)
    if built is None:
        return Account()
    commits, elsewhere = _commits(built)
    rule = next((rule for rule in constitution.rules if rule.check == "criteria_reported"), None)
    stage = next((each for each in ("spec", "intent") if each in documents), "")
    why, line = _no_code(built)
    tasks = documents["tasks"].task_list.tasks if "tasks" in documents else ()
    return Account(
        commits,
        elsewhere,
        tuple(criteria_in(documents[stage], _heading(rule, stage))) if stage and rule else (),
        stage,
        tuple(_reports(built, _heading(rule, IMPLEMENTATION))) if rule else (),
        tasks,
        why,
        line,
        "\n".join(documents[each].text for each in (IMPLEMENTATION, "tasks", "plan") if each in documents),
    )


def _heading(rule: Rule, stage: str) -> Heading:
    return headings(rule.options, stage)[0]


def _lines(document: Document) -> Iterator[tuple[int, str]]:
    """Yields the lines that are neither code nor comment."""
    hidden = document.outline.code | document.outline.comments
    return ((number, line) for number, line in enumerate(document.lines, 1) if number not in hidden)


def _no_code(document: Document) -> tuple[str, int]:
    for number, line in _lines(document):
        found = _NO_CODE.match(line)
        if found and not line.lstrip().startswith(">"):
            return found["why"].strip(), number
    return "", 0


def code_denied(document: Document, _options: Mapping[str, object]) -> Iterator[Notice]:
    """Yields a notice where `document` says that no code was changed, and why."""
    why, line = _no_code(document)
    if why:
        yield Notice(line, 1, {"why": why})


def _commits(document: Document) -> tuple[tuple[NamedCommit, ...], tuple[str, ...]]:
    found: dict[str, NamedCommit] = {}
    elsewhere: dict[str, None] = {}
    for number, line in _lines(document):
        for match in _COMMIT.finditer(line):
            if match["repo"]:
                elsewhere[match[0]] = None
            elif _is_commit(match["id"], line):
                found.setdefault(match["id"], NamedCommit(match["id"], number))
    return tuple(found.values()), tuple(elsewhere)


def _is_commit(name: str, line: str) -> bool:
    """Tests whether a run of hexadecimal digits is meant as a commit; words look like one, too."""
    if _SAYS_COMMIT.search(line):
        return any(letter.isdigit() for letter in name) or len(name) == 40
    is_mixed = any(letter.isdigit() for letter in name) and any(letter.isalpha() for letter in name)
    return is_mixed and not _NO_COMMIT.search(line)


def criteria_in(document: Document, wanted: Heading) -> Iterator[Criterion]:
    """Yields what stands in the section `wanted` of `document`: list items, paragraphs, rows of tables."""
    for section in sections_called(document, wanted):
        for line, words in _entries(document, section):
            named = _ID.match(words)
            yield Criterion(_id(named["name"], named["number"]) if named else "", words, line)


def _reports(document: Document, wanted: Heading) -> Iterator[tuple[int, str]]:
    for section in sections_called(document, wanted):
        yield from _entries(document, section)


def _entries(document: Document, section: Section) -> Iterator[tuple[int, str]]:
    """Yields list items, paragraphs and the rows of tables, each as line and text."""
    rows = [(line, words) for line, words in body_lines(document, section) if words.lstrip().startswith("|")]
    for before, (line, words) in zip([(0, ""), *rows], rows, strict=False):
        is_head = before[0] != line - 1
        if is_table_row(words) and not is_head:
            yield line, words.strip().strip("|").strip()
    for item in items(document, section):
        if not item.lines[0].startswith("|"):
            yield item.line, " ".join(item.lines)


def _id(name: str, number: str) -> str:
    return f"{name.upper()}-{number}"


def ids_in(words: str) -> frozenset[str]:
    """Returns the ids that `words` name, as AC-1 or AC1, those of a range such as AC-1 to AC-4 with them."""
    found = {_id(*match.groups()) for match in _NAMED.finditer(words)}
    for name, first, last in _RANGE.findall(words):
        if 0 <= int(last) - int(first) < _MOST_IN_RANGE:
            found.update(_id(name, str(number)) for number in range(int(first), int(last) + 1))
    return frozenset(found)


def report_of(account: Account, criterion: Criterion) -> tuple[int, str] | None:
    """Returns the line and text that says how `criterion` was checked, None where nothing does."""
    own = _words(criterion.text)
    for line, words in account.reports:
        said = _words(words)
        if criterion.id:
            is_about = criterion.id in ids_in(words)
        else:
            is_about = bool(own) and len(own & said) >= _SHARED * len(own)
        if is_about and said - own:
            return line, words
    return None


def _words(text: str) -> frozenset[str]:
    return frozenset(word.casefold() for word in _WORD.findall(_NAMED.sub(" ", text)))


def proof_of(account: Account, commits: Iterable[CodeCommit]) -> Proof:
    """Returns which of a session's `commits` bear out which ticked task, and which any document leads to."""
    places = _Places([commit for commit in commits if commit.paths])
    tasks = {task.id: places.of(task) for task in account.tasks if task.done}
    proving = {commit.id for found in tasks.values() for commit in found}
    files = {path for commit in places.code for path in commit.paths}
    told = {each for each in places.by_path if _mentions(account.texts, each, is_folder=each not in files)}
    named = tuple(each.id for each in account.commits)
    related = [
        each
        for each in places.code
        if each.id in proving
        or each.id.startswith(named)
        or any(not told.isdisjoint(_with_folders(path)) for path in each.paths)
    ]
    return Proof(tasks, related)


class _Places:
    """Commits by each path that they change and each folder above it: tasks and commits may be many."""

    def __init__(self, code: Sequence[CodeCommit]) -> None:
        self.code = code
        self.by_path: dict[str, list[int]] = {}
        self._by_task: dict[str, list[int]] = {}
        for number, commit in enumerate(code):
            for place in {each for path in commit.paths for each in _with_folders(path)}:
                self.by_path.setdefault(place, []).append(number)
            for task in {plain_id(each) for each in commit.tasks}:
                self._by_task.setdefault(task, []).append(number)

    def of(self, task: Task) -> Sequence[CodeCommit]:
        """Returns the commits that name `task`, or change what it declares."""
        found = {*self._by_task.get(task.id, ())}
        for declared in task.paths:
            folder = folder_of(declared)
            found.update(self.by_path.get(folder, ()) if folder else range(len(self.code)))
        return [self.code[number] for number in sorted(found)]


def _with_folders(path: str) -> Iterator[str]:
    while path:
        yield path
        path = path.rpartition("/")[0]


def folder_of(declared: str) -> str:
    """Returns the file or folder that a task declares; of a pattern such as ``src/*.py``, its folder."""
    plain = declared.partition("*")[0].rpartition("/")[0] if "*" in declared else declared
    return plain.rstrip("/")


def covers(declared: str, path: str) -> bool:
    """Tests whether a declared path is `path`, or a folder that it is in."""
    folder = folder_of(declared)
    return not folder or path == folder or path.startswith(f"{folder}/")


def _mentions(text: str, place: str, *, is_folder: bool) -> bool:
    """Tests whether `text` names a file or folder by its path: a part of a longer one does not count.

    A name alone may be a word of the text, so it is written as code, or a folder with its stroke.
    """
    for name in (f"{place}/", f"`{place}`") if is_folder and "/" not in place else (place, f"{place}/"):
        at = text.find(name)
        while at >= 0:
            before, after = text[at - 1 : at], text[at + len(name) : at + len(name) + 1]
            is_code = before == after == "`"
            if not (_in_path(before) or _in_path(after)) and (
                is_code or "/" in name or "." in name or "`" in name
            ):
                return True
            at = text.find(name, at + 1)
    return False


def _in_path(character: str) -> bool:
    return character.isalnum() or character in ("_", "-", "/")


def unseen_of(account: Account, facts: Facts) -> str:
    """Returns why the code cannot be judged here, "" where it can."""
    if facts.unseen or not account.elsewhere or any(commit.paths for commit in facts.commits):
        return facts.unseen
    return f"its code is elsewhere: {', '.join(account.elsewhere[:3])}"


def judge_evidence(constitution: Constitution, account: Account, facts: Facts) -> dict[str, list[Hit]]:
    """Returns what the rules about evidence notice, as hits by path in the session's folder."""
    found: dict[str, list[Hit]] = {}
    if unseen_of(account, facts):
        return found
    for rule in constitution.rules:
        check = _CHECKS.get(rule.check)
        for stage, line, params, *about in check(account, facts) if check else ():
            places = marks(about or [" ".join(params[name] for name in sorted(params))])
            hit = Hit(rule.id, line, 1 if line else 0, params, IMPLEMENTATION, places)
            found.setdefault(ARTIFACTS[stage], []).append(hit)
    return found


_Found = Iterator[tuple[str, int, dict[str, str], *tuple[str, ...]]]
"""Stage and line of a finding, its params, and the places that it is about if they are several."""


def _code_changed(account: Account, facts: Facts) -> _Found:
    code = [commit for commit in facts.commits if commit.paths]
    if account.no_code:
        if code:
            problem = f"the document says so, and {_short(code[0].id)} changes {code[0].paths[0]}"
            yield IMPLEMENTATION, account.no_code_line, {"problem": problem}
        return
    if facts.kept or proof_of(account, code).related:
        return
    yield IMPLEMENTATION, 0, {"problem": _why_no_code(facts, code)}


def _why_no_code(facts: Facts, code: Sequence[CodeCommit]) -> str:
    if code:
        names = _listed([_short(commit.id) for commit in code])
        return f"no document names {names}, or a file changed there"
    if not facts.head:
        return "there is no commit yet"
    if facts.commits:
        return f"its commits change nothing outside of {WORKSPACE}/"
    if facts.others:
        return "no commit since the session began is linked to it"
    return "there is no commit since the session began"


def _commits_exist(account: Account, facts: Facts) -> _Found:
    for named in account.commits:
        if named.id in facts.missing:
            yield IMPLEMENTATION, named.line, {"commit": named.id}


def _criteria_reported(account: Account, facts: Facts) -> _Found:
    del facts
    silent = [each for each in account.criteria if report_of(account, each) is None]
    if silent:
        where = f"{ARTIFACTS[account.criteria_in]}:{silent[0].line}"
        names = _listed([each.id or f'"{_cut(each.text)}"' for each in silent])
        share = f"{len(silent)} of {len(account.criteria)}"
        about = [each.id or each.text for each in silent]
        yield IMPLEMENTATION, 0, {"share": share, "criteria": names, "where": where}, *about


def _tasks_proved(account: Account, facts: Facts) -> _Found:
    if account.no_code or facts.kept or not _has_code(account, facts):
        return
    tasks = proof_of(account, facts.commits).tasks
    open_ones = [task for task in account.tasks if task.done and not tasks[task.id]]
    if open_ones:
        share = f"{len(open_ones)} of {len(tasks)}"
        names = _listed([task.id for task in open_ones])
        params = {"share": share, "tasks": names, "first": open_ones[0].id}
        yield "tasks", open_ones[0].line, params, *(task.id for task in open_ones)


def _files_there(account: Account, facts: Facts) -> _Found:
    if account.no_code or facts.kept or not _has_code(account, facts):
        return
    touched = [path for commit in facts.commits for path in commit.paths]
    for task in account.tasks:
        for declared in task.paths if task.done else ():
            if declared in facts.absent and not any(covers(declared, path) for path in touched):
                yield "tasks", task.line, {"task": task.id, "file": declared}


def _has_code(account: Account, facts: Facts) -> bool:
    """Tests whether there is any code to lead back to; that there is none is a finding of its own."""
    return bool(proof_of(account, facts.commits).related)


_CHECKS = {
    "code_changed": _code_changed,
    "commits_exist": _commits_exist,
    "criteria_reported": _criteria_reported,
    "tasks_proved": _tasks_proved,
    "files_there": _files_there,
}


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_MOST_LISTED])
    return f"{shown} and {len(names) - _MOST_LISTED} more" if len(names) > _MOST_LISTED else shown


def judge_kept(constitution: Constitution, gone: Sequence[str]) -> list[Hit]:
    """Returns what the rules notice where `gone` are commits that bore out a completion and are lost."""
    names = _listed([*map(_short, gone)])
    return [
        Hit(rule.id, params={"commits": names}, stage=IMPLEMENTATION, places=marks(gone))
        for rule in constitution.rules
        if rule.check == "evidence_kept"
    ]


def _short(commit: str) -> str:
    return commit[:7]


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
