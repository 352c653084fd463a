"""The statements of a document, each under its headings: list items, and sentences; and those that deny.

Code, comments, quotes, headings, help in italics, what is struck out and what still asks for input state
nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.claims.words import THRESHOLD, Words, ids_in, shared, words_of
from idse_orchestrator.documents.markdown import Outline, names_start, outline_of, without_comments

SECTIONS: Mapping[str, tuple[str, ...]] = {
    "requirements": (
        "functional requirements",
        "non functional requirements",
        "nonfunctional requirements",
        "quality requirements",
        "requirements",
        "nfrs",
        "nfr",
    ),
    "constraints": (
        "constraints",
        "technical constraints",
        "assumptions constraints",
        "compliance",
        "limits",
    ),
    "decisions": ("decision log", "decisions", "decision", "decision record", "architecture decisions"),
}
"""A kind of statement to the beginnings of the headings under which it stands; `headings.normalized`."""

HEADINGS = (
    "contradictions",
    "contradiction",
    "contradicted",
    "contradicts",
    "rejected",
    "rejections",
    "disproved",
)
"""Beginnings of headings under which something is denied, as `headings.normalized` makes them."""

UNASSERTED = (
    "open questions",
    "questions",
    "unresolved questions",
    "out of scope",
    "non goals",
    "alternatives",
    *HEADINGS,
)
"""Beginnings of headings under which nothing is asserted: it is asked, left out, or denied there."""

_BULLET = re.compile(r"(\s*)(?:[-*+]|\d{1,9}[.)])(?:\s+|$)")
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[^\s\d])")
_OPEN = re.compile(r"\[REQUIRES INPUT|\{\{|\{%", re.IGNORECASE)
_HELP = re.compile(r"([*_])(?![*_\s])[^*_]+\1")
_STRUCK = re.compile(r"~~(?!\s).*?~~")
_RULER = re.compile(r"[-*_=|:\s]*")
_LONGEST = 2000

LABELS = ("contradicts", "contradicted", "contradiction", "rejects", "rejected", "disproved")
_SIGNS = tuple(word.encode() for word in ("contradict", "reject", "disprove"))
"""One of them is in every heading and every label that counts."""
_TICK = re.compile(r"\[([ xX]?)\]\s*")
_LABEL = re.compile(
    rf"[*_]{{0,3}}(?:{'|'.join(LABELS)})[*_]{{0,3}}(?:\s*:[*_]{{0,3}}\s*|\s+(?=`?c-[0-9a-f]{{10}}))",
    re.IGNORECASE,
)


class Statement(NamedTuple):
    """One statement: its `text` on one line, the `line` it begins in, and whether it is a list item.

    `place` tells about the headings it stands under.
    """

    text: str
    line: int
    is_item: bool
    place: Place

    @property
    def kind(self) -> str:
        """The key of SECTIONS it stands under, by the innermost heading that is there; "" for none."""
        return self.place.kind

    @property
    def names(self) -> tuple[tuple[str, ...], ...]:
        """The headings it stands under, the innermost first, each by all its names."""
        return self.place.names

    @property
    def asserts(self) -> bool:
        """True if the document stands to it: it does not ask, and no heading over it says otherwise."""
        return self.place.asserts and not self.text.endswith("?")


class Place(NamedTuple):
    """The meaning of the headings over a part of a document for the statements in it."""

    names: tuple[tuple[str, ...], ...]
    kind: str
    asserts: bool


def statements_of(data: bytes) -> tuple[Statement, ...]:
    """Returns everything a document states, in its order; nothing where it is not text."""
    if b"\0" in data:
        return ()
    try:
        text = data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError:
        return ()
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    outline = outline_of(text)
    return tuple(_statements(text, outline))


def _statements(text: str, outline: Outline) -> Iterator[Statement]:
    under = _Headings(outline)
    for line, is_item, lines in _blocks(without_comments(text).split("\n"), outline):
        joined = " ".join(" ".join(lines).split())
        for part in (joined,) if is_item else _SENTENCE.split(joined):
            said = " ".join(_STRUCK.sub(" ", part).split()) if "~~" in part else part
            if 0 < len(said) <= _LONGEST and _says_something(said):
                yield Statement(said, line, is_item, under.at(line))


def _blocks(lines: Sequence[str], outline: Outline) -> Iterator[tuple[int, bool, list[str]]]:
    """Yields first line, whether it is an item, and the lines, of each run of text that belongs together."""
    first, is_item, held = 0, False, list[str]()
    for number, line in enumerate(lines, 1):
        skipped = number in outline.code or number in outline.headings or number in outline.comments
        bullet = _BULLET.match(line)
        quoted = line.lstrip().startswith(">")
        if held and (skipped or bullet or quoted or not line.strip()):
            yield first, is_item, held
            held = []
        if skipped or quoted or not line.strip():
            continue
        if not held:
            first, is_item = number, bullet is not None
        held.append(line[bullet.end() :] if bullet else line)
    if held:
        yield first, is_item, held


def _says_something(text: str) -> bool:
    return not (_OPEN.search(text) or _RULER.fullmatch(text) or _HELP.fullmatch(text))


class _Headings:
    """The headings over each line of a document; lines are asked for in their order."""

    def __init__(self, outline: Outline) -> None:
        self._sections = outline.sections
        self._next = 0
        self._open: list[tuple[int, tuple[str, ...]]] = []
        self._place = Place((), "", asserts=True)

    def at(self, line: int) -> Place:
        before = self._next
        while self._next < len(self._sections) and self._sections[self._next].line <= line:
            section = self._sections[self._next]
            while self._open and self._open[-1][0] >= section.level:
                self._open.pop()
            self._open.append((section.level, section.names))
            self._next += 1
        if self._next != before:
            self._place = _place(tuple(names for _, names in reversed(self._open)))
        return self._place


@lru_cache(maxsize=2048)
def _place(headings: tuple[tuple[str, ...], ...]) -> Place:
    kinds = (kind for names in headings for kind, starts in SECTIONS.items() if names_start(names, starts))
    return Place(headings, next(kinds, ""), not any(names_start(names, UNASSERTED) for names in headings))


class Contradiction(NamedTuple):
    """A line of a session's feedback that says a claim does not hold."""

    session: str
    line: int
    text: str


