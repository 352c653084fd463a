"""Which ledger commits bear out a claim: how long each document has said so, and which of them are kept."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from idse_orchestrator.claims.gate import STABLE, Contradiction, Weighed
from idse_orchestrator.claims.statements import Statement, statements_of
from idse_orchestrator.claims.words import THRESHOLD, Words, ids_in, shared, words_of
from idse_orchestrator.documents.markdown import names_start

MOST_AT_ONCE = 12
"""So many pieces of evidence one event carries at most: the gate needs four."""

MOST = 60
"""So many a claim can have."""

_DAY = 86_400


class Version(NamedTuple):
    """One ledger commit of a session: its parents, when it was made (Unix time, ISO date), stage to blob."""

    commit: str
    parents: tuple[str, ...]
    committed: int
    day: str
    blobs: Mapping[str, str]


def reachable(history: Mapping[str, Version], tip: str, wanted: Callable[[Version], bool]) -> list[Version]:
    """The commits from `tip`, which comes first, back over all parents, as long as they are `wanted`."""
    waiting, seen = [tip], set[str]()
    found: list[Version] = []
    while waiting:
        commit = waiting.pop()
        version = history.get(commit)
        if version is None or commit in seen:
            continue
        seen.add(commit)
        if wanted(version):
            found.append(version)
            waiting.extend(version.parents)
    return found


def standing_run(
    history: Mapping[str, Version], tip: str, stage: str, says_so: Callable[[str], bool]
) -> tuple[Version, Version] | None:
    """The oldest and the newest ledger commit of the time for which the document has said so until now.

    From the tip one goes back over all parents, as long as the document of `stage` says so. None where
    the tip does not.
    """
    run = reachable(history, tip, lambda version: says_so(version.blobs.get(stage, "")))
    if not run:
        return None
    return min(run, key=lambda each: (each.committed, each.commit)), run[0]


def kept(found: Sequence[Weighed], known: Sequence[Weighed] = ()) -> tuple[Weighed, ...]:
    """What of `found` is worth to be recorded beside `known`, at most MOST_AT_ONCE and in a stable order.

    First what widens the time, then one for each new stage, each new session, and each stage of a session:
    so the gate says of what is kept the same as of all that was found.
    """
    fresh = sorted(set(found) - set(known), key=lambda each: (each.committed, each.evidence))
    wider = _wider(fresh, known)
    chosen = list(wider)
    for key in (_stage, _session, _pair):
        chosen += _first_of(fresh, key, map(key, (*known, *chosen)))
    room = max(0, min(MOST_AT_ONCE, MOST - len(known)))
    return tuple(dict.fromkeys(chosen))[:room]


def _stage(weighed: Weighed) -> str:
    return weighed.evidence.stage


def _session(weighed: Weighed) -> str:
    return weighed.evidence.session


def _pair(weighed: Weighed) -> tuple[str, str]:
    return weighed.evidence.session, weighed.evidence.stage


def _wider(fresh: Sequence[Weighed], known: Sequence[Weighed]) -> tuple[Weighed, ...]:
    """The oldest and the newest of `fresh`, where they stand outside of what is known.

    By a day or more, so that evidence does not grow with each commit; or by less, where they make the time
    long enough for the gate.
    """
    if not fresh:
        return ()
    counted = [each.committed for each in known if each.counts]
    if not counted:
        return tuple(dict.fromkeys((fresh[0], fresh[-1])))
    first, last = min(counted), max(counted)
    whole = max(last, fresh[-1].committed) - min(first, fresh[0].committed)
    least = 1 if last - first < STABLE <= whole else _DAY
    older = (fresh[0],) if first - fresh[0].committed >= least else ()
    newer = (fresh[-1],) if fresh[-1].committed - last >= least else ()
    return tuple(dict.fromkeys((*older, *newer)))


def _first_of(
    items: Iterable[Weighed], key: Callable[[Weighed], Hashable], taken: Iterable[Hashable]
) -> list[Weighed]:
    seen, found = set(taken), []
    for each in items:
        if key(each) not in seen:
            seen.add(key(each))
            found.append(each)
    return found


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
