"""Where feedback says that a claim does not hold: list items that are marked so, and name the claim.

An item counts when it stands under a heading that begins with one of HEADINGS, at any level, or when it
begins with one of LABELS, and then a colon or a claim's id. It names a claim by its id, or by enough of its
words. An item that is ticked does not count any more, and neither does what is struck out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from idse_orchestrator.domain.claim_words import THRESHOLD, ids_in, shared, words_of
from idse_orchestrator.domain.headings import names_start
from idse_orchestrator.domain.statements import Statement

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


def contradictions(
    claim: str, text: str, session: str, feedback: Iterable[Statement]
) -> Iterator[Contradiction]:
    """What the feedback of `session` says against the claim of that id and text."""
    words = words_of(text)
    for statement in feedback:
        said = _said(statement)
        if said and (claim in ids_in(said) or shared(words, words_of(said)) >= THRESHOLD):
            yield Contradiction(session, statement.line, statement.text)


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
