"""``idse export``: copy ledgers into a folder that needs no git."""

from __future__ import annotations

import click

from idse_orchestrator.cli.copying import EXPORT, tell
from idse_orchestrator.cli.options import command
from idse_orchestrator.cli.run import Run
from idse_orchestrator.stores.copy_ledgers import all_keys, copy_ledgers
from idse_orchestrator.stores.known_stores import folder_to_write


@command("export", reads=True)
@click.argument("folder", type=click.Path(file_okay=False))
def _export(run: Run, folder: str) -> int:
    """Copy all ledgers, with every document they ever held, into FOLDER as plain files.

    With --project only that project's. A folder that has them already is given what it lacks; what it
    has and we lack stays there, and is never overwritten. idse import takes them in again, under the
    same ids.
    """
    target = folder_to_write(folder)
    source = run.app.store
    project = run.project if run.project_option is not None else None
    outcome = copy_ledgers(source, target, all_keys(source, project), on_progress=run.terminal.progress)
    return tell(run, outcome, folder, EXPORT)


def build() -> click.Command:
    """The click command."""
    return _export
