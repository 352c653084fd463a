"""The account: what a session's documents say about its code. Pure, and linear in what they hold.

People write the same thing in many ways. Ids are read as AC-1, AC1 and AC-01; a path also as a link, with a
line behind it, or as part of an address; a criterion as an item, a row, a paragraph or a section of its own.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.constitution.checks.document import (
    Document,
    Heading,
    Notice,
    headings,
    sections_called,
)
from idse_orchestrator.constitution.checks.sections import body_lines
from idse_orchestrator.constitution.checks.stages import is_table_row, items
from idse_orchestrator.documents.project_workspace import IMPLEMENTATION

if TYPE_CHECKING:
    from collections.abc import Iterable

    from idse_orchestrator.constitution.rules import Constitution, Rule
    from idse_orchestrator.documents.markdown import Section
    from idse_orchestrator.documents.task_list import Task

READ = (IMPLEMENTATION, "tasks", "plan", "spec", "intent")
"""Stages whose documents an account is made of."""

_COMMIT = re.compile(r"(?<![\w/.#=+-])(?P<repo>[\w.-]+(?:/[\w.-]+)?@)?(?P<id>[0-9a-f]{7,40})(?![\w-]|\.\w)")
_BEFORE_COMMIT = re.compile(r"(?:\bcommits?[\s`:(\[]+|/commit/|\band[\s`]+|,[\s`]+)$", re.IGNORECASE)
_NEAR = 40
"""Characters before a commit that are looked at."""
_BEGINS = re.compile(r"\s*(?:[-*+]|\d{1,9}[.)])\s+[`*(\[]*$")
_SAYS_COMMIT = re.compile(r"\b(?:commits?|cherry-picked|squashed|merge commit)\b", re.IGNORECASE)
_NO_COMMIT = re.compile(
    r"\b(?:sha-?\d*|md5|digest|checksum|hash|blob|tree|uuid|etag|serial)\b", re.IGNORECASE
)
_NO_CODE = re.compile(r"[\s>*_+-]*No code:[*_]*\s*(?P<why>\S.*)", re.IGNORECASE)
_REASON = re.compile(r"\w+\W+\w")
_SHORTEST_REASON = 8
"""Characters: "n/a" is no reason."""

_PART = r"[A-Z]{1,6}(?:-[A-Z]{1,6}){0,3}-?\d{1,4}(?:\.\d{1,4}){0,3}"
_USUAL = r"(?i:AC|SC|FR|NFR|US)[ _-]?\d{1,4}(?:\.\d{1,4}){0,3}"
_ID = re.compile(rf"(?<![\w-])(?:{_PART}(?:-{_PART}){{0,2}}|{_USUAL})(?!\w)")
_RANGE = re.compile(
    r"\b([A-Z]{1,6})-?(\d{1,4})\s*(?:\u2013|—|-|\.{2,3}|/|to|through|until)\s*(?:\1-?)?(\d{1,4})\b"
)
_LETTERS = re.compile(r"([A-Z]+)[ _-]?0*(\d)")
_OPENING = re.compile(r"[\s*_`\[(~]*")
_WORD = re.compile(r"[^\W_]{4,}|\d+")
_SYMBOL = re.compile(r"[\u2600-\u27bf\U0001f300-\U0001faff]")
_MOST_IN_RANGE = 200
_SHARED = 0.5
"""Which part of a criterion's words a report has that is about it."""

_PATH = re.compile(r"[^\s`*\"'<>()\[\]{}|,;]+")
_PLACE_IN = re.compile(r"(?::\d[\d:-]*|#.*|::.*|:)$")
_UP = re.compile(r"^(?:\.{1,2}/|/)+")
_ADDRESS = re.compile(r"^[a-z]+://.*?/(?:blob|tree|src|raw)/(?:[0-9a-f]{7,40}|[^/]+)/")
_LINK = re.compile(r"\[[^\]]*\]\((?P<to>[^)]+)\)")
_ASIDE = re.compile(r"\s+\([^()]*\)$|^(?:NEW|CHANGED|MODIFIED|DELETED)\s+")
_WILD = re.compile(r"[*?{}\[\]]")


class Criterion(NamedTuple):
    """A thing to be checked: `id` as it is compared ("" where it has none), and the line it stands in."""

    id: str
    text: str
    line: int


class NamedCommit(NamedTuple):
    """A commit that the implementation names by `id`, hexadecimal, whole or its beginning.

    `is_sure` is False where the words around it do not say that it is one.
    """

    id: str
    line: int
    is_sure: bool = True


