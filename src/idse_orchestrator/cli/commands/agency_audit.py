"""``idse agency audit``: what was done at an Agency, when, and by whose key."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

from idse_orchestrator.base.csv_lines import csv_lines
from idse_orchestrator.base.text import few, printable
from idse_orchestrator.cli.options import agency_command
from idse_orchestrator.cli.pager import paged, pager_option
from idse_orchestrator.cli.render.agency import holder
from idse_orchestrator.cli.render.tables import form_option, settle_form, since_option
from idse_orchestrator.cli.terminal import Answer, Said
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
_AGENCY = "(agency)"


@agency_command("audit")
@click.argument("client", required=False, default="", metavar="[CLIENT]")
@since_option("Not older than a day (2026-01-31), or 7d, 12h.")
@click.option("-n", "--max-count", "limit", type=click.IntRange(min=1), metavar="N", help="N rows at most.")
@form_option
@pager_option
def audit(  # noqa: PLR0913 - one for each option
    run: Run, home: str, client: str, since: str, *, limit: int | None, form: str | None, pager: bool
) -> Answer:
    """Show the audit of all clients, or of CLIENT, newest first: pushes, and what operators did.

    `idse agency doctor` proves that no row was changed, dropped or added. As CSV, what a spreadsheet would
    take for a formula begins with an apostrophe.
    """
    is_csv = settle_form(run, form)
    rows = _rows(tenants_at(home, os.environ).admin, client, since, limit)
    lines = csv_lines(_COLUMNS, rows) if is_csv else _text(rows)
    return Answer(
        "idse.agency-audit/1", lambda: [_data(row) for row in rows], lines, within=paged(run, wanted=pager)
    )


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
