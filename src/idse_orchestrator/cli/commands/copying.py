"""``idse export`` and ``idse import``: ledgers in a folder that needs no git."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from idse_orchestrator.base.records import picked_or_none
from idse_orchestrator.base.text import one_word, printable
from idse_orchestrator.cli.layout import Style, coloured, moved
from idse_orchestrator.cli.options import command
from idse_orchestrator.cli.render.warnings import markers_warning
from idse_orchestrator.cli.terminal import Answer, Said, Warned
from idse_orchestrator.stores import copy_ledgers as copies
from idse_orchestrator.stores.known_stores import folder_to_read, folder_to_write

if TYPE_CHECKING:
    from idse_orchestrator.cli.terminal import Run
    from idse_orchestrator.stores.design_store import LedgerKey

_EXPORT = "idse.export/1"
_IMPORT = "idse.import/1"

_FAILED = (copies.REFUSED, copies.DIVERGED, copies.MOVING)
_ORDER = (copies.COPIED, copies.MERGED, copies.NEWER, copies.DIVERGED, copies.REFUSED, copies.MOVING)


@command("export", reads=True)
@click.argument("folder", type=click.Path(file_okay=False))
def export(run: Run, folder: str) -> Answer:
    """Copy all ledgers, with every document they ever held, into FOLDER as plain files.

    With --project only that project's. A folder that has them already is given what it lacks; what it
    has and we lack stays there, and is never overwritten. idse import takes them in again, under the
    same ids.
    """
    target = folder_to_write(folder)
    source = run.app.store
    project = run.project if run.project_option is not None else None
    outcome = copies.copy_ledgers(
        source, target, copies.all_keys(source, project), on_progress=run.terminal.progress
    )
    return _answer(run, outcome, folder, _EXPORT)


@command("import", reads=True, project=False)
@click.argument("folder", type=click.Path())
def import_(run: Run, folder: str) -> Answer:
    """Take in the ledgers that FOLDER holds: one that idse export wrote, or a project without git.

    They are judged as ledgers from an Agency are, and what is not sound stays out. Where both sides
    moved on, both histories are joined as by idse sync. Documents in the work tree stay as they are:
    idse restore brings those of a session.
    """
    outcome = run.app.import_store(folder_to_read(folder), run.terminal.progress)
    return _answer(run, outcome, folder, _IMPORT)


def _answer(run: Run, outcome: copies.CopyOutcome, folder: str, schema: str) -> Answer:
    def lines() -> Iterator[str]:
        yield from _ledger_lines(outcome, run.terminal.style)
        for key in outcome.conflicts:
            yield markers_warning(_label(key))
        yield (Warned if outcome.exit_code else Said)(_summary(outcome))
        if schema == _EXPORT and any(
            each.result in (copies.NEWER, copies.DIVERGED) for each in outcome.changed
        ):
            yield Said(f"next: idse import {one_word(folder)}    (brings what is only there)")

    return Answer(schema, lambda: _data(outcome, folder), lines(), code=outcome.exit_code)


def _label(key: LedgerKey) -> str:
    """Names a ledger as people call it: ``portal/login``, ``project portal``."""
    return printable("/".join(key) if key[1] else f"project {key[0]}")


def _ledger_lines(outcome: copies.CopyOutcome, style: Style) -> list[str]:
    """Returns a line for each ledger that was copied, or of which there is something to say."""
    rows = [(each.result, _label(each.key), _path(each)) for each in outcome.changed]
    tints = [style.red if each.result in _FAILED else style.green for each in outcome.changed]
    lines = []
    for each, line in zip(outcome.changed, coloured(rows, tints), strict=True):
        lines += [line, f"      {printable(each.why)}"] if each.why else [line]
    return lines


def _summary(outcome: copies.CopyOutcome) -> str:
    """Returns one sentence that counts."""
    counts = Counter(each.result for each in outcome.ledgers)
    parts = [f"{counts[result]:,} {result}" for result in _ORDER if counts[result]]
    rest = [f"{outcome.equal:,} up to date"] if outcome.equal else []
    return ", ".join([*parts, *rest]) if parts else "everything up to date" if rest else "there is no ledger"


def _data(outcome: copies.CopyOutcome, folder: str) -> dict[str, object]:
    return {
        "folder": folder,
        "ok": outcome.exit_code == 0,
        "ledgers": [
            {
                "project": each.key[0],
                "session": each.key[1] or None,
                "result": each.result,
                **picked_or_none(each, "old new why"),
            }
            for each in outcome.changed
        ],
        "up_to_date": outcome.equal,
        "conflicts": [
            {"project": project, "session": session or None} for project, session in outcome.conflicts
        ],
    }


def _path(each: copies.LedgerOutcome) -> str:
    return moved(each.old, each.new) if each.result in (copies.COPIED, copies.MERGED) else ""
