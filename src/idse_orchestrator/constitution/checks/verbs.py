"""The closed set of check verbs: what each needs of a file, and what it tells a message.

The checks of a file as such (kind, size, text, secrets) stand here; those of a document have files of
their own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import cast

from idse_orchestrator.base.names import loaded
from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.base.text import is_unicode
from idse_orchestrator.constitution.checks import sections, stages
from idse_orchestrator.constitution.checks.document import Check, Document, Notice, number
from idse_orchestrator.constitution.patterns import pattern_of
from idse_orchestrator.constitution.rules import texts
from idse_orchestrator.documents.project_workspace import EXECUTABLE, GITLINK, SYMLINK

ANY_FILE = 0
"""Runs on whatever stands there, also on a symbolic link or a file too large to read."""

CONTENT = 1
"""Runs on the content of a regular file, text or not."""

TEXT = 2
"""Runs on a regular file that is UTF-8 without NUL bytes."""

SESSION = 3
"""No check of one file: `session_judgement` compares the session with its state."""

PLACES = 4
"""No check of one file: `placement_judgement` looks at where files stand."""

ENGINE = 5
"""Reported by the engine itself."""

CODE = 6
"""No check of one file: `evidence` compares what documents say with the code."""


class Verb(NamedTuple):
    """A check verb. `params` are the placeholders that it fills beyond the common ones.

    The check of a room above is named as ``module:function`` and loaded when a rule runs it.
    """

    needs: int
    params: tuple[str, ...] = ()
    run: Check | str | None = None

    @property
    def check(self) -> Check | None:
        """The check, loaded; ImportError where its room is not installed."""
        return cast("Check", loaded(self.run)) if isinstance(self.run, str) else self.run


_KINDS = {SYMLINK: "a symbolic link", GITLINK: "a submodule"}
_CONFLICT = re.compile(r"^(<{7}(?= |$)|={7}$|>{7}(?= |$))", re.MULTILINE)


def regular_file(document: Document, _options: Mapping[str, object]) -> Iterator[Notice]:
    """Yields a notice where git would record anything but a plain file."""
    if not document.is_regular:
        yield Notice(params={"kind": _KINDS.get(document.entry.mode, "no file")})


def not_executable(document: Document, _options: Mapping[str, object]) -> Iterator[Notice]:
    """Yields a notice where the executable bit is set."""
    if document.entry.mode == EXECUTABLE:
        yield Notice()


def utf8_name(document: Document, _options: Mapping[str, object]) -> Iterator[Notice]:
    """Yields a notice where the path holds bytes that are not UTF-8.

    Readers hand them on as lone surrogates.
    """
    if not is_unicode(document.path):
        yield Notice()


def max_size(document: Document, options: Mapping[str, object]) -> Iterator[Notice]:
    """Yields a notice where the file has more than `bytes` bytes."""
    limit = number(options, "bytes")
    if document.size > limit:
        yield Notice(params={"size": document.size, "limit": limit})


def utf8(document: Document, options: Mapping[str, object]) -> Iterator[Notice]:
    """Yields a notice at the first byte that is not UTF-8, in artifacts and files of `text_suffixes`."""
    if _is_text(document, options) and document.decoding_problem is not None:
        offset = document.decoding_problem
        line = document.data.count(b"\n", 0, offset) + 1
        column = offset - document.data.rfind(b"\n", 0, offset)
        yield Notice(line, column, {"byte": f"0x{document.data[offset]:02x}"})


def no_nul(document: Document, options: Mapping[str, object]) -> Iterator[Notice]:
    """Yields a notice at the first NUL byte, in artifacts and files of `text_suffixes`."""
    first = document.data.find(b"\0")
    if first >= 0 and _is_text(document, options):
        line = document.data.count(b"\n", 0, first) + 1
        column = first - document.data.rfind(b"\n", 0, first)
        yield Notice(line, column, {"count": document.data.count(b"\0")})


def no_conflict_markers(document: Document, _options: Mapping[str, object]) -> Iterator[Notice]:
    """Yields a notice at each merge conflict: the three kinds of marker lines in their order, code or not."""
    if b"<<<<<<<" not in document.data or b">>>>>>>" not in document.data:
        return
    opened = parted = 0
    for marker in _CONFLICT.finditer(document.text):
        if marker[1][0] == "<":
            opened, parted = document.place(marker.start())[0], 0
        elif marker[1][0] == "=":
            parted = opened
        elif parted:
            yield Notice(opened, 1, {"until": document.place(marker.start())[0]})
            opened = parted = 0


def _is_text(document: Document, options: Mapping[str, object]) -> bool:
    return bool(document.stage) or document.path.lower().endswith(texts(options, "text_suffixes"))


_SHOWN = 4


def no_secrets(document: Document, options: Mapping[str, object]) -> Iterator[Notice]:
    """Yields a notice at each text of one of `shapes`, in code too, unless it is plainly an example."""
    text, budget = document.text, document.budget
    taken: set[int] = set()
    for shape in cast("Sequence[Mapping[str, str]]", options["shapes"]):
        if shape["starts"] not in text:
            continue
        pattern = pattern_of(shape["pattern"], whole_word=not shape["pattern"].startswith("-"))
        if not pattern.may_match(text):
            continue
        budget.foresee([pattern], text, document.longest_line)
        for found in pattern.matcher.finditer(text):
            budget.spend(100)
            if found.start() not in taken and not _is_example(found[0], options):
                taken.add(found.start())
                params = {"kind": shape["kind"], "masked": _masked(found[0])}
                yield Notice(*document.place(found.start()), params)


def _is_example(token: str, options: Mapping[str, object]) -> bool:
    if token.startswith("-----"):
        return False
    low = token.casefold()
    if any(word in low for word in texts(options, "examples")):
        return True
    return len(set(token)) < number(options, "distinct")


def _masked(token: str) -> str:
    return f"{token[:_SHOWN]}… ({len(token)} characters)"


_HIDDEN = (
    r"\x01-\x08\x0b\x0e-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    r"\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
"""Of a class of characters: controls, and what Unicode shows nothing of or lets turn the text around it."""

_PICTURE = r"\u2190-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff"
_IDEOGRAPH = r"\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_IN_PLACE = (
    rf"(?<=[{_PICTURE}])\ufe0f?\u200d(?=[{_PICTURE}])",  # pictures made of several
    rf"(?<=[^\s{_HIDDEN}])[\ufe00-\ufe0f]",  # which form of the character before it is meant
    rf"(?<=[{_IDEOGRAPH}])[\U000e0100-\U000e01ef]",
    r"(?<=[\u1820-\u18aa])[\u180b-\u180f]",
    r"(?<=\U0001f3f4)[\U000e0030-\U000e0039\U000e0061-\U000e007a]{3,6}\U000e007f",  # flags of regions
    r"(?<=[\u0600-\u1cff])[\u200c\u200d](?=[\u0600-\u1cff])",  # letters that join, from Arabic to Vedic
    r"(?<=\w)\xad(?=\w)",  # where a word may be divided
)
"""Where scripts and pictures need one of them: it changes what is seen beside it."""

_TURNS = "\u061c\u200e\u200f"
_RIGHT_TO_LEFT = r"[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]"
_MOST_NAMED = 8


def no_hidden_text(document: Document, _options: Mapping[str, object]) -> Iterator[Notice]:
    """Yields a notice at each run of characters that a person does not see and an agent reads."""
    hidden, anywhere = _hidden_patterns()
    for found in hidden.finditer(document.path):
        yield Notice(params={"where": "the name of the file", "points": _points(found[0])})
    if not hidden.search(_odd_characters(document.text)):
        return
    run, end = "", -1
    for found in anywhere.finditer(document.text):
        if found[1] is None or _turns_in_place(document, found):
            continue
        if found.start() != end and run:
            yield _hidden_notice(document, end, run)
            run = ""
        run, end = run + found[1], found.end()
    if run:
        yield _hidden_notice(document, end, run)


_PLAIN = bytes([*b"\t\n\r", *range(0x20, 0x7F)])


def _odd_characters(text: str) -> str:
    """Returns what of `text` is not plain ASCII, at ten times the speed of a search through all of it."""
    return text.encode("utf-8", "surrogatepass").translate(None, _PLAIN).decode("utf-8", "surrogatepass")


@cache
def _hidden_patterns() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Returns what is hidden, and the same that takes what is in its place first, and gives the rest as 1."""
    in_place = "|".join(_IN_PLACE)
    return re.compile(f"[{_HIDDEN}]+"), re.compile(f"(?=[{_HIDDEN}])(?:{in_place}|([{_HIDDEN}]))")


