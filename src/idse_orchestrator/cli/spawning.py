"""Making a session from the command line: ``idse spawn NAME`` and ``idse session new NAME``."""

from __future__ import annotations

from collections.abc import Callable

import click

from idse_orchestrator.cli.options import command
from idse_orchestrator.cli.run import Run
from idse_orchestrator.cli.template_doubts import doubt_diagnostics, warn_of
from idse_orchestrator.documents.pipeline_artifacts import STAGES, artifact_path
from idse_orchestrator.pipeline.session_graph import EXPLORATORY, FEATURE
from idse_orchestrator.sessions.create_session import SessionWish, create_session, switch_session


def spawn_command(name: str, *, switches: bool) -> click.Command:
    """A command that makes a session, and switches to it if `switches`."""

    def spawn(run: Run, session: str, kind: str, title: str, owner: str, parents: tuple[str, ...]) -> int:
        return _spawn(run, SessionWish(session, kind, title, parents, owner), switches=switches)

    spawn.__doc__ = "Make a session from the templates" + (", and switch to it." if switches else ".")
    wrap: Callable[[Callable[..., int]], click.Command] = command(name, reads=True)
    return wrap(_options(spawn))


def _options(function: Callable[..., int]) -> Callable[..., int]:
    kinds = click.Choice([FEATURE, EXPLORATORY])
    function = click.option(
        "--parent", "parents", multiple=True, metavar="SESSION", help="A session it grows from."
    )(function)
    function = click.option("--owner", default="", metavar="WHO", help="Who answers for it.")(function)
    function = click.option("--title", default="", metavar="TEXT", help="What it is about, in a few words.")(
        function
    )
    function = click.option("--type", "kind", type=kinds, default=FEATURE, help="What kind of work it is.")(
        function
    )
    return click.argument("session", metavar="NAME")(function)


def _spawn(run: Run, wish: SessionWish, *, switches: bool) -> int:
    app, project = run.app, run.project
    maker = app.session_maker
    tip = create_session(maker, project, wish)
    doubts = maker.templates.doubts()
    key = (project, wish.name)
    if switches:
        switch_session(app.workspace, app.views, key)
    path = artifact_path(*key, STAGES[0])
    if run.terminal.as_json:
        from idse_orchestrator.cli.render.envelope import envelope

        data = {
            "project": project,
            "session": wish.name,
            "ledger": tip.commit,
            "path": path,
            "current": switches,
        }
        run.terminal.data(envelope("idse.session/1", data, doubt_diagnostics(doubts)))
        return 0
    warn_of(run.terminal, doubts)
    run.terminal.say(f"made session {project}/{wish.name}" + (" and switched to it" if switches else ""))
    run.terminal.say(f"next: write {path}, then: idse next" if switches else f"next: idse switch {wish.name}")
    return 0