class Account(NamedTuple):
    """Holds what a session's documents say about its code.

    `elsewhere` holds commits of other repositories, as they are written. `criteria` stand in the document of
    the stage `criteria_in`; `reports` are what the implementation says of checks, line and text. `mentioned`
    are paths of files and folders that any document names.
    """

    commits: tuple[NamedCommit, ...] = ()
    elsewhere: tuple[str, ...] = ()
    criteria: tuple[Criterion, ...] = ()
    criteria_in: str = ""
    reports: tuple[tuple[int, str], ...] = ()
    tasks: tuple[Task, ...] = ()
    no_code: str = ""
    no_code_line: int = 0
    mentioned: frozenset[str] = frozenset()

    @property
    def paths(self) -> tuple[str, ...]:
        """The paths that ticked tasks declare."""
        return tuple(dict.fromkeys(path for task in self.tasks if task.done for path in task.paths))

    def named(self, commits: Iterable[str]) -> frozenset[str]:
        """Returns those of `commits`, whole ids, that the implementation names."""
        by_length: dict[int, set[str]] = {}
        for each in self.commits:
            by_length.setdefault(len(each.id), set()).add(each.id)
        return frozenset(
            commit for commit in commits if any(commit[:n] in ids for n, ids in by_length.items())
        )


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
        _mentioned([documents[each].text for each in (IMPLEMENTATION, "tasks", "plan") if each in documents]),
    )


def code_denied(document: Document, _options: Mapping[str, object]) -> Iterator[Notice]:
    """Yields a notice where `document` says that no code was changed, and why."""
    why, line = _no_code(document)
    if why:
        yield Notice(line, 1, {"why": why})


def _heading(rule: Rule, stage: str) -> Heading:
    return headings(rule.options, stage)[0]


def _lines(document: Document) -> Iterator[tuple[int, str]]:
    """Yields the lines that are neither code nor comment."""
    hidden = document.outline.code | document.outline.comments
    return ((number, line) for number, line in enumerate(document.lines, 1) if number not in hidden)


def _no_code(document: Document) -> tuple[str, int]:
    if "no code:" not in document.folded:
        return "", 0
    for number, line in _lines(document):
        found = None if line.lstrip().startswith(">") else _NO_CODE.match(line)
        if found and len(found["why"]) >= _SHORTEST_REASON and _REASON.search(found["why"]):
            return found["why"].strip(), number
    return "", 0


def _commits(document: Document) -> tuple[tuple[NamedCommit, ...], tuple[str, ...]]:
    found: dict[str, NamedCommit] = {}
    elsewhere: dict[str, None] = {}
    for number, line in _lines(document):
        says = bool(_SAYS_COMMIT.search(line))
        denies = bool(_NO_COMMIT.search(line))
        for match in _COMMIT.finditer(line):
            name = match["id"]
            if match["repo"]:
                if says and _is_mixed(name):
                    elsewhere[match[0]] = None
                continue
            before = line[max(0, match.start() - _NEAR) : match.start()]
            sure = not denies and _is_surely_commit(name, before, says=says)
            known = found.get(name)
            if known is None or (sure and not known.is_sure):
                found[name] = NamedCommit(name, number, sure)
    return tuple(found.values()), tuple(elsewhere)


def _is_surely_commit(name: str, before: str, *, says: bool) -> bool:
    """Tests whether the words around a run of hexadecimal digits say that it is a commit."""
    if says and _BEFORE_COMMIT.search(before):
        return any(map(str.isdigit, name))
    return _is_mixed(name) and (says or bool(_BEGINS.fullmatch(before)))


def _is_mixed(name: str) -> bool:
    return any(map(str.isdigit, name)) and any(map(str.isalpha, name))


def criteria_in(document: Document, wanted: Heading) -> Iterator[Criterion]:
    """Yields what stands in the section `wanted`: items, paragraphs, rows, sections of their own."""
    for section in sections_called(document, wanted):
        for line, words in _entries(document, section, of_sections=True):
            named = _ID.match(words, _end_of_opening(words))
            yield Criterion(_normal(named[0]) if named else "", words, line)


def _end_of_opening(words: str) -> int:
    found = _OPENING.match(words)
    return found.end() if found else 0


def _reports(document: Document, wanted: Heading) -> Iterator[tuple[int, str]]:
    for section in sections_called(document, wanted):
        yield from _entries(document, section, of_sections=False)


