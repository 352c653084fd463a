"""The status of one session, written to the terminal or as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from idse_orchestrator.app.show_status import show_status
from idse_orchestrator.cli.render.status import status_data, status_lines

if TYPE_CHECKING:
    from idse_orchestrator.app.ports import SessionKey
    from idse_orchestrator.cli.run import Run


def show_status_of(run: Run, key: SessionKey) -> int:
    """Show where the session `key` stands; the exit code."""
    status = show_status(run.app.reader, run.app.workspace, key)
    if run.terminal.as_json:
        from idse_orchestrator.cli.render.envelope import envelope

        run.terminal.data(envelope("idse.status/1", status_data(status)))
    else:
        run.terminal.data("\n".join(status_lines(status, run.terminal.style)))
    return 0
