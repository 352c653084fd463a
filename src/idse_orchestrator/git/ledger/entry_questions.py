"""Commits of a ledger on their way to becoming entries: listed, asked for their event, answered."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import replace

from idse_orchestrator.app.history.ports import Drawn, Entry, read_event
from idse_orchestrator.errors import CorruptLedgerError
from idse_orchestrator.git.ledger.format import EVENT
from idse_orchestrator.git.ledger.log_rows import Row
from idse_orchestrator.git.object_stream import GitObject


class Questions:
    """The rows whose event was asked for and not answered yet, in order.

    `waiting` are those rows, `left` says whether more may come, and `broken` is why git stopped
    listing them, if it did.
    """

    def __init__(self, rows: Iterator[Row]) -> None:
        self._rows = rows
        self.waiting: deque[Row] = deque()
        self.left = True
        self.broken: CorruptLedgerError | None = None

    def names(self) -> Iterator[str]:
        """Names of the events: first of what is still waiting, then of what git goes on to list."""
        yield from [name for row in self.waiting if (name := _event_name(row))]
        try:
            for row in self._rows:
                self.waiting.append(row)
                if name := _event_name(row):
                    yield name
        except CorruptLedgerError as error:
            self.broken = error  # told after the entries that could be read
        self.left = False

    def answered(self, answer: GitObject | None) -> Iterator[Drawn]:
        """The row that `answer` is for, after the drawing that stands before it."""
        yield from self._drawing()
        row = self.waiting.popleft()
        if row.entry is not None:
            yield Drawn(_with_event(row.entry, answer), row.prefix, row.below)

    def failed(self) -> Iterator[Drawn]:
        """The same for the row whose event git stopped at; the others will be asked for again."""
        yield from self._drawing()
        row = self.waiting.popleft()
        if row.entry is not None:
            damaged = replace(row.entry, damage=f"git cannot read its {EVENT}")
            yield Drawn(damaged, row.prefix, row.below)
        self.left = True

    def rest(self) -> Iterator[Drawn]:
        """Drawing behind the last entry."""
        yield from self._drawing()

    def _drawing(self) -> Iterator[Drawn]:
        while self.waiting and self.waiting[0].entry is None:
            yield Drawn(None, self.waiting.popleft().prefix)


def _event_name(row: Row) -> str:
    return f"{row.entry.commit}:{EVENT}" if row.entry else ""


def _with_event(entry: Entry, answer: GitObject | None) -> Entry:
    if answer is None:
        return entry if len(entry.parents) > 1 else replace(entry, damage=f"it has no {EVENT}")
    if answer.kind != "blob" or (answer.size and not answer.data):
        return replace(entry, damage=f"{EVENT} is a {answer.kind} of {answer.size:,} bytes")
    try:
        return replace(entry, event=read_event(answer.data))
    except ValueError as error:
        return replace(entry, damage=str(error))
