"""Options that commands share, and the decorator that makes a click command of a function."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import click

from idse_orchestrator.cli.terminal import Answer, Run, Terminal
from idse_orchestrator.errors import EXIT_OK

if TYPE_CHECKING:
    from idse_orchestrator.constitution.rules import Constitution
    from idse_orchestrator.wiring.application import Application

Complete = Callable[["click.Context", "click.Parameter", str], list[str]]
Values = Callable[["click.Context", str], Iterable[str]]


def silently(values: Values) -> Complete:
    """Makes a click completer of `values`: those that begin with the typed letters, none after a failure."""

    def complete(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
        del parameter
        try:
            return [value for value in values(context, incomplete) if value.startswith(incomplete)]
        except Exception:  # noqa: BLE001 - a traceback in the middle of a typed line helps nobody
            return []

    return complete


@silently
def sessions(context: click.Context, incomplete: str) -> Iterable[str]:
    """Suggests sessions of the project by name; all as ``project/session`` once a slash is typed."""
    known = _application().reader.sessions
    if "/" in incomplete:
        return [f"{project}/{session}" for project, session in known()]
    own = [session for _, session in known(_application().resolve_project(_project(context)))]
    return own or [f"{project}/{session}" for project, session in known()]


@silently
def projects(context: click.Context, incomplete: str) -> Iterable[str]:
    """Suggests projects that have a ledger."""
    del context, incomplete
    return _application().reader.projects()


@silently
def agents(context: click.Context, incomplete: str) -> Iterable[str]:
    """Suggests agents of the project's registry."""
    del incomplete
    from idse_orchestrator.agents.registry import registry_of

    app = _application()
    tip = app.reader.project(app.resolve_project(_project(context)))
    return [agent.id for agent in registry_of(tip.state).agents] if tip else ()


@silently
def handoffs(context: click.Context, incomplete: str) -> Iterable[str]:
    """Suggests open handoffs of the session in question, by id."""
    del incomplete
    from idse_orchestrator.agents.handoff import handoffs_of

    app = _application()
    tip = app.reader.session(*app.resolve_session(_project(context), context.params.get("session")))
    return [handoff.id for handoff in handoffs_of(tip.state)] if tip else ()


@silently
def stages(context: click.Context, incomplete: str) -> Iterable[str]:
    """Suggests the seven stages, in their order."""
    del context, incomplete
    from idse_orchestrator.documents.project_workspace import STAGES

    return STAGES


@silently
def kinds(context: click.Context, incomplete: str) -> Iterable[str]:
    """Suggests kinds of events."""
    del context, incomplete
    from idse_orchestrator.ledger.events import KINDS

    return KINDS


@silently
def rules(context: click.Context, incomplete: str) -> Iterable[str]:
    """Suggests ids of the rules in force here, in the case in which the first letters are typed."""
    del context
    ids = [rule.id for rule in constitution_here().rules]
    return [name.lower() for name in ids] if incomplete[:1].islower() else ids


@silently
def claims(context: click.Context, incomplete: str) -> Iterable[str]:
    """Suggests ids of the claims of the project's blueprint."""
    del incomplete
    from idse_orchestrator.base.names import BLUEPRINT
    from idse_orchestrator.claims.claim import claims_of

    application = _application()
    tip = application.reader.session(application.resolve_project(_project(context)), BLUEPRINT)
    return tuple(claims_of(tip.state)) if tip else ()


@silently
def families(context: click.Context, incomplete: str) -> Iterable[str]:
    """Suggests families of rules, by name or by their digit."""
    del context
    from idse_orchestrator.constitution.rules import FAMILIES, PROJECT

    return FAMILIES if incomplete[:1].isdigit() else (*FAMILIES.values(), PROJECT)


def constitution_here() -> Constitution:
    """Returns the rules in force in this work tree; outside of one, those that are shipped."""
    from idse_orchestrator.errors import NotARepositoryError

    try:
        return _application().judging.constitution
    except NotARepositoryError:
        from idse_orchestrator.base.files import constitution_bytes
        from idse_orchestrator.constitution.file import load_constitution

        return load_constitution(constitution_bytes())


def _application() -> Application:
    from idse_orchestrator.cli.terminal import application_here

    return application_here()


def _project(context: click.Context) -> str | None:
    value = context.params.get("project")
    return value if isinstance(value, str) else None


Callback = Callable[..., Answer | int]
"""What a command does: most return an Answer that is printed then; some print, and return an exit code."""


def command(name: str, *, reads: bool = False, project: bool = True) -> Callable[[Callback], click.Command]:
    """Makes a click command of a function ``(run, **options)``.

    Every command has ``--color``, ``-q`` and ``-v``; with `reads` also ``--json``, with `project` also
    ``--project``. The function's docstring is the help.
    """

    def decorate(function: Callback) -> click.Command:
        @functools.wraps(function)
        def callback(**options: Any) -> int:  # noqa: ANN401 - each option has its own type
            return _run(function, options)

        for option in _common(reads=reads, project=project):
            callback = option(callback)
        return click.command(name)(callback)

    return decorate


session_argument = click.argument("session", required=False, metavar="[SESSION]", shell_complete=sessions)
"""A session by name, or by project/session; the current one if left out."""

session_option = click.option(
    "--session",
    metavar="NAME",
    help="Another session than the current one.",
    shell_complete=sessions,
)
stage_argument = click.argument("stage", metavar="STAGE", shell_complete=stages)
agent_argument = click.argument("agent", metavar="AGENT", shell_complete=agents)
reason_option = click.option("-m", "reason", default="", metavar="WHY", help="Why; part of the history.")


def _run(function: Callback, options: dict[str, Any]) -> int:
    terminal = Terminal(
        color=options.pop("color"),
        quiet=options.pop("quiet"),
        verbose=options.pop("verbose"),
        as_json=options.pop("as_json", False),
    )
    run = Run(terminal, options.pop("project", None))
    try:
        answer = function(run, **options)
        return answer if isinstance(answer, int) else terminal.show(answer)
    except BrokenPipeError:
        return EXIT_OK  # the reader has seen enough; click would call that a failure


def _common(*, reads: bool, project: bool) -> list[Callable[[Any], Any]]:
    options = [
        click.option("-v", "--verbose", count=True, help="Say more; -vv shows tracebacks."),
        click.option("-q", "--quiet", is_flag=True, help="Say nothing but data and errors."),
        click.option(
            "--color",
            type=click.Choice(["auto", "always", "never"]),
            default="auto",
            help="When to use colours.",
        ),
    ]
    if project:
        options.append(
            click.option(
                "--project",
                metavar="NAME",
                help="The project to work on.",
                shell_complete=projects,
            )
        )
    if reads:
        options.append(click.option("--json", "as_json", is_flag=True, help="Print one JSON document."))
    return options
