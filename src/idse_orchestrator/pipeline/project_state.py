"""A project as its ledger tells it: what holds for all of its sessions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from idse_orchestrator.agents.registry import AgentRegistry, registry_from_dict, registry_to_dict
from idse_orchestrator.agents.registry_fold import changed_registry, changes_in
from idse_orchestrator.base.ids import FORMAT, canonical_json
from idse_orchestrator.ledger.events import ASSIGNED, CREATED, DESCRIBED
from idse_orchestrator.pipeline.stage_state_model import NotApplied

if TYPE_CHECKING:
    from idse_orchestrator.ledger.events import Event


class ProjectState(NamedTuple):
    """`stack` is what the user said at ``idse init --stack``; `settings` is free, by key.

    `registry` holds the agents and the rules of handing over.
    """

    project: str
    stack: str = ""
    created_at: str = ""
    updated_at: str = ""
    lamport: int = 0
    events: int = 0
    settings: Mapping[str, Any] = {}
    registry: AgentRegistry = AgentRegistry()
    not_applied: tuple[NotApplied, ...] = ()


def project_to_json(state: ProjectState) -> bytes:
    """`state` as canonical JSON; `registry` and `not_applied` only where they hold something."""
    plain: dict[str, Any] = {
        "format": FORMAT,
        "project": state.project,
        "stack": state.stack,
        "created_at": state.created_at,
        "updated_at": state.updated_at,
        "lamport": state.lamport,
        "events": state.events,
        "settings": dict(state.settings),
    }
    if state.registry:
        plain["registry"] = registry_to_dict(state.registry)
    if state.not_applied:
        plain["not_applied"] = [{"event": entry.event, "why": entry.why} for entry in state.not_applied]
    return canonical_json(plain)


def project_from_json(data: bytes) -> ProjectState:
    """The project's state in `data`; ValueError when it is none."""
    try:
        raw = json.loads(data)
        if raw["format"] != FORMAT:
            raise ValueError(f"format {raw['format']} is newer than this idse, which reads format {FORMAT}")
        return ProjectState(
            raw["project"],
            raw["stack"],
            raw["created_at"],
            raw["updated_at"],
            raw["lamport"],
            raw["events"],
            raw["settings"],
            registry_from_dict(raw["registry"]) if "registry" in raw else AgentRegistry(),
            tuple(NotApplied(entry["event"], entry["why"]) for entry in raw.get("not_applied", ())),
        )
    except (KeyError, TypeError, AttributeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"not a project's state: {error!r}") from error


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
