"""``idse next``: what to do now. Starts without click (see ``cli/hot.py``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from idse_orchestrator.cli.render.routing import who_lines
from idse_orchestrator.cli.render.status import next_data, next_lines
from idse_orchestrator.cli.render.style import printable
from idse_orchestrator.documents.pipeline_artifacts import session_folder
from idse_orchestrator.sessions.status import show_status

if TYPE_CHECKING:
    import click

    from idse_orchestrator.cli.run import Run


def run(run: Run, *, session: str | None = None) -> int:
    """Say what to do now in the session, and who should do it."""
    key = run.session(session)
    status = show_status(run.app.reader, run.app.workspace, key)
    action = status.next
    path = f"{session_folder(*key)}/{action.artifact}" if action.artifact else None
    if run.terminal.as_json:
        from idse_orchestrator.cli.render.envelope import envelope

        data = {"project": key[0], "session": key[1], **next_data(status), "path": path}
        run.terminal.data(envelope("idse.next/1", data))
        return 0
    lines = next_lines(action, run.terminal.style)
    if path:
        lines.append(f"file: {printable(path)}")
    lines += who_lines(status)
    run.terminal.data("\n".join(lines))
    return 0


def build() -> click.Command:
    """The click command, for what the fast path does not read and for the help."""
    from idse_orchestrator.cli.options import command, session_argument

    @command("next", reads=True)
    @session_argument
    def next_(one: Run, session: str | None) -> int:
        """Say what to do now: the first thing that keeps the session from being complete."""
        return run(one, session=session)

    return next_
