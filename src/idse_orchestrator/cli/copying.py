"""Telling what an export or an import came to."""

from __future__ import annotations

from idse_orchestrator.base.text import one_word
from idse_orchestrator.cli.render.copied import copy_data, copy_lines, copy_summary, label
from idse_orchestrator.cli.run import Run
from idse_orchestrator.stores.copy_ledgers import DIVERGED, NEWER, CopyOutcome

EXPORT = "idse.export/1"
IMPORT = "idse.import/1"


def tell(run: Run, outcome: CopyOutcome, folder: str, schema: str) -> int:
    """Print what came of an EXPORT into `folder`, or an IMPORT from it; the exit code."""
    terminal = run.terminal
    if terminal.as_json:
        from idse_orchestrator.cli.render.envelope import envelope

        terminal.data(envelope(schema, copy_data(outcome, folder)))
        return outcome.exit_code
    for line in copy_lines(outcome, terminal.style):
        terminal.data(line)
    for key in outcome.conflicts:
        name = label(key)
        terminal.warn(f"{name} has conflict markers: idse restore {name}, resolve them, idse save {name}")
    (terminal.warn if outcome.exit_code else terminal.say)(copy_summary(outcome))
    if schema == EXPORT and any(each.result in (NEWER, DIVERGED) for each in outcome.changed):
        terminal.say(f"next: idse import {one_word(folder)}    (brings what is only there)")
    return outcome.exit_code
