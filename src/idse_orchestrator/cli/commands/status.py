"""``idse status``: where the session stands. Starts without click (see ``cli/hot.py``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from idse_orchestrator.cli.render.status_page import show_status_of

if TYPE_CHECKING:
    import click

    from idse_orchestrator.cli.run import Run


def run(run: Run, *, all_sessions: bool = False, session: str | None = None) -> int:
    """Show the session's status, or a line for each session of the project."""
    if all_sessions:
        from idse_orchestrator.cli.render.session_list import show_sessions

        return show_sessions(run, run.project)
    return show_status_of(run, run.session(session))


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
