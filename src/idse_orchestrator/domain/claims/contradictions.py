"""Where feedback says that a claim does not hold: list items that are marked so, and name the claim.

An item counts when it stands under a heading that begins with one of HEADINGS, at any level, or when it
begins with one of LABELS, and then a colon or a claim's id. It names a claim by its id, or by enough of its
words. An item that is ticked does not count any more, and neither does what is struck out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from idse_orchestrator.domain.claims.statements import Statement, statements_of
from idse_orchestrator.domain.claims.words import THRESHOLD, Words, ids_in, shared, words_of
from idse_orchestrator.domain.documents.headings import names_start

HEADINGS = (
    "contradictions",
    "contradiction",
    "contradicted",
    "contradicts",
    "rejected",
    "rejections",
    "disproved",
)
"""Beginnings of headings, as `headings.normalized` makes them."""

LABELS = ("contradicts", "contradicted", "contradiction", "rejects", "rejected", "disproved")

_SIGNS = tuple(word.encode() for word in ("contradict", "reject", "disprove"))
"""One of them is in every heading and every label that counts."""

_TICK = re.compile(r"\[([ xX]?)\]\s*")
_LABEL = re.compile(
    rf"[*_]{{0,3}}(?:{'|'.join(LABELS)})[*_]{{0,3}}(?:\s*:[*_]{{0,3}}\s*|\s+(?=`?c-[0-9a-f]{{10}}))",
    re.IGNORECASE,
)


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
    """Everything that the feedback document `data` speaks against."""
    text = data.lower()
    if not any(sign in text for sign in _SIGNS):  # which is so of nearly all, and they need no parser
        return ()
    said = ((statement, _said(statement)) for statement in statements_of(data))
    return tuple(Denial(each.line, each.text, ids_in(what), words_of(what)) for each, what in said if what)


def contradictions(claim: str, text: str, session: str, denials: Iterable[Denial]) -> Iterator[Contradiction]:
    """Those `denials` of the feedback of `session` that are about the claim of that id and text."""
    words = words_of(text)
    for denial in denials:
        if claim in denial.ids or shared(words, denial.words) >= THRESHOLD:
            yield Contradiction(session, denial.line, denial.text)


def speaks_against(statement: Statement) -> bool:
    """Whether the statement denies something, so that it cannot bear out a claim."""
    tick = _TICK.match(statement.text)
    return _LABEL.match(statement.text, tick.end() if tick else 0) is not None


def _said(statement: Statement) -> str:
    """The part of a list item that speaks against something; "" where none does."""
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
