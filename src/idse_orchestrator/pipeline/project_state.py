"""A project as its ledger tells it: what holds for all of its sessions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from idse_orchestrator.base.ids import canonical_json
from idse_orchestrator.ledger.events import NotApplied
from idse_orchestrator.ledger.formats import FIRST, read_format

if TYPE_CHECKING:
    from idse_orchestrator.ledger.events import Event


class ProjectState(NamedTuple):
    """`stack` is what the user said at ``idse init --stack``; `settings` is free, by key.

    `parts` is what the events of other themes made, as in a `SessionState`.
    """

    project: str
    stack: str = ""
    created_at: str = ""
    updated_at: str = ""
    lamport: int = 0
    events: int = 0
    settings: Mapping[str, Any] = {}
    parts: Mapping[str, Any] = {}
    not_applied: tuple[NotApplied, ...] = ()
    format: int = FIRST


_OWN = frozenset(ProjectState._fields) - {"parts"}


def project_to_json(state: ProjectState) -> bytes:
    """Returns `state` as canonical JSON; `not_applied` only where it holds something."""
    plain: dict[str, Any] = {
        "format": state.format,
        "project": state.project,
        "stack": state.stack,
        "created_at": state.created_at,
        "updated_at": state.updated_at,
        "lamport": state.lamport,
        "events": state.events,
        "settings": dict(state.settings),
        **state.parts,
    }
    if state.not_applied:
        plain["not_applied"] = [{"event": entry.event, "why": entry.why} for entry in state.not_applied]
    return canonical_json(plain)


def project_from_json(data: bytes) -> ProjectState:
    """Returns the project's state in `data`; ValueError where it is none."""
    try:
        raw = json.loads(data)
        form = read_format(raw["format"])
        return ProjectState(
            raw["project"],
            raw["stack"],
            raw["created_at"],
            raw["updated_at"],
            raw["lamport"],
            raw["events"],
            raw["settings"],
            project_parts(raw),
            tuple(NotApplied(entry["event"], entry["why"]) for entry in raw.get("not_applied", ())),
            form,
        )
    except (KeyError, TypeError, AttributeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"not a project's state: {error!r}") from error


def project_parts(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    """Returns what other themes keep in a project's state, given as plain JSON values."""
    return {key: value for key, value in raw.items() if key not in _OWN}


def created(state: ProjectState, event: Event) -> ProjectState:
    """Begins the project; said again, the later stack counts."""
    return state._replace(stack=event.body.get("stack", state.stack), created_at=state.created_at or event.at)


def described(state: ProjectState, event: Event) -> ProjectState:
    """Changes settings, key by key."""
    return state._replace(settings={**state.settings, **event.body.get("settings", {})})
