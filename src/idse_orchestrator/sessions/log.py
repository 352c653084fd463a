"""Look back at a session, or at all of a project: who moved which stage when."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING

from idse_orchestrator.base.names import check_known
from idse_orchestrator.documents.project_workspace import ARTIFACTS, STAGES
from idse_orchestrator.documents.task_list import ticked_since
from idse_orchestrator.errors import CorruptLedgerError, UsageError
from idse_orchestrator.ledger.entries import MERGE, Drawn, Entry, LedgerHistory, Span
from idse_orchestrator.ledger.events import EDITED, KINDS
from idse_orchestrator.sessions.status import no_ledger

if TYPE_CHECKING:
    from idse_orchestrator.ledger.events import SessionKey
    from idse_orchestrator.pipeline.ports import LedgerReader


@dataclass(frozen=True, slots=True)
class LogRequest:
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
    ledgers: LedgerReader, history: LedgerHistory, key: SessionKey, request: LogRequest
) -> Iterator[Drawn]:
    """Yields the entries of one session, newest first.

    UnknownNameError without a ledger or for a wrong word.
    """
    _check(request)
    if key not in ledgers.sessions(key[0]):
        raise no_ledger(key)
    return _told(ledgers, history, Span(sessions=(key,)), request)


def log_of_project(
    ledgers: LedgerReader, history: LedgerHistory, project: str, request: LogRequest
) -> Iterator[Drawn]:
    """Yields the entries of all sessions of a project and of the project itself, newest first."""
    _check(request)
    span = Span(sessions=tuple(ledgers.sessions(project)), projects=(project,))
    return _told(ledgers, history, span, request)


def _told(ledgers: LedgerReader, history: LedgerHistory, span: Span, request: LogRequest) -> Iterator[Drawn]:
    drawn = history.entries(_narrowed(span, request))
    if request.picks and not request.graph:
        drawn = islice((item for item in drawn if _wanted(item.entry, request)), request.limit)
    marked = _with_ticks(as_known_now(drawn, ledgers), ledgers)
    return reversed(list(marked)) if request.reverse else marked


def _narrowed(span: Span, request: LogRequest) -> Span:
    """Returns `span` with all of the request that git can answer by itself: a graph only git can thin out."""
    span = replace(span, since=request.since, until=request.until, graph=request.graph, color=request.color)
    if not request.graph:
        return span if request.picks else replace(span, limit=request.limit)
    kind = "" if request.kind == MERGE else request.kind
    trailers = {"Stage": request.stage, "Kind": kind, "Agent": request.agent}
    grep = tuple(f"Idse-{name}: {value}" for name, value in trailers.items() if value)
    return replace(span, grep=grep, limit=request.limit, merges=request.kind == MERGE)


def _wanted(entry: Entry | None, request: LogRequest) -> bool:
    """Tests whether `entry` is wanted; damage always is, since nobody can say what it was."""
    if entry is None or entry.damage:
        return True
    return (
        request.stage in ("", entry.text("stage"))
        and request.kind in ("", entry.kind)
        and request.agent in ("", entry.agent)
    )


def as_known_now(drawn: Iterator[Drawn], ledgers: LedgerReader) -> Iterator[Drawn]:
    """Yields the same with what states tell by now: which events do not apply, names of sessions."""

    @cache
    def known(project: str, session: str) -> tuple[str, dict[str, str]]:
        try:
            tip = ledgers.session(project, session)
        except CorruptLedgerError:
            return "", {}  # `idse fsck` tells; looking back goes on
        if tip is None:
            return "", {}
        found = {entry.event: entry.why for entry in tip.state.not_applied}
        deletion = tip.state.deletion
        if deletion and deletion.event and not tip.state.is_deleted:
            found[deletion.event] = "the session was worked on elsewhere meanwhile, or since: it is there"
        return tip.state.alias, found

    for item in drawn:
        entry = item.entry
        if entry is None or not entry.session:
            yield item
            continue
        alias, reasons = known(entry.project, entry.session)
        why = reasons.get(entry.event.id, "") if entry.event else ""
        yield replace(item, entry=replace(entry, not_applied=why, alias=alias)) if why or alias else item


def _with_ticks(drawn: Iterator[Drawn], ledgers: LedgerReader) -> Iterator[Drawn]:
    """Yields the same, with the tasks that each edit ticked or opened."""
    for item in drawn:
        entry = item.entry
        if entry is None or entry.kind != EDITED or entry.event is None or len(entry.parents) != 1:
            yield item
            continue
        changed = entry.event.body.get("changed")
        after = changed.get(_TASKS) if isinstance(changed, dict) else None
        before = ledgers.artifact_blobs(entry.parents[0]).get("tasks") if after else None
        texts = [ledgers.blob(blob) for blob in (before, after) if blob]
        if len(texts) != 2 or None in texts:
            yield item
            continue
        old, new = (text.decode("utf-8", "replace") for text in texts if text is not None)
        found = ticked_since(old, new)
        yield replace(item, entry=replace(entry, ticked=found.done, opened=found.opened))


_TASKS = ARTIFACTS["tasks"]


def _check(request: LogRequest) -> None:
    if request.stage:
        check_known("stage", request.stage, STAGES)
    if request.kind:
        check_known("kind of event", request.kind, (*KINDS, MERGE), many="kinds")
    for date in (request.since, request.until):
        check_date(date)
    if request.graph and request.reverse:
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
