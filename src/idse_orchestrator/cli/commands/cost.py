"""``idse cost``: what tasks cost, from their ledgers alone, and the prices that it is worked out by."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from idse_orchestrator.base.csv_lines import csv_lines
from idse_orchestrator.base.text import counted, printable
from idse_orchestrator.cli import options
from idse_orchestrator.cli.layout import aligned
from idse_orchestrator.cli.terminal import Answer, Said
from idse_orchestrator.errors import UsageError
from idse_orchestrator.runner.model.cost_report import BY, NUMBERS, rows_by, totals

if TYPE_CHECKING:
    from idse_orchestrator.cli.terminal import Run

_SHOWN = ("attempts", "accepted", "failed", "input_uncached", "cache_read", "output", "cost_usd", "unknown")
_HEADS = ("attempts", "accepted", "failed", "input", "cached", "output", "USD", "unknown")


@options.command("report", reads=True)
@click.option("--by", type=click.Choice([*BY]), default="task", show_default=True, help="What a row is of.")
@click.option("--csv", "as_csv", is_flag=True, help="Print it as CSV.")
@options.session_option
def report(run: Run, by: str, session: str | None, *, as_csv: bool) -> Answer:
    """Show what agents cost: of all sessions of the project, or of one.

    It is read from the ledgers of tasks alone. A cost is what the program reported, or its tokens by the
    prices of the day; where nobody knows it, it is counted apart, and what the attempt held back counts
    against budgets. The last line has what failed attempts cost, and one accepted task.
    """
    if as_csv and run.terminal.as_json:
        raise UsageError("--csv and --json exclude each other", fix=("give one of them",))
    from idse_orchestrator.wiring.metering import Ledgers

    key = run.session(session) if session else None
    ledgers, project = Ledgers(run.app), key[0] if key else run.project
    attempts = [
        each for told in ledgers.tasks(ledgers.keys(project, key[1] if key else "")) for each in told.attempts
    ]
    rows, total = rows_by(attempts, by), totals(attempts)
    return Answer(
        "idse.cost/1",
        lambda: {
            "project": project,
            "session": key[1] if key else None,
            "by": by,
            "rows": rows,
            "totals": total,
        },
        csv_lines((by, *NUMBERS), rows) if as_csv else _lines(by, rows, total),
    )


def _lines(by: str, rows: Sequence[Mapping[str, Any]], total: Mapping[str, Any]) -> Iterator[str]:
    if not rows:
        yield Said("no agent has worked on a task here yet")
        return
    cells = [[printable(str(row[by])), *(_cell(row, name) for name in _SHOWN)] for row in rows]
    yield from aligned([[by, *_HEADS], *cells, ["total", *(_cell(total, name) for name in _SHOWN)]])
    if total["per_accepted_usd"] is not None:
        yield Said(f"{total['per_accepted_usd']:.4f} USD for each accepted task")
    if total["failed_usd"]:
        yield Said(f"{total['failed_usd']:.4f} USD for attempts that were not taken")
    if total["again_usd"]:
        yield Said(f"{total['again_usd']:.4f} USD for work that was done before, and reopened")
    if total["unknown"]:
        held = f"they held back {total['unknown_usd']:.2f} USD"
        yield Said(f"what {counted(total['unknown'], 'attempt')} cost is not known; {held}")


def _cell(row: Mapping[str, Any], name: str) -> str:
    value = row[name]
    if value is None:
        return "-"
    return f"{value:.4f}" if name == "cost_usd" else f"{value:,}"


@options.command("prices", reads=True, project=False)
def prices(_run: Run) -> Answer:
    """Show the prices that costs are worked out by: US dollars for a million tokens.

    They are shipped with idse, each with the day since which it holds and the page that says so. Rows in
    ~/.config/idse/prices.yaml replace those of their models.
    """
    from idse_orchestrator.wiring.agent_setup import prices_of

    found = prices_of(os.environ)

    def lines() -> Iterator[str]:
        heads = ["model", "from", "input", "output", "cache read", "cache write", "source"]
        cells = [
            [row.model, row.since, *(f"{number:g}" for number in row[3:]), printable(row.source)]
            for row in found.rows
        ]
        yield from aligned([heads, *cells])
        yield Said(f"{counted(len(found.rows), 'price')}, known as {found.sha} in events")

    return Answer(
        "idse.prices/1",
        lambda: {"sha": found.sha, "prices": [{**row._asdict(), "from": row.since} for row in found.rows]},
        lines(),
    )


cost = options.Group("cost", commands=[report, prices], help="Show what agents cost, and by which prices.")
