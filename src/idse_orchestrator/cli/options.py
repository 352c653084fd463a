"""Options that commands share, and the decorator that makes a click command of a function."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import click

from idse_orchestrator.base.names import BLUEPRINT, check_known
from idse_orchestrator.cli.terminal import Answer, Run, Terminal, application_here
from idse_orchestrator.documents.project_workspace import STAGES
from idse_orchestrator.errors import EXIT_OK, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from idse_orchestrator.constitution.rules import Constitution
    from idse_orchestrator.ledger.events import SessionKey
    from idse_orchestrator.pipeline.stage_state_model import SessionState
    from idse_orchestrator.wiring.application import Application

Values = Callable[[click.Context, str], Iterable[str]]
Complete = Callable[[click.Context, click.Parameter, str], list[str]]


def silently(values: Values) -> Complete:
    """Makes a click completer of `values`: those that begin with the typed letters, none after a failure."""

    def complete(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
        try:
            return [value for value in values(context, incomplete) if value.startswith(incomplete)]
        except Exception:  # noqa: BLE001 - a traceback in the middle of a typed line helps nobody
            return []

    return complete


def _project_option(context: click.Context) -> str | None:
    value = context.params.get("project")
    return value if isinstance(value, str) else None


def _project(context: click.Context) -> str:
    return application_here().resolve_project(_project_option(context))


def _sessions(context: click.Context, incomplete: str) -> Iterable[str]:
    """Suggests sessions of the project by name and alias; all with their project once a slash is typed."""
    app = application_here()
    own = [] if "/" in incomplete else _names(app, _project(context))
    projects = () if own else sorted({project for project, _ in app.reader.sessions()})
    return own or [f"{project}/{name}" for project in projects for name in _names(app, project)]


def _names(app: Application, project: str) -> list[str]:
    """Names what is there of a project: first names, and aliases; of no session that was deleted."""
    states = app.known_states(project)
    there = [key for key in app.reader.sessions(project) if key not in states or not states[key].is_deleted]
    return [name for key in there for name in dict.fromkeys((key[1], _alias(states, key))) if name]


def _alias(states: Mapping[SessionKey, SessionState], key: SessionKey) -> str:
    return states[key].alias if key in states else ""


def _agents(context: click.Context, _incomplete: str) -> Iterable[str]:
    from idse_orchestrator.agents.registry import registry_of

    tip = application_here().reader.project(_project(context))
    return [agent.id for agent in registry_of(tip.state).agents] if tip else ()


def _handoffs(context: click.Context, _incomplete: str) -> Iterable[str]:
    """Suggests open handoffs of the session in question, by id."""
    from idse_orchestrator.agents.handoff import handoffs_of

    app = application_here()
    tip = app.reader.session(*app.resolve_session(_project_option(context), context.params.get("session")))
    return [handoff.id for handoff in handoffs_of(tip.state)] if tip else ()


def _rules(_context: click.Context, incomplete: str) -> Iterable[str]:
    """Suggests ids of the rules in force here, in the case in which the first letters are typed."""
    ids = [rule.id for rule in constitution_here().rules]
    return [name.lower() for name in ids] if incomplete[:1].islower() else ids


def _claims(context: click.Context, _incomplete: str) -> Iterable[str]:
    from idse_orchestrator.claims.claim import claims_of

    tip = application_here().reader.session(_project(context), BLUEPRINT)
    return tuple(claims_of(tip.state)) if tip else ()


def _families(_context: click.Context, incomplete: str) -> Iterable[str]:
    """Suggests families of rules, by name or by their digit."""
    from idse_orchestrator.constitution.rules import CORE, FAMILIES, ORIGINS

    others = (origin for origin in ORIGINS if origin != CORE)
    return FAMILIES if incomplete[:1].isdigit() else (*FAMILIES.values(), *others)


def _kinds(_context: click.Context, _incomplete: str) -> Iterable[str]:
    from idse_orchestrator.ledger.events import KINDS

    return KINDS


sessions = silently(_sessions)
projects = silently(lambda _context, _incomplete: application_here().reader.projects())
agents = silently(_agents)
handoffs = silently(_handoffs)
stages = silently(lambda _context, _incomplete: STAGES)
kinds = silently(_kinds)
session_types = silently(lambda _context, _incomplete: constitution_here().types)
rules = silently(_rules)
claims = silently(_claims)
families = silently(_families)


def constitution_here() -> Constitution:
    """Returns the rules in force in this work tree; outside of one, those that are shipped."""
    from idse_orchestrator.errors import NotARepositoryError

    try:
        return application_here().judging.constitution
    except NotARepositoryError:
        from idse_orchestrator.base.files import constitution_bytes
        from idse_orchestrator.constitution.file import load_constitution

        return load_constitution(constitution_bytes())


class _Exemplified(click.Command):
    """Opens the help of a command with examples; see `help_topics.EXAMPLES`."""

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the examples, then what click writes."""
        from idse_orchestrator.cli.help_topics import example_lines

        formatter.write_paragraph()
        for line in example_lines(ctx.command_path):
            formatter.write(f"  {line}\n")
        super().format_help_text(ctx, formatter)


