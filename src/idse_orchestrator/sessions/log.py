"""Look back at a session, or at all of a project: who moved which stage when."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING

from idse_orchestrator.base.names import check_known
from idse_orchestrator.documents.project_workspace import STAGES
from idse_orchestrator.errors import CorruptLedgerError, UsageError
from idse_orchestrator.ledger.entries import MERGE, Drawn, Entry, LedgerHistory, Span
from idse_orchestrator.ledger.events import KINDS
from idse_orchestrator.sessions.status import no_ledger

if TYPE_CHECKING:
    from idse_orchestrator.ledger.events import SessionKey
    from idse_orchestrator.pipeline.ports import LedgerReader


@dataclass(frozen=True, slots=True)
class Wish:
    """Which entries the reader wants; an empty field wants all.

    `since` and `until` are dates as git understands them ("2 days ago", "2026-01-31").
    """

    limit: int | None = None
    stage: str = ""
    kind: str = ""
    agent: str = ""
    since: str = ""
    until: str = ""
    reverse: bool = False
    graph: bool = False
    color: bool = False

    @property
    def picks(self) -> bool:
        """True if entries must be looked at to know if they are wanted."""
        return bool(self.stage or self.kind or self.agent)


def log_of_session(
    ledgers: LedgerReader, history: LedgerHistory, key: SessionKey, wish: Wish
) -> Iterator[Drawn]:
    """Yields the entries of one session, newest first.

    UnknownNameError without a ledger or for a wrong word.
    """
    _check(wish)
    if key not in ledgers.sessions(key[0]):
        raise no_ledger(key)
    return _told(ledgers, history, Span(sessions=(key,)), wish)


def log_of_project(
    ledgers: LedgerReader, history: LedgerHistory, project: str, wish: Wish
) -> Iterator[Drawn]:
    """Yields the entries of all sessions of a project and of the project itself, newest first."""
    _check(wish)
    span = Span(sessions=tuple(ledgers.sessions(project)), projects=(project,))
    return _told(ledgers, history, span, wish)


def _told(ledgers: LedgerReader, history: LedgerHistory, span: Span, wish: Wish) -> Iterator[Drawn]:
    drawn = history.entries(_narrowed(span, wish))
    if wish.picks and not wish.graph:
        drawn = islice((item for item in drawn if _wanted(item.entry, wish)), wish.limit)
    marked = mark_not_applied(drawn, ledgers)
    return reversed(list(marked)) if wish.reverse else marked


def _narrowed(span: Span, wish: Wish) -> Span:
    """Returns `span` with all of the wish that git can answer by itself: a graph only git can thin out."""
    span = replace(span, since=wish.since, until=wish.until, graph=wish.graph, color=wish.color)
    if not wish.graph:
        return span if wish.picks else replace(span, limit=wish.limit)
    kind = "" if wish.kind == MERGE else wish.kind
    trailers = {"Stage": wish.stage, "Kind": kind, "Agent": wish.agent}
    grep = tuple(f"Idse-{name}: {value}" for name, value in trailers.items() if value)
    return replace(span, grep=grep, limit=wish.limit, merges=wish.kind == MERGE)


def _wanted(entry: Entry | None, wish: Wish) -> bool:
    """Tests whether `entry` is wanted; damage always is, since nobody can say what it was."""
    if entry is None or entry.damage:
        return True
    return (
        wish.stage in ("", entry.text("stage"))
        and wish.kind in ("", entry.kind)
        and wish.agent in ("", entry.agent)
    )


def mark_not_applied(drawn: Iterator[Drawn], ledgers: LedgerReader) -> Iterator[Drawn]:
    """Yields the same, with those events marked that the state kept without applying them."""

    @cache
    def reasons(project: str, session: str) -> dict[str, str]:
        try:
            tip = ledgers.session(project, session)
        except CorruptLedgerError:
            return {}  # `idse fsck` tells; looking back goes on
        return {entry.event: entry.why for entry in tip.state.not_applied} if tip else {}

    for item in drawn:
        entry = item.entry
        if entry is None or entry.event is None or not entry.session:
            yield item
            continue
        why = reasons(entry.project, entry.session).get(entry.event.id)
        yield replace(item, entry=replace(entry, not_applied=why)) if why else item


def _check(wish: Wish) -> None:
    if wish.stage:
        check_known("stage", wish.stage, STAGES)
    if wish.kind:
        check_known("kind of event", wish.kind, (*KINDS, MERGE), many="kinds")
    for date in (wish.since, wish.until):
        check_date(date)
    if wish.graph and wish.reverse:
        raise UsageError("a graph cannot be reversed", fix=("leave out --graph or --reverse",))


_KNOWN = re.compile(
    r"ago|at|on|the|last|never|now|today|yesterday|noon|midnight|tea|am|pm|t|z|utc|gmt|[cemp][sd]t|ces?t"
    r"|(?:second|minute|hour|day|week|month|year)s?"
    r"|one|two|three|four|five|six|seven|eight|nine|ten"
    r"|(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|mon|tue|wed|thu|fri|sat|sun)[a-z]*",
    re.IGNORECASE,
)
_WORDS = re.compile(r"[^\W\d_]+")


def check_date(text: str) -> None:
    """Raises UsageError for a word that no date has: git would quietly read it as "now"."""
    for word in _WORDS.findall(text):
        if not _KNOWN.fullmatch(word):
            raise UsageError(
                f"{text!r} is not a date",
                cause=f"{word!r} means nothing in a date",
                fix=('for instance: --since "2 days ago"', "or: --since 2026-01-31"),
            )