def _entries(document: Document, section: Section, *, of_sections: bool) -> Iterator[tuple[int, str]]:
    """Yields entries of a section, each as line and text.

    Sections below it are an entry each, with all that they hold. What else they hold counts by itself, too,
    unless entries are `of_sections` alone where there are any.
    """
    below = [
        each
        for each in document.outline.sections
        if section.first <= each.line <= section.last and each.level > section.level
    ]
    tops = [each for each in below if not any(up.line < each.line <= up.last for up in below)]
    for each in tops:
        body = " ".join(line.strip() for line in document.lines[each.first - 1 : each.last])
        yield each.line, f"{each.title} {body}".strip()
    inside = {line for each in tops for line in range(each.line, each.last + 1)} if of_sections else set()
    rows = [(line, words) for line, words in body_lines(document, section) if words.lstrip().startswith("|")]
    for before, (line, words) in zip([(0, ""), *rows], rows, strict=False):
        is_head = before[0] != line - 1
        if is_table_row(words) and not is_head and line not in inside:
            yield line, words.strip().strip("|").strip()
    for item in items(document, section):
        if not item.lines[0].startswith("|") and item.line not in inside:
            yield item.line, " ".join(item.lines)


def _normal(name: str) -> str:
    return _LETTERS.sub(r"\1-\2", name.upper().replace("_", "-"))


def ids_in(words: str) -> frozenset[str]:
    """Returns the ids that `words` name, as AC-1 or AC1, those of a range such as AC-1 to AC-4 with them."""
    found = {_normal(match[0]) for match in _ID.finditer(words)}
    for name, first, last in _RANGE.findall(words):
        if 0 <= int(last) - int(first) < _MOST_IN_RANGE:
            found.update(f"{name}-{number}" for number in range(int(first), int(last) + 1))
    return frozenset(found)


class Reports:
    """The reports of an account, to be asked about many criteria."""

    def __init__(self, account: Account) -> None:
        self._reports = account.reports
        self._by_id: dict[str, list[int]] = {}
        self._by_word: dict[str, list[int]] = {}
        for number, (_, words) in enumerate(account.reports):
            for name in ids_in(words):
                self._by_id.setdefault(name, []).append(number)
            for word in _words(words):
                self._by_word.setdefault(word, []).append(number)

    def of(self, criterion: Criterion) -> tuple[int, str] | None:
        """Returns the line and text that says how `criterion` was checked, None where nothing does."""
        own = _words(criterion.text)
        if criterion.id:
            places = self._by_id.get(criterion.id, [])
            told = (self._reports[place] for place in places)
            return next((each for each in told if _says_more(each[1], criterion.text)), None)
        shared = Counter(place for word in own for place in self._by_word.get(word, ())[:_MOST_IN_RANGE])
        close = sorted(place for place, count in shared.items() if count >= _SHARED * len(own))
        return next((self._reports[place] for place in close if _words(self._reports[place][1]) - own), None)


def _says_more(report: str, criterion: str) -> bool:
    """Tests whether a report says anything beside ids and the criterion itself."""
    rest = _ID.sub(" ", report)
    own = {word.casefold() for word in re.findall(r"\w+", criterion)}
    says = any(word.casefold() not in own for word in re.findall(r"\w+", rest))
    return says or bool(_SYMBOL.search(rest))


def _words(text: str) -> frozenset[str]:
    return frozenset(word.casefold() for word in _WORD.findall(_ID.sub(" ", text)))


def _mentioned(texts: Sequence[str]) -> frozenset[str]:
    """Returns the paths that `texts` name, each file or folder once.

    A name without a stroke or dot may be a word, so it counts as code only, or as a folder with its stroke.
    """
    found: set[str] = set()
    for text in texts:
        found.update(match[1] for match in re.finditer(r"`([\w.-]+)`", text))
        for match in _PATH.finditer(text):
            word = match[0]
            if "/" in word or "\\" in word or "." in word[1:-1]:
                found.update(_places(word))
    return frozenset(found)


def _places(word: str) -> Iterator[str]:
    plain = place_of(word.rstrip(".:!?"))
    if "/" in plain or "." in plain or word.endswith("/"):
        yield plain
        yield plain.strip("_~")


def place_of(declared: str) -> str:
    """Returns the file or folder that is meant: a link's target, the folder of a pattern, no line number."""
    link = _LINK.search(declared)
    plain = _ASIDE.sub("", link["to"] if link else declared).strip().replace("\\", "/")
    plain = _PLACE_IN.sub("", _ADDRESS.sub("", plain))
    wild = _WILD.search(plain)
    plain = plain[: wild.start()].rpartition("/")[0] if wild else plain
    kept: list[str] = []
    for part in _UP.sub("", plain).split("/"):
        if part == ".." and kept:
            kept.pop()
        elif part not in ("", ".", ".."):
            kept.append(part)
    return "/".join(kept)
