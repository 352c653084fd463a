"""``idse agency audit``: what was done at an Agency, when, and by whose key."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from idse_orchestrator.base.text import few
from idse_orchestrator.cli.layout import printable
from idse_orchestrator.cli.options import agency_command
from idse_orchestrator.cli.pager import paged, pager_option
from idse_orchestrator.cli.render.agency import holder
from idse_orchestrator.cli.terminal import Answer, Said
from idse_orchestrator.errors import UsageError
from idse_orchestrator.server.tenants.keys import duration, iso
from idse_orchestrator.wiring.agency import tenants_at

if TYPE_CHECKING:
    from idse_orchestrator.cli.terminal import Run
    from idse_orchestrator.server.tenants.admin import Admin

_COLUMNS = (
    "at",
    "client",
    "number",
    "action",
    "repository",
    "outcome",
    "rule",
    "key",
    "holder",
    "detail",
    "certificate",
    "hash",
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_AGENCY = "(agency)"


@agency_command("audit")
@click.argument("client", required=False, default="", metavar="[CLIENT]")
@click.option("--since", default="", metavar="DATE", help="Not older than a day (2026-01-31), or 7d, 12h.")
@click.option("-n", "--max-count", "limit", type=click.IntRange(min=1), metavar="N", help="N rows at most.")
@click.option(
    "--format", "form", type=click.Choice(["text", "json", "csv"]), help="How to show it.  [default: text]"
)
@pager_option
def audit(  # noqa: PLR0913 - one for each option
    run: Run, home: str, client: str, since: str, *, limit: int | None, form: str | None, pager: bool
) -> Answer:
    """Show the audit of all clients, or of CLIENT, newest first: pushes, and what operators did.

    `idse agency doctor` proves that no row was changed, dropped or added. As CSV, what a spreadsheet would
    take for a formula begins with an apostrophe.
    """
    if form == "csv" and run.terminal.as_json:
        raise UsageError("--json and --format csv exclude each other", fix=("give one of them",))
    if form == "json":
        run.terminal.as_json = True
    rows = _rows(tenants_at(home, os.environ).admin, client, _moment(since, time.time()), limit)
    lines = _csv(rows) if form == "csv" else _text(rows)
    return Answer(
        "idse.agency-audit/1", lambda: [_data(row) for row in rows], lines, within=paged(run, wanted=pager)
    )


def _moment(text: str, now: float) -> str:
    """Returns the time that DATE means, as it is kept; "" : the beginning of all."""
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


def _rows(admin: Admin, client: str, since: str, limit: int | None) -> Iterator[Mapping[str, Any]]:
    """Yields rows with the names of client and holder of today."""
    names = {each.id: each.name for each in admin.clients(with_deleted=True)} | {"": ""}
    holders = {key.id: holder(key) for key in admin.keys.all()}
    chains = [admin.client(client).id] if client else list(admin.audit.heads())
    for number, row in enumerate(admin.audit.newest(chains, since)):
        if number == limit:
            return
        yield {
            **row,
            "number": row["id"],
            "client": names.get(row["client_id"], row["client_id"]),
            "key": row["key_id"],
            "holder": holders.get(row["key_id"], ""),
        }


def _data(row: Mapping[str, Any]) -> dict[str, object]:
    found = {name: row[name] if row[name] != "" else None for name in _COLUMNS}
    return {**found, "client_id": row["client_id"] or None, "detail": _detail(row)}


def _detail(row: Mapping[str, Any]) -> object:
    """Returns what a row says in detail: JSON where it is some."""
    try:
        return json.loads(row["detail"])
    except ValueError:
        return row["detail"] or None


def _text(rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    empty = True
    for row in rows:
        empty = False
        place = "/".join(filter(None, (row["client"] or _AGENCY, row["repository"])))
        outcome = " ".join(filter(None, (row["outcome"], row["rule"])))
        parts = (row["at"], place, row["action"], outcome, row["holder"] or row["key"], _in_short(row))
        yield "  ".join(printable(part) for part in parts if part)
    if empty:
        yield Said("there is nothing in the audit")


def _in_short(row: Mapping[str, Any]) -> str:
    """Returns the detail in a few words: of a push its refs, of anything else what it says."""
    found = _detail(row)
    if row["action"] == "push" and isinstance(found, dict):
        named = found.get("refused") or found.get("refs") or ()
        refs = (str(each[0]).removeprefix("refs/idse/") for each in named if each and each[0])
        return few(list(dict.fromkeys(refs)))
    if isinstance(found, dict):
        said = {name: value for name, value in found.items() if value not in ("", [], 0)}
        return ", ".join(f"{name} {_words(value)}" for name, value in said.items())
    return str(found or "")


def _words(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def _csv(rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    import csv
    import io

    def line(cells: Iterable[object]) -> str:
        text = io.StringIO()
        csv.writer(text, lineterminator="").writerow(cells)
        return text.getvalue()

    yield line(_COLUMNS)
    yield from (line(_cell(row[name]) for name in _COLUMNS) for row in rows)


def _cell(value: object) -> object:
    """Returns a cell in one line, that no spreadsheet takes for a formula."""
    if not isinstance(value, str):
        return value
    text = printable(value.replace("\n", "\\n"))
    return f"'{text}" if text.startswith(_FORMULA) else text
