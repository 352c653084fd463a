"""Suggestions for a shell where a name is expected: of sessions, stages, rules, kinds, claims and so on.

Attach a function as ``shell_complete=`` of a click argument or option. Completion runs while somebody
types, so whatever goes wrong means "no suggestions", never an error. Nothing is imported before it is
asked for: every command attaches these.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import click

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
    from idse_orchestrator.documents.pipeline_artifacts import STAGES

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
        from idse_orchestrator.constitution.file import load_constitution
        from idse_orchestrator.resources import constitution_bytes

        return load_constitution(constitution_bytes())


def _application() -> Application:
    from idse_orchestrator.cli.run import application_here

    return application_here()


def _project(context: click.Context) -> str | None:
    value = context.params.get("project")
    return value if isinstance(value, str) else None
