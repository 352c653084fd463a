"""Change a project's agent registry: one event in the project's ledger, then its view."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from idse_orchestrator.app.agents.registry_view import refresh_registry_view, refuse_edited_view
from idse_orchestrator.app.ledger_values import Draft
from idse_orchestrator.app.views_kept_from import kept_from
from idse_orchestrator.domain.agents.registry_check import check_changes, check_registry
from idse_orchestrator.domain.agents.registry_fold import changed_registry
from idse_orchestrator.domain.events import ASSIGNED
from idse_orchestrator.domain.text import encodable
from idse_orchestrator.errors import ConflictError, UnknownNameError

if TYPE_CHECKING:
    from idse_orchestrator.app.ports import LedgerReader, LedgerWriter, ProjectTip, Workspace
    from idse_orchestrator.domain.agents.registry import AgentRegistry
    from idse_orchestrator.domain.agents.registry_fold import Changes

Wish = Callable[["AgentRegistry"], "Changes"]
"""What to change in a registry as it is when it is asked; see `domain.agents.registry_changes`."""


@dataclass(frozen=True, slots=True)
class RegistryKeeper:
    """What changing a registry works with."""

    ledgers: LedgerReader
    writer: LedgerWriter
    workspace: Workspace


@dataclass(frozen=True, slots=True)
class RegistryChanged:
    """The project's ledger afterwards, and the changes that were made (none: all stood so already).

    `view_problem` is what kept the view from being written, or "".
    """

    tip: ProjectTip
    changes: Changes
    view_problem: str = ""


def change_registry(keeper: RegistryKeeper, project: str, wish: Wish, reason: str = "") -> RegistryChanged:
    """Make the changes that `wish` asks for; InvalidRegistryError where the registry cannot be so.

    RegistryEditedError where the view holds an edit that would be overwritten.
    """
    refuse_edited_view(keeper.ledgers, keeper.workspace, project)
    changed = append_changes(keeper, project, wish, reason)
    # the view of now, not of `changed`: others may have written meanwhile
    problem = kept_from(lambda: refresh_registry_view(keeper.ledgers, keeper.workspace, project))
    return replace(changed, view_problem=problem)


def append_changes(
    keeper: RegistryKeeper, project: str, wish: Wish, reason: str = "", fix: str = "run the command again"
) -> RegistryChanged:
    """The same whatever the view holds, which is not written here.

    `fix` is what to do where the registry has gone another way.
    """
    made: Changes = ()

    def plan(tip: ProjectTip | None) -> Draft | None:
        nonlocal made
        if tip is None:
            raise no_project_ledger(project)
        made = wish(tip.state.registry)
        return _draft(tip.state.registry, made, reason, fix) if made else None

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
            fix=("idse agents list    (shows what it is now)", fix),
        )
    check_registry(after, before)
    check_changes(changes)
    because = {"reason": encodable(reason).strip()} if reason.strip() else {}
    return Draft(ASSIGNED, {"changes": list(changes), **because})


def no_project_ledger(project: str) -> UnknownNameError:
    """The error for a project that has no ledger here."""
    return UnknownNameError(
        f"project {project!r} has no ledger in this repository",
        cause="the agent registry is kept there",
        fix=(f"idse init {project}",),
    )