class Denial(NamedTuple):
    """A list item that speaks against something: the claims it names by id, and the words it has."""

    line: int
    text: str
    ids: frozenset[str]
    words: Words


def denials_of(data: bytes) -> tuple[Denial, ...]:
    """Returns everything that the feedback document `data` speaks against."""
    text = data.lower()
    if not any(sign in text for sign in _SIGNS):  # which is so of nearly all, and they need no parser
        return ()
    said = ((statement, _said(statement)) for statement in statements_of(data))
    return tuple(Denial(each.line, each.text, ids_in(what), words_of(what)) for each, what in said if what)


def contradictions(claim: str, text: str, session: str, denials: Iterable[Denial]) -> Iterator[Contradiction]:
    """Yields those `denials` of the feedback of `session` that are about the claim of that id and text."""
    words = words_of(text)
    for denial in denials:
        if claim in denial.ids or shared(words, denial.words) >= THRESHOLD:
            yield Contradiction(session, denial.line, denial.text)


def speaks_against(statement: Statement) -> bool:
    """Tests whether the statement denies something, so that it cannot bear out a claim."""
    tick = _TICK.match(statement.text)
    return _LABEL.match(statement.text, tick.end() if tick else 0) is not None


def _said(statement: Statement) -> str:
    """Returns the part of a list item that speaks against something; "" where none does."""
    if not statement.is_item:
        return ""
    tick = _TICK.match(statement.text)
    if tick and tick[1].strip():
        return ""
    said = statement.text[tick.end() if tick else 0 :].strip()
    label = _LABEL.match(said)
    if label:
        return said[label.end() :]
    return said if any(names_start(names, HEADINGS) for names in statement.names) else ""
