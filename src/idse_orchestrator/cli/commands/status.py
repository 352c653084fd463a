"""``idse status``: where the session stands. Starts without click (see ``cli/hot.py``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from idse_orchestrator.app.show_status import show_status
from idse_orchestrator.cli.render.status import status_data, status_lines

if TYPE_CHECKING:
    import click

    from idse_orchestrator.cli.run import Run


def run(run: Run, *, all_sessions: bool = False, session: str | None = None) -> int:
    """Show the session's status, or a line for each session of the project."""
    if all_sessions:
        from idse_orchestrator.cli.render.session_list import show_sessions

        return show_sessions(run, run.project)
    key = run.session(session)
    status = show_status(run.app.reader, run.app.workspace, key)
    if run.terminal.as_json:
        from idse_orchestrator.cli.render.envelope import envelope

        run.terminal.data(envelope("idse.status/1", status_data(status)))
    else:
        run.terminal.data("\n".join(status_lines(status, run.terminal.style)))
    return 0


def build() -> click.Command:
    """The click command, for what the fast path does not read and for the help."""
    import click

    from idse_orchestrator.cli.options import command, session_argument

    @command("status", reads=True)
    @session_argument
    @click.option("--all", "all_sessions", is_flag=True, help="A line for every session of the project.")
    def status(one: Run, session: str | None, *, all_sessions: bool) -> int:
        """Show where the session stands: its stages, what changed since, and what is next."""
        return run(one, all_sessions=all_sessions, session=session)

    return status