class Command(_Exemplified):
    """A command whose help opens with examples."""


class Group(_Exemplified, click.Group):
    """A group of commands whose help opens with examples."""


Callback = Callable[..., Answer | int]
"""What a command does: most return an Answer that is printed then; some print, and return an exit code."""

Option = Callable[[Any], Any]


def command(
    name: str, *options: Option, reads: bool = False, project: bool = True
) -> Callable[[Callback], click.Command]:
    """Makes a click command of a function ``(run, **options)``, with `options` in the order of the help.

    Every command has ``--color``, ``-q`` and ``-v``; with `reads` also ``--json``, with `project` also
    ``--project``. The function's docstring is the help.
    """

    def decorate(function: Callback) -> click.Command:
        @functools.wraps(function)
        def callback(**options: Any) -> int:  # noqa: ANN401 - each option has its own type
            return _run(function, options)

        for option in (*reversed(options), *_common(reads=reads, project=project)):
            callback = option(callback)
        return click.command(name, cls=Command)(callback)

    return decorate


def flag(*names: str, **settings: Any) -> Option:  # noqa: ANN401 - those of click
    """Makes an option without a value."""
    return click.option(*names, is_flag=True, **settings)


def naming_session(*names: str, **settings: Any) -> Option:  # noqa: ANN401 - those of click
    """Makes an option that names a session."""
    return click.option(*names, **{"metavar": "NAME", "shell_complete": sessions, **settings})


def _known_stages(context: click.Context, parameter: click.Parameter, value: Any) -> Any:  # noqa: ANN401 - one or many
    """Returns the stages that were typed. Raises UnknownNameError: nothing that was typed is passed by."""
    source = context.get_parameter_source(parameter.name or "")
    typed = value if isinstance(value, tuple) else (value,)
    if source == click.core.ParameterSource.COMMANDLINE:
        for word in typed:
            check_known("stage", word, STAGES)
    return value


def naming_stage(*names: str, **settings: Any) -> Option:  # noqa: ANN401 - those of click
    """Makes an option that names a stage."""
    return click.option(*names, metavar="STAGE", shell_complete=stages, callback=_known_stages, **settings)


def stage_named(name: str, **settings: Any) -> Option:  # noqa: ANN401 - those of click
    """Makes an argument that names a stage."""
    known = {"metavar": "STAGE", "shell_complete": stages, "callback": _known_stages}
    return click.argument(name, **{**known, **settings})


def naming_agent(*names: str, **settings: Any) -> Option:  # noqa: ANN401 - those of click
    """Makes an option that names an agent."""
    return click.option(*names, **{"metavar": "AGENT", "shell_complete": agents, **settings})


def required_reason(words: str) -> Option:
    """Makes the required ``-m WHY``."""
    return click.option("-m", "reason", metavar="WHY", required=True, help=words)


_BY_OPTION = "idse.session"


def _keep_session(context: click.Context, _parameter: click.Parameter, value: str | None) -> None:
    context.meta[_BY_OPTION] = value


def _one_session(context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    """Returns the session that was named, as an argument or by ``--session``."""
    option: str | None = context.meta.get(_BY_OPTION)
    if value is not None and option is not None and value != option:
        raise UsageError(f"two sessions are named: {value} and {option}", fix=("leave one of them out",))
    return option if value is None else value


def session_argument(function: Any) -> Any:  # noqa: ANN401 - as decorators of click are
    """Adds a session to a command: by name, or by project/session; the current one if left out.

    It may be typed as ``--session`` as well, which is how the commands name it that have another argument.
    """
    argument = click.argument(
        "session", required=False, metavar="[SESSION]", shell_complete=sessions, callback=_one_session
    )
    same = naming_session(
        "--session", "session_option", is_eager=True, expose_value=False, callback=_keep_session,
        help="The same as SESSION.",
    )  # fmt: skip
    return argument(same(function))


session_option = naming_session("--session", help="Another session than the current one.")
stage_argument = stage_named("stage")
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


def _common(*, reads: bool, project: bool) -> list[Option]:
    colors = click.Choice(["auto", "always", "never"])
    options = [
        click.option("-v", "--verbose", count=True, help="Say more; -vv shows tracebacks."),
        flag("-q", "--quiet", help="Say nothing but data and errors."),
        click.option("--color", type=colors, default="auto", help="When to use colours."),
    ]
    if project:
        named = click.option(
            "--project", metavar="NAME", help="The project to work on.", shell_complete=projects
        )
        options.append(named)
    if reads:
        options.append(flag("--json", "as_json", help="Print one JSON document."))
    return options
