"""``idse import``: take ledgers from a folder in."""

from __future__ import annotations

import click

from idse_orchestrator.cli.copying import IMPORT, tell
from idse_orchestrator.cli.options import command
from idse_orchestrator.cli.run import Run
from idse_orchestrator.stores.known_stores import folder_to_read


@command("import", reads=True, project=False)
@click.argument("folder", type=click.Path())
def _import(run: Run, folder: str) -> int:
    """Take in the ledgers that FOLDER holds: one that idse export wrote, or a project without git.

    They are judged as ledgers from an Agency are, and what is not sound stays out. Where both sides
    moved on, both histories are joined as by idse sync. Documents in the work tree stay as they are:
    idse restore brings those of a session.
    """
    outcome = run.app.take_in(folder_to_read(folder), run.terminal.progress)
    return tell(run, outcome, folder, IMPORT)


def build() -> click.Command:
    """The click command."""
    return _import
