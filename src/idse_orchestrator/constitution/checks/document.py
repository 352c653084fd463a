"""A document as a check verb sees it, and what a verb answers."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, cast

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.constitution.rules import texts
from idse_orchestrator.documents.markdown import Outline, Section, names_start, normalized, outline_of
from idse_orchestrator.documents.project_workspace import EXECUTABLE, REGULAR, STAGE_OF, FileEntry

if TYPE_CHECKING:
    from idse_orchestrator.constitution.patterns import Pattern
    from idse_orchestrator.documents.task_doubts import TaskList

_LINE_END = re.compile(r"\n")


class Notice(NamedTuple):
    """One thing a check verb noticed. `line` and `column` count from 1; 0 means the whole file.

    `params` fill the placeholders of the rule's message and hint. `places` are the texts of all places that
    it is about, where that is not the one line: a waiver covers these, and no other.
    """

    line: int = 0
    column: int = 0
    params: Mapping[str, object] = {}
    places: Sequence[str] = ()


class TooCostlyError(Exception):
    """A check would cost more on this document than is left for it."""


class Budget:
    """Counts down the work that checks may still do, in units of about 5 ns.

    Work is counted and no clock is asked, so the same input has the same end.
    """

    def __init__(self, units: int, *, foresees: bool = True) -> None:
        self._left = units
        self._foresees = foresees

    def foresee(self, patterns: Iterable[Pattern], text: str, longest_line: int) -> None:
        """Takes away what `patterns` may cost on `text`; those of the core are known to cost little."""
        if self._foresees:
            self.spend(sum(each.units(text, longest_line) for each in patterns))

    def spend(self, units: int) -> None:
        """Takes `units` away; TooCostlyError, and nothing is taken, where they are not there."""
        if units > self._left:
            raise TooCostlyError
        self._left -= units


class Document:
    """One file of a session. Its text and outline are made when first asked for, and once.

    A check says to `budget` what it is about to do wherever that depends on more than the file's size.
    """

    def __init__(self, path: str, entry: FileEntry, data: bytes) -> None:
        self.path = path
        self.entry = entry
        self.data = data
        self.budget = Budget(1 << 62)
        self.stage = STAGE_OF.get(path, "")
        """The stage whose artifact this is; "" for a side file."""

    @property
    def is_regular(self) -> bool:
        """True if git would record a plain file, executable or not."""
        return self.entry.mode in (REGULAR, EXECUTABLE)

    @property
    def size(self) -> int:
        """Bytes of the content, also where it was too large to be read."""
        return max(self.entry.size, len(self.data))

    @cached_property
    def decoding_problem(self) -> int | None:
        """Offset of the first byte that is not UTF-8; None where there is none."""
        try:
            self.data.decode("utf-8")
        except UnicodeDecodeError as error:
            return error.start
        return None

    @property
    def is_text(self) -> bool:
        """True if `text` is all there is: UTF-8 without NUL bytes."""
        return b"\0" not in self.data and self.decoding_problem is None

    @cached_property
    def text(self) -> str:
        """The content: lines end in a line feed, no byte order mark, U+FFFD for bytes that are not UTF-8."""
        text = self.data.decode("utf-8", "replace").removeprefix("\ufeff")
        return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text

    @cached_property
    def lines(self) -> list[str]:
        """The lines of `text`; line number n is ``lines[n - 1]``."""
        return self.text.split("\n")

    @cached_property
    def longest_line(self) -> int:
        """Characters of the longest line."""
        return max(map(len, self.lines))

    @cached_property
    def folded(self) -> str:
        """`text` for looking up words in any case: as `folded` folds them, character for character."""
        return folded(self.text)

    @cached_property
    def outline(self) -> Outline:
        """The Markdown structure of `text`."""
        return outline_of(self.text)

    @cached_property
    def sections_by_name(self) -> Mapping[str, Sequence[Section]]:
        """The sections by each name that their headings go by."""
        found: dict[str, list[Section]] = {}
        for section in self.outline.sections:
            for name in section.names:
                found.setdefault(name, []).append(section)
        return found

    @cached_property
    def task_list(self) -> TaskList:
        """The tasks of `text`, each under the heading before it."""
        from idse_orchestrator.documents.task_doubts import task_list_of

        phases = [(section.line, section.title) for section in self.outline.sections]
        return task_list_of(self.lines, self.outline.code | self.outline.comments, phases)

    def place(self, offset: int) -> tuple[int, int]:
        """Returns line and column of a character of `text`, both from 1."""
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1

    def start_of(self, line: int) -> int:
        """Offset in `text` of the first character of `line`; the end of `text` for later lines."""
        return self._starts[line - 1] if line <= len(self._starts) else len(self.text)

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *(found.end() for found in _LINE_END.finditer(self.text))]


_SAME_LETTER = {"\u0130": "i", "\u0131": "i", "\u017f": "s", "\u212a": "k"}


def folded(text: str) -> str:
    """Returns `text` in lower case, of the same length.

    Letters beyond ASCII that a pattern takes for one of ASCII in another case are that one.
    """
    if not text.isascii():
        for letter, plain in _SAME_LETTER.items():  # several times as fast as `translate`
            text = text.replace(letter, plain)
    return text.lower()


Check = Callable[[Document, Mapping[str, object]], Iterable[Notice]]
"""A check verb: the document and the rule's options in, notices out. It must be pure."""

Heading = Mapping[str, object]
"""A section as a rule names it: ``{"name": …, "also": [aliases]}``."""


def text(options: Mapping[str, object], key: str) -> str:
    """Returns the text under `key`."""
    return cast("str", options[key])


def number(options: Mapping[str, object], key: str) -> int:
    """Returns the whole number under `key`."""
    return cast("int", options[key])


def heading(options: Mapping[str, object], key: str = "section") -> Heading:
    """Returns the section that the rule is about."""
    return cast("Heading", options[key])


def headings(options: Mapping[str, object], stage: str) -> Sequence[Heading]:
    """Returns the sections that the rule asks of the artifact of `stage`."""
    return cast("Mapping[str, Sequence[Heading]]", options["sections"]).get(stage, ())


def heading_name(wanted: Heading) -> str:
    """Returns the name that a message shows."""
    return cast("str", wanted["name"])


def sections_called(document: Document, wanted: Heading) -> list[Section]:
    """Returns the sections of `document` that go by the name of `wanted` or one of its aliases."""
    also = texts(wanted, "also")
    exact, starts = _wanted_names(heading_name(wanted), also)
    by_name = document.sections_by_name
    document.budget.spend(100 * (1 + len(also)) + 40 * len(starts) * len(by_name))
    found = {section.line: section for name in exact for section in by_name.get(name, ())}
    if starts:
        for name, sections in by_name.items():
            if names_start((name,), starts):
                found.update((section.line, section) for section in sections)
    return [found[line] for line in sorted(found)]


@lru_cache(maxsize=512)
def _wanted_names(name: str, also: tuple[str, ...]) -> tuple[frozenset[str], tuple[str, ...]]:
    """Whole names, and the starts that a trailing ``*`` asks for."""
    names = (name, *also)
    exact = frozenset(normalized(each) for each in names if not each.endswith("*"))
    return exact, tuple(normalized(each.removesuffix("*")) for each in names if each.endswith("*"))
