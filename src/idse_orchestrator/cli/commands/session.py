"""``idse session``: make, list, describe and archive sessions."""

from __future__ import annotations

import click

from idse_orchestrator.cli.options import command, session_argument
from idse_orchestrator.cli.render.session_list import show_sessions
from idse_orchestrator.cli.render.status_page import show_status_of
from idse_orchestrator.cli.run import Run
from idse_orchestrator.cli.spawning import spawn_command
from idse_orchestrator.cli.switching import switch_command
from idse_orchestrator.sessions.create_session import SETTABLE_STATUSES, archive_session, describe_session


@command("list", reads=True)
def _list(run: Run) -> int:
    """List the sessions of the project; each stage is one sign: · pending, ▶ in progress, ✓ complete."""
    return show_sessions(run, run.project)


@command("show", reads=True)
@session_argument
def _show(run: Run, session: str | None) -> int:
    """Show where a session stands, as idse status does."""
    return show_status_of(run, run.session(session))


@command("set")
@session_argument
@click.option("--title", metavar="TEXT", help="What it is about, in a few words.")
@click.option("--owner", metavar="WHO", help="Who answers for it.")
@click.option("--tag", "tags", multiple=True, metavar="WORD", help="A tag; give all of them.")
@click.option("--status", type=click.Choice(SETTABLE_STATUSES), help="How far it is, set by hand.")
def _set(run: Run, session: str | None, **wishes: object) -> int:
    """Say more about a session. What is not given stays as it is."""
    key = run.session(session)
    given = {name: value for name, value in wishes.items() if value not in (None, ())}
    changed = describe_session(run.app.writer, key, given)
    run.app.views.refresh(key[0])
    run.terminal.say(f"described {'/'.join(key)}" if changed else "nothing changed")
    return 0


@command("archive")
@session_argument
@click.option("-m", "reason", default="", metavar="WHY", help="Why; part of the history.")
@click.option("--undo", is_flag=True, help="Bring it back.")
def _archive(run: Run, session: str | None, reason: str, *, undo: bool) -> int:
    """Put a session into the archive: it stays readable, and its stages do not move any more."""
    key = run.session(session)
    changed = archive_session(run.app.writer, key, reason, undo=undo)
    run.app.views.refresh(key[0])
    words = "brought back" if undo else "archived"
    run.terminal.say(f"{words} {'/'.join(key)}" if changed else "nothing changed")
    return 0


def build() -> click.Command:
    """The click group."""
    group = click.Group("session", help="Make, list, describe and archive sessions.")
    for each in (spawn_command("new", switches=False), _list, _show, switch_command(), _set, _archive):
        group.add_command(each)
    return group
