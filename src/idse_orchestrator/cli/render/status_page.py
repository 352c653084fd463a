"""The status of one session, written to the terminal or as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from idse_orchestrator.cli.render.status import status_data, status_lines
from idse_orchestrator.sessions.status import show_status

if TYPE_CHECKING:
    from idse_orchestrator.cli.run import Run
    from idse_orchestrator.ledger.values import SessionKey


def show_status_of(run: Run, key: SessionKey) -> int:
    """Show where the session `key` stands; the exit code."""
    status = show_status(run.app.reader, run.app.workspace, key)
    if run.terminal.as_json:
        from idse_orchestrator.cli.render.envelope import envelope

        run.terminal.data(envelope("idse.status/1", status_data(status)))
    else:
        run.terminal.data("\n".join(status_lines(status, run.terminal.style)))
    return 0
