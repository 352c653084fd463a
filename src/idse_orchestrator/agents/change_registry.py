"""Changes a project's agent registry: one event in the project's ledger, then its view."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, replace

from idse_orchestrator.agents.registry import (
    EDITED,
    AgentRegistry,
    Changes,
    edited_view,
    refresh_registry_view,
    refuse_edited_view,
    registry_of,
    registry_view,
    rule_words,
    view_condition,
)
from idse_orchestrator.agents.registry_changes import becoming, changed_registry, still_wanted
from idse_orchestrator.agents.registry_check import check_changes, check_registry
from idse_orchestrator.base.text import encodable, one_word
from idse_orchestrator.documents.project_workspace import agent_registry_path
from idse_orchestrator.errors import ConflictError, UnknownNameError
from idse_orchestrator.ledger.events import ASSIGNED, Draft
from idse_orchestrator.pipeline.ports import LedgerReader
from idse_orchestrator.pipeline.values import ProjectTip
from idse_orchestrator.pipeline.writer import LedgerWriter
from idse_orchestrator.sessions.ports import ViewFiles
from idse_orchestrator.sessions.views import failure_of

ChangesOf = Callable[["AgentRegistry"], "Changes"]
"""Tells the changes of a registry as it is when it is asked; `agents.registry_changes` makes them."""


@dataclass(frozen=True, slots=True)
class RegistryKeeper:
    """The parts that changing a registry needs."""

    ledgers: LedgerReader
    writer: LedgerWriter
    workspace: ViewFiles


@dataclass(frozen=True, slots=True)
class RegistryChanged:
    """The project's ledger afterwards, and the changes that were made (none: all stood so already).

    `view_problem` is what kept the view from being written, or "".
    """

    tip: ProjectTip
    changes: Changes
    view_problem: str = ""


def change_registry(
    keeper: RegistryKeeper, project: str, changes_of: ChangesOf, reason: str = ""
) -> RegistryChanged:
    """Makes the changes that `changes_of` asks for; InvalidRegistryError where the registry cannot be so.

    RegistryEditedError where the view holds an edit that would be overwritten.
    """
    refuse_edited_view(keeper.ledgers, keeper.workspace, project)
    changed = append_changes(keeper, project, changes_of, reason)
    # the view of now, not of `changed`: others may have written meanwhile
    problem = failure_of(lambda: refresh_registry_view(keeper.ledgers, keeper.workspace, project))
    return replace(changed, view_problem=problem)


def append_changes(
    keeper: RegistryKeeper,
    project: str,
    changes_of: ChangesOf,
    reason: str = "",
    fix: str = "run the command again",
) -> RegistryChanged:
    """Does the same whatever the view holds, which is not written here.

    `fix` is what to do where the registry has gone another way.
    """
    made: Changes = ()

    def plan(tip: ProjectTip | None) -> Draft | None:
        nonlocal made
        if tip is None:
            raise no_project_ledger(project)
        made = changes_of(registry_of(tip.state))
        return _draft(registry_of(tip.state), made, reason, fix) if made else None

    tip = keeper.writer.append_to_project(project, plan)
    if tip is None:
        raise no_project_ledger(project)
    return RegistryChanged(tip, made)


def _draft(before: AgentRegistry, changes: Changes, reason: str, fix: str) -> Draft:
    after, problems = changed_registry(before, changes)
    if problems:
        raise ConflictError(
            "the registry changed meanwhile",
            cause=problems[0],
            fix=("idse agents list  # shows what it is now", fix),
        )
    check_registry(after, before)
    check_changes(changes)
    because = {"reason": encodable(reason).strip()} if reason.strip() else {}
    return Draft(ASSIGNED, {"changes": list(changes), **because})


def no_project_ledger(project: str) -> UnknownNameError:
    """Returns the error for a project that has no ledger here."""
    return UnknownNameError(
        f"project {project!r} has no ledger in this repository",
        cause="the agent registry is kept there",
        fix=(f"idse init {project}",),
    )


STANDARD_INPUT = "standard input"
"""The name of a file that has none."""


def import_registry(
    keeper: RegistryKeeper, project: str, data: bytes, where: str, *, replace: bool = False, reason: str = ""
) -> RegistryChanged:
    """Makes the registry of `project` what the file says; `replace`: whatever it was made from.

    InvalidRegistryError where the file or the registry in it is not sound; nothing is changed then. An
    edit of the view is lost to no other file: RegistryEditedError, unless it is that edit that comes in.
    ConflictError where the file was made from a commit that is not here, or changes what is gone since.
    """
    from idse_orchestrator.agents.registry_schema import parse_registry  # it imports pydantic

    wanted, commit = parse_registry(data, where)
    tip = keeper.ledgers.project(project)
    check_registry(wanted, registry_of(tip.state) if tip else None)
    _refuse_other_edit(keeper, project, tip, data, replace=replace)
    base = None if replace or not commit else _base(keeper, project, commit, where)

    def changes_of(registry: AgentRegistry) -> Changes:
        if base is None:
            return becoming(registry, wanted)
        _refuse_lost_rules(registry, base, wanted, where)
        return still_wanted(registry, becoming(base, wanted))

    changed = append_changes(keeper, project, changes_of, reason, _replacing(where))
    view = {agent_registry_path(project): registry_view(changed.tip)}
    problem = failure_of(lambda: keeper.workspace.write_views(view))
    return dataclasses.replace(changed, view_problem=problem)


def _base(keeper: RegistryKeeper, project: str, commit: str, where: str) -> AgentRegistry:
    """Returns the registry that the file is an edit of. To guess it would take away what others did."""
    state = keeper.ledgers.project_at(project, commit)
    if state is None:
        raise ConflictError(
            "this file was made from a registry that is not known here",
            where=where,
            cause=f"its `ledger` is {commit[:40]!r}, which is no commit of the ledger of project {project!r}",
            fix=("idse sync pull  # brings what others did", _replacing(where)),
        )
    return registry_of(state)


def _refuse_lost_rules(
    registry: AgentRegistry, base: AgentRegistry, wanted: AgentRegistry, where: str
) -> None:
    """An agent takes its rules along when it goes: also those that others added since, unseen."""
    gone = {agent.id for agent in base.agents} - {agent.id for agent in wanted.agents}
    known = {rule.key for rule in base.handoff_rules}
    for rule in registry.handoff_rules:
        if rule.key not in known and gone & {rule.from_agent, rule.to_agent}:
            raise ConflictError(
                "this file removes an agent that a new rule names",
                where=where,
                cause=f"{rule_words(rule)} was added since the file was made",
                fix=(
                    "idse agents rule list  # and idse agents rule remove, if it shall go, too",
                    _replacing(where),
                ),
            )


def _replacing(where: str) -> str:
    file = "-" if where == STANDARD_INPUT else one_word(where)
    return f"idse agents import --replace {file}  # takes the file as it is"


def _refuse_other_edit(
    keeper: RegistryKeeper, project: str, tip: ProjectTip | None, data: bytes, *, replace: bool
) -> None:
    path = agent_registry_path(project)
    is_edited = view_condition(keeper.ledgers, keeper.workspace, project, tip) == EDITED
    if is_edited and not replace and keeper.workspace.view(path) != data:
        message = "the file of the agent registry was edited by hand, and this is another file"
        raise edited_view(path, message, "the edit would be lost")
