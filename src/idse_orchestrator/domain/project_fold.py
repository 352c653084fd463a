"""A project's state from its events."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from idse_orchestrator.domain.events import CREATED, DESCRIBED

if TYPE_CHECKING:
    from idse_orchestrator.domain.events import Event
    from idse_orchestrator.domain.project_state import ProjectState


def apply_to_project(state: ProjectState, event: Event) -> ProjectState:
    """The project's state after one more event; kinds it does not know are only counted."""
    counted = replace(
        state,
        lamport=max(state.lamport, event.lamport),
        events=state.events + 1,
        updated_at=max(state.updated_at, event.at),
    )
    if event.kind == CREATED:
        return replace(
            counted, stack=event.body.get("stack", state.stack), created_at=state.created_at or event.at
        )
    if event.kind == DESCRIBED:
        return replace(counted, settings={**state.settings, **event.body.get("settings", {})})
    return counted
