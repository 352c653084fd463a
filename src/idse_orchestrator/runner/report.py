"""What came of a run: one row for each task, from the tasks' own ledgers, as lines or as Markdown. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.base.text import one_line, printable
from idse_orchestrator.ledger.events import Event
from idse_orchestrator.tasks.state import TaskState

BEGIN, END = "<!-- idse run report -->", "<!-- /idse run report -->"
"""Around what is written into a document: only what stands between them is ever replaced."""
HEADING = "## What Was Built"


class Row(NamedTuple):
    """What came of one task. `seconds`, `tokens` and `cost_usd` are those of all its attempts.

    `cost_usd` is None where no attempt told a cost. `evidence` says how each fact stood that was asked for.
    """

    task: str
    text: str
    state: str
    agent: str
    attempts: int
    seconds: float
    tokens: int
    cost_usd: float | None
    commit: str
    evidence: Mapping[str, str]
    why: str


_TOKENS = ("input_uncached", "cache_read", "cache_write", "output")


def row_of(state: TaskState, events: Iterable[Event]) -> Row:
    """Returns the row of a task, given its events."""
    seconds, tokens, cost = 0.0, 0, None
    for event in events:
        usage: Mapping[str, Any] = event.body.get("usage", {})
        seconds += usage.get("duration_ms", 0) / 1000
        tokens += sum(usage.get(name, 0) for name in _TOKENS)
        if "cost_usd" in usage:
            cost = round((cost or 0.0) + usage["cost_usd"], 6)
    asked = {name: verdict for name, verdict in state.evidence.items() if verdict != "not asked"}
    return Row(
        state.task, state.text, state.state, state.doer, state.attempt, round(seconds, 1), tokens, cost,
        state.into or state.code, asked, state.why or state.reason,
    )  # fmt: skip


_HEADS = ("task", "state", "agent", "attempts", "time", "tokens", "cost", "commit", "evidence")


def cells_of(row: Row) -> tuple[str, ...]:
    """Returns a row as text."""
    ok = sum(verdict == "ok" for verdict in row.evidence.values())
    missing = [name for name, verdict in row.evidence.items() if verdict != "ok"]
    evidence = f"{ok} of {len(row.evidence)}" + (f", no {', '.join(missing)}" if missing else "")
    state = f"{row.state} ({row.why})" if row.why and row.state != "done" else row.state
    return (
        row.task,
        state,
        row.agent or "-",
        str(row.attempts),
        f"{row.seconds:.1f} s",
        str(row.tokens or "-"),
        "-" if row.cost_usd is None else f"{row.cost_usd:.2f} USD",
        row.commit[:7] or "-",
        evidence if row.evidence else "-",
    )


def table_of(rows: Sequence[Row]) -> list[str]:
    """Returns the rows as lines, the columns as wide as their widest cell."""
    cells = [_HEADS, *(tuple(map(printable, cells_of(row))) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    ]


def markdown_of(rows: Sequence[Row]) -> str:
    """Returns the rows as a Markdown table between our marks."""
    lines = [
        BEGIN,
        "",
        "| task | what | state | agent | attempts | time | tokens | cost | commit | evidence |",
        f"|{'---|' * 10}",
    ]
    for row in rows:
        task, *rest = map(_cell, cells_of(row))
        lines.append(f"| {task} | {_cell(one_line(row.text))} | {' | '.join(rest)} |")
    return "\n".join([*lines, "", END])


def _cell(text: str) -> str:
    return printable(text).replace("|", "\\|").replace("<", "&lt;")


def with_report(document: str, report: str) -> str:
    """Returns `document` with `report` below *What Was Built*; what stood between our marks is replaced."""
    before, mark, rest = document.partition(BEGIN)
    _, closing, after = rest.partition(END)
    if mark and closing:
        return f"{before}{report}{after}"
    head, heading, below = document.partition(f"{HEADING}\n")
    if not heading:
        return f"{document.rstrip()}\n\n{HEADING}\n\n{report}\n"
    return f"{head}{heading}\n{report}\n{below}"
