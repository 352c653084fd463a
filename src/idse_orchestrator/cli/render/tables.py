"""Tables that people read and spreadsheets do: since when, in which form, and as CSV."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import click

from idse_orchestrator.errors import UsageError

if TYPE_CHECKING:
    from idse_orchestrator.cli.options import Option
    from idse_orchestrator.cli.terminal import Run


form_option = click.option(
    "--format", "form", type=click.Choice(["text", "json", "csv"]), help="How to show it.  [default: text]"
)


def settle_form(run: Run, form: str | None) -> bool:
    """Tests whether CSV is wanted, and has the terminal write JSON where that is; UsageError for both."""
    if form == "csv" and run.terminal.as_json:
        raise UsageError("--json and --format csv exclude each other", fix=("give one of them",))
    if form == "json":
        run.terminal.as_json = True
    return form == "csv"


def since_option(summary: str) -> Option:
    """Makes the option --since, whose value is a time in ISO-8601, UTC; "" : the beginning of all."""

    def read(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
        return _moment(value, time.time())

    return click.option("--since", default="", metavar="DATE", callback=read, help=summary)


def _moment(text: str, now: float) -> str:
    from idse_orchestrator.server.tenants.keys import duration, iso

    if not text:
        return ""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        pass
    else:
        return iso(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
    try:
        return iso((datetime.fromtimestamp(now, UTC) - timedelta(seconds=duration(text))).timestamp())
    except UsageError:
        raise UsageError(
            f"{text!r} is no date", fix=("for instance --since 2026-01-31", "or --since 7d")
        ) from None
