"""``idse agency report``: how the clients of an Agency stand, and what is measured of them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from idse_orchestrator.base.csv_lines import csv_lines
from idse_orchestrator.base.text import counted, printable
from idse_orchestrator.cli.layout import aligned
from idse_orchestrator.cli.options import agency_command
from idse_orchestrator.cli.render.tables import form_option, settle_form, since_option
from idse_orchestrator.cli.terminal import Answer, Said, Warned
from idse_orchestrator.server.model.metrics import is_met, said
from idse_orchestrator.wiring.agency import projector_at

if TYPE_CHECKING:
    from idse_orchestrator.cli.terminal import Run
    from idse_orchestrator.server.projection.report import Line, Report, Standing

_COLUMNS = ("client", "metric", "part", "rows", "value", "high", "doubtful", "target", "met")


@agency_command(
    "report",
    click.argument("client", required=False, default="", metavar="[CLIENT]"),
    since_option("Leave out what ended before a day (2026-01-31), or before 30d."),
    form_option,
)
def report(run: Run, home: str, client: str, since: str, *, form: str | None) -> Answer:
    """Report how all clients stand, or CLIENT: what blocks, what is stale or waived, and the metrics.

    Who needs attention comes first. Each client's last row of the audit, with its hash, is in it: who keeps
    the report can prove later that nothing before was changed.
    """
    is_csv = settle_form(run, form)
    from idse_orchestrator.server.projection.index import reconcile
    from idse_orchestrator.server.projection.report import report as made
    from idse_orchestrator.server.projection.report import row_of

    projector, admin = projector_at(home, os.environ)
    ident = admin.client(client).id if client else ""
    reconcile(projector, admin.repositories(client), run.terminal.progress)
    found = made(projector.store, ident, since[:10])
    projector.store.close()
    rows = [row_of(line) for line in found.lines]
    return Answer(
        "idse.agency-report/1",
        lambda: {
            "since": found.since or None,
            "clients": [
                {name: None if value == "" else value for name, value in each._asdict().items()}
                for each in found.standings
            ],
            "metrics": rows,
        },
        csv_lines(_COLUMNS, rows) if is_csv else _text(found),
    )


def _text(found: Report) -> Iterator[str]:
    if not found.standings:
        yield Said("there are no clients")
        return
    for standing in found.standings:
        yield from _client(standing, [line for line in found.lines if line.client == standing.client])
        yield ""


def _client(standing: Standing, lines: list[Line]) -> Iterator[str]:
    yield printable(standing.client)
    yield (
        f"  {counted(standing.sessions, 'session')}, {standing.active} active, {standing.blocked} blocked; "
        f"{standing.stale} stale, {standing.waived} waived"
    )
    yield f"  last event {standing.last_event or 'never'}, last push {standing.last_push or 'never'}"
    yield f"  audit row {standing.audit_row}: {standing.audit_hash or 'none'}"
    shown = [line for line in lines if line.found.rows]
    yield from (
        f"  {row}"
        for row in aligned(
            [
                (
                    f"  {line.part}" if line.part else line.metric.title,
                    said(line.metric, line.found.value),
                    _more(line),
                )
                for line in shown
            ]
        )
    )
    if any(line.found.doubtful for line in shown):
        yield Warned(f"{standing.client}: some spans are marked, as clocks disagree about them")


def _more(line: Line) -> str:
    metric, found = line.metric, line.found
    parts = [f"90 % within {said(metric, found.high)}"] if found.high is not None else []
    parts += [f"{found.doubtful} marked"] if found.doubtful else []
    if not line.part and is_met(metric, found) is False:
        parts.append(f"target {'≥' if metric.is_least else '≤'} {said(metric, metric.target)}")
    return ", ".join(parts)
