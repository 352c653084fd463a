"""``idse session``, ``spawn`` and ``switch``: make, list, describe and archive sessions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from idse_orchestrator.base.text import counted
from idse_orchestrator.cli import options
from idse_orchestrator.cli.options import command, flag, reason_option, session_argument
from idse_orchestrator.cli.render.status import sessions_answer, status_answer
from idse_orchestrator.cli.render.warnings import doubt_diagnostics, doubt_warnings
from idse_orchestrator.cli.terminal import Answer, Run, Said
from idse_orchestrator.documents.project_workspace import STAGES, artifact_path, session_folder
from idse_orchestrator.errors import UsageError
from idse_orchestrator.pipeline.ports import FEATURE
from idse_orchestrator.sessions import create_session

if TYPE_CHECKING:
    from idse_orchestrator.ledger.events import SessionKey

_SPAWN_OPTIONS = (
    click.argument("session", metavar="NAME"),
    click.option(
        "--type",
        "kind",
        default=FEATURE,
        metavar="TYPE",
        shell_complete=options.session_types,
        help="What kind of work it is, and so which stages it has: feature, fix, spike …",
    ),
    click.option("--title", default="", metavar="TEXT", help="What it is about, in a few words."),
    click.option("--owner", default="", metavar="WHO", help="Who answers for it."),
    options.naming_session(
        "--parent", "parents", multiple=True, metavar="SESSION", help="A session it grows from."
    ),
)


def _spawning(name: str, *, switches: bool) -> click.Command:
    """Makes a command that makes a session, and switches to it if `switches`."""

    def make(run: Run, session: str, kind: str, title: str, owner: str, parents: tuple[str, ...]) -> Answer:
        known, stages = _parents(run, parents), _stages(run, kind)
        wanted = create_session.SessionRequest(session, kind, stages, title, known, owner)
        return _made(run, wanted, switches=switches)

    make.__doc__ = "Make a session from the templates" + (", and switch to it." if switches else ".")
    return command(name, *_SPAWN_OPTIONS, reads=True)(make)


def _stages(run: Run, kind: str) -> tuple[str, ...]:
    """Returns the stages of a type; most sessions have all, and no constitution is read for them."""
    return STAGES if kind == FEATURE else create_session.stages_of(run.app.judging.constitution.types, kind)


def _parents(run: Run, names: tuple[str, ...]) -> tuple[str, ...]:
    """Returns the names of the sessions that were named as parents. UsageError for one of another project."""
    keys = [run.app.resolve_session(run.project, name) for name in names]
    for name, (project, _) in zip(names, keys, strict=True):
        if project != run.project:
            raise UsageError(f"a parent is of the same project: {name} is not of {run.project}")
    return tuple(name for _, name in keys)


def _made(run: Run, wanted: create_session.SessionRequest, *, switches: bool) -> Answer:
    app, project = run.app, run.project
    maker = app.session_maker
    tip = create_session.create_session(maker, project, wanted)
    doubts = maker.templates.doubts()
    key = (project, wanted.name)
    if switches:
        create_session.switch_session(app.workspace, app.views, key)
    path = artifact_path(*key, STAGES[0])

    def lines() -> Iterator[str]:
        yield from doubt_warnings(doubts)
        yield Said(f"made session {project}/{wanted.name}" + (" and switched to it" if switches else ""))
        following = f"write {path}, or let idse edit open it" if switches else f"idse switch {wanted.name}"
        yield Said(f"next: {following}")

    return Answer(
        "idse.session/1",
        lambda: {
            "project": project,
            "session": wanted.name,
            "ledger": tip.commit,
            "path": path,
            "current": switches,
        },
        lines(),
        doubt_diagnostics(doubts),
    )


@command("switch")
@click.argument("name", shell_complete=options.sessions)
def switch(run: Run, name: str) -> Answer:
    """Make NAME (a session, or project/session) the current session of this work tree.

    Where the branch does not carry its folder, that is written from its ledger.
    """
    from idse_orchestrator.worktree.save import bring_folder

    app, key = run.app, run.session(name)
    changed = create_session.switch_session(app.workspace, app.views, key)
    lines = [Said(f"{'switched to' if changed else 'already on'} {'/'.join(key)}")]
    if brought := bring_folder(app.reader, app.writer, app.workspace, key):
        lines.append(Said(f"  brought {session_folder(*key)}/ from its ledger ({counted(brought, 'file')})"))
    return Answer(lines=lines)


@command("list", reads=True)
def _list(run: Run) -> Answer:
    """List the sessions of all projects; each stage is one sign.

    · pending, ▶ in progress, ✓ complete, - not needed by its type.

    With --project, or IDSE_PROJECT, those of one project.
    """
    return sessions_answer(run, run.projects)


@command("show", reads=True)
@session_argument
def _show(run: Run, session: str | None) -> Answer:
    """Show where a session stands, as idse status does."""
    return status_answer(run, run.session(session))


@command("set")
@session_argument
@click.option("--title", metavar="TEXT", help="What it is about, in a few words.")
@click.option("--owner", metavar="WHO", help="Who answers for it.")
@click.option("--tag", "tags", multiple=True, metavar="WORD", help="A tag; give all of them.")
@click.option(
    "--status", type=click.Choice(create_session.SETTABLE_STATUSES), help="How far it is, set by hand."
)
@click.option(
    "--type", "kind", metavar="TYPE", shell_complete=options.session_types,
    help="Which stages it has from now on; asks for a reason.",
)  # fmt: skip
@reason_option
def _set(run: Run, session: str | None, kind: str | None, reason: str, **fields: object) -> Answer:
    """Say more about a session. What is not given stays as it is.

    A stage that was moved stays, also where the new type has none of it.
    """
    key = run.session(session)
    given = {name: value for name, value in fields.items() if value not in (None, ())}
    lines = list(_typed(run, key, kind, reason)) if kind else []
    if given or not kind:
        changed = create_session.describe_session(run.app.writer, key, given)
        lines.append(Said(f"described {'/'.join(key)}" if changed else "nothing changed"))
    run.app.views.refresh(key[0])
    return Answer(lines=lines)


def _typed(run: Run, key: SessionKey, kind: str, reason: str) -> Iterator[str]:
    """Gives a session another type, and says what that changes."""
    stages = create_session.stages_of(run.app.judging.constitution.types, kind)
    written = create_session.change_type(run.app.session_maker, key, kind, stages, reason)
    if written is None:
        yield Said(f"{'/'.join(key)} is a {kind} already")
        return
    yield Said(f"{'/'.join(key)} is a {kind} now: {', '.join(stages)}")
    for path in written:
        yield Said(f"  to write: {path}")


@command("archive")
@session_argument
@reason_option
@flag("--undo", help="Bring it back.")
def _archive(run: Run, session: str | None, reason: str, *, undo: bool) -> Answer:
    """Put a session into the archive: it stays readable, and its stages do not move any more."""
    key = run.session(session)
    changed = create_session.archive_session(run.app.writer, key, reason, undo=undo)
    run.app.views.refresh(key[0])
    words = "brought back" if undo else "archived"
    return Answer(lines=[Said(f"{words} {'/'.join(key)}" if changed else "nothing changed")])


spawn = _spawning("spawn", switches=True)
session = options.Group(
    "session",
    commands=[_spawning("new", switches=False), _list, _show, switch, _set, _archive],
    help="Make, list, describe and archive sessions.",
)
