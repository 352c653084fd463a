"""``idse status``, ``next`` and ``prime``: where a session stands, what to do now, and both for an agent.

The first two start without click (see ``cli/main.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from idse_orchestrator.base.text import printable
from idse_orchestrator.cli.render.status import (
    guard_lines,
    is_guarded,
    next_data,
    next_lines,
    status_answer,
    status_data,
    who_lines,
)
from idse_orchestrator.cli.terminal import Answer
from idse_orchestrator.documents.project_workspace import session_folder
from idse_orchestrator.sessions import status as sessions

if TYPE_CHECKING:
    import click

    from idse_orchestrator.cli.options import Option
    from idse_orchestrator.cli.terminal import Run


def show_status(run: Run, *, all_sessions: bool = False, session: str | None = None) -> Answer:
    """Show where the session stands: its stages, what changed since, and what is next."""
    if all_sessions:
        from idse_orchestrator.cli.render.status import sessions_answer

        return sessions_answer(run, [run.project])
    return status_answer(run, run.session(session))


def _watched_status(
    run: Run, *, all_sessions: bool = False, session: str | None = None, watch: bool = False
) -> Answer | int:
    if not watch:
        return show_status(run, all_sessions=all_sessions, session=session)
    from idse_orchestrator.cli import watch as watching

    def view(run: Run) -> watching.View:
        project, name = (run.project, "") if all_sessions else run.session(session)
        places = watching.places_of(run.app, project, name)
        return watching.View(places, lambda: show_status(run, all_sessions=all_sessions, session=session))

    return watching.watch(run, view)


_watched_status.__doc__ = f"""{show_status.__doc__}

With --watch it stays on the terminal and follows every change of the ledger and of the documents, until
Ctrl-C or q ends it. With --watch --json each change is one document on a line.
"""


def show_next(run: Run, *, session: str | None = None) -> Answer:
    """Say what to do now: the first thing that keeps the session from being complete."""
    key = run.session(session)
    found = sessions.show_status(run.app.reader, run.app.workspace, key)
    artifact = found.next.artifact
    path = f"{session_folder(*key)}/{artifact}" if artifact else None

    def lines() -> Iterator[str]:
        yield from next_lines(found.next, run.terminal.style)
        if path:
            yield f"file: {printable(path)}"
        yield from who_lines(found)
        yield from guard_lines(run.app)

    return Answer(
        "idse.next/1",
        lambda: {
            "project": key[0],
            "session": key[1],
            **next_data(found),
            "path": path,
            "guarded": is_guarded(run.app),
        },
        lines(),
    )


def show_prime(run: Run, session: str | None) -> Answer:
    """Brief an agent: where the session stands, what to do now, what is open, and the rules of the house.

    Fits 1,500 tokens. Made for the start of an agent's session: idse prime >> context.
    """
    from idse_orchestrator.cli.agent_hooks import findings_of, prime_text
    from idse_orchestrator.constitution.report_data import finding_data

    app = run.app
    key = run.session(session)
    found, report = sessions.show_status(app.reader, app.workspace, key), findings_of(app, key)

    def data() -> object:
        rules = app.judging.constitution.by_id
        findings = [finding_data(finding, rules) for finding in report.findings]
        return {"status": status_data(found), "findings": findings, "guarded": is_guarded(run.app)}

    return Answer("idse.prime/2", data, [prime_text(found, report), *guard_lines(run.app)])


def status() -> click.Command:
    """Makes the click command, for what the fast path does not read and for the help."""
    from idse_orchestrator.cli.options import flag

    every = flag("--all", "all_sessions", help="A line for every session of the project.")
    watch = flag("--watch", help="Stay, and show every change as it happens.")
    return _command("status", _watched_status, every, watch)


def next_() -> click.Command:
    """Makes the click command."""
    return _command("next", show_next)


def prime() -> click.Command:
    """Makes the click command."""
    return _command("prime", show_prime)


def _command(name: str, function: Callable[..., Answer | int], *more: Option) -> click.Command:
    from idse_orchestrator.cli.options import command, session_argument

    return command(name, session_argument, *more, reads=True)(function)