def _turns_in_place(document: Document, found: re.Match[str]) -> bool:
    """Tests whether it is one mark of direction in a line that has words of a script that needs them."""
    if found[0] not in _TURNS or document.text[found.end() : found.end() + 1] in tuple(_TURNS):
        return False
    line, _ = document.place(found.start())
    return re.search(_RIGHT_TO_LEFT, document.lines[line - 1]) is not None


def _hidden_notice(document: Document, end: int, run: str) -> Notice:
    return Notice(*document.place(end - len(run)), {"where": "the file", "points": _points(run)})


def _points(run: str) -> str:
    """Returns the code points of `run`, in a form that is seen."""
    shown = " ".join(f"U+{ord(character):04X}" for character in run[:_MOST_NAMED])
    return shown if len(run) <= _MOST_NAMED else f"{shown} and {len(run) - _MOST_NAMED} more"


COMMON_PARAMS = ("artifact", "stage", "session", "project", "path")
"""Placeholders that every message and hint may hold."""

_PROFILES = "idse_orchestrator.profiles.checks:"

VERBS: Mapping[str, Verb] = MappingProxyType(
    {
        "regular_file": Verb(ANY_FILE, ("kind",), regular_file),
        "not_executable": Verb(ANY_FILE, (), not_executable),
        "utf8_name": Verb(ANY_FILE, (), utf8_name),
        "max_size": Verb(ANY_FILE, ("size", "limit"), max_size),
        "utf8": Verb(CONTENT, ("byte",), utf8),
        "no_nul": Verb(CONTENT, ("count",), no_nul),
        "no_conflict_markers": Verb(CONTENT, ("until",), no_conflict_markers),
        "no_secrets": Verb(CONTENT, ("kind", "masked"), no_secrets),
        "no_hidden_text": Verb(TEXT, ("where", "points"), no_hidden_text),
        "required_sections": Verb(TEXT, ("section",), sections.required_sections),
        "sections_filled": Verb(TEXT, ("section",), sections.sections_filled),
        "no_marker": Verb(TEXT, ("count", "marker", "lines"), sections.no_marker),
        "no_placeholder": Verb(TEXT, ("placeholder",), sections.no_placeholder),
        "agent_profile": Verb(TEXT, ("problem", "fix"), _PROFILES + "agent_profile"),
        "agent_profile_complete": Verb(TEXT, ("key",), _PROFILES + "agent_profile_complete"),
        "has_criteria": Verb(TEXT, ("section",), stages.has_criteria),
        "questions_answered": Verb(TEXT, ("question",), stages.questions_answered),
        "task_grammar": Verb(TEXT, ("problem",), stages.task_grammar),
        "task_doubts": Verb(TEXT, ("problem",), stages.task_doubts),
        "task_ids_unique": Verb(TEXT, ("task", "first"), stages.task_ids_unique),
        "task_dependencies_exist": Verb(TEXT, ("task", "dependency"), stages.task_dependencies_exist),
        "task_dependencies_acyclic": Verb(TEXT, ("cycle",), stages.task_dependencies_acyclic),
        "parallel_tasks_apart": Verb(TEXT, ("first", "second", "shared"), stages.parallel_tasks_apart),
        "tasks_ticked": Verb(TEXT, ("count", "total", "first"), stages.tasks_ticked),
        "has_tasks": Verb(TEXT, (), stages.has_tasks),
        "names_artifacts": Verb(TEXT, ("section",), stages.names_artifacts),
        "design_references": Verb(TEXT, ("reference",), stages.design_references),
        "designs_known": Verb(TEXT, ("reference", "problem", "guess"), stages.designs_known),
        "block_as_written": Verb(TEXT, ("problem",), "idse_orchestrator.claims.block:block_as_written"),
        "no_text": Verb(TEXT, ("text",), sections.no_text),
        "has_text": Verb(TEXT, ("texts",), sections.has_text),
        "artifact_exists": Verb(SESSION, ("status",)),
        "in_order": Verb(SESSION, ("status", "before", "problem", "mend")),
        "unchanged": Verb(SESSION, ("behind", "mend")),
        "upstream_unchanged": Verb(SESSION, ("causes", "others", "mend")),
        "code_denied": Verb(TEXT, ("why",), "idse_orchestrator.constitution.account:code_denied"),
        "code_changed": Verb(CODE, ("problem",)),
        "commits_exist": Verb(CODE, ("commit",)),
        "criteria_reported": Verb(CODE, ("share", "criteria", "where")),
        "tasks_proved": Verb(CODE, ("share", "tasks", "first")),
        "files_there": Verb(CODE, ("task", "file")),
        "evidence_kept": Verb(CODE, ("commits",)),
        "code_in_place": Verb(CODE, ("problem", "mend")),
        "canonical_place": Verb(PLACES, ("count", "folder")),
        "no_current_folder": Verb(PLACES),
        "views_not_committed": Verb(PLACES),
        "views_untouched": Verb(PLACES),
        "known_session": Verb(PLACES),
        "session_name": Verb(PLACES, ("kind", "name", "problem")),
        "check_ran": Verb(ENGINE, ("about", "verb", "why", "fix")),
    }
)
