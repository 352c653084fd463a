"""A project's state from its events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from idse_orchestrator.domain.agents.registry_fold import changed_registry, changes_in
from idse_orchestrator.domain.events import ASSIGNED, CREATED, DESCRIBED
from idse_orchestrator.domain.stage_state_model import NotApplied

if TYPE_CHECKING:
    from idse_orchestrator.domain.events import Event
    from idse_orchestrator.domain.ledger.project_state import ProjectState


def apply_to_project(state: ProjectState, event: Event) -> ProjectState:
    """The project's state after one more event; kinds it does not know are only counted."""
    counted = state._replace(
        lamport=max(state.lamport, event.lamport),
        events=state.events + 1,
        updated_at=max(state.updated_at, event.at),
    )
    if event.kind == CREATED:
        return counted._replace(
            stack=event.body.get("stack", state.stack), created_at=state.created_at or event.at
        )
    if event.kind == DESCRIBED:
        return counted._replace(settings={**state.settings, **event.body.get("settings", {})})
    if event.kind == ASSIGNED:
        return _assigned(counted, event)
    return counted


def _assigned(state: ProjectState, event: Event) -> ProjectState:
    """The registry after the changes of `event`; why some did not apply is told once for all of them."""
    registry, problems = changed_registry(state.registry, changes_in(event.body))
    if not problems:
        return state._replace(registry=registry)
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    entry = NotApplied(event.id, problems[0] + more)
    return state._replace(registry=registry, not_applied=(*state.not_applied, entry))
