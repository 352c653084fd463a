"""A project as its ledger tells it: what holds for all of its sessions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from idse_orchestrator.domain.canonical_json import FORMAT, canonical_json


@dataclass(frozen=True, slots=True)
class ProjectState:
    """`stack` is what the user said at ``idse init --stack``; `settings` is free, by key."""

    project: str
    stack: str = ""
    created_at: str = ""
    updated_at: str = ""
    lamport: int = 0
    events: int = 0
    settings: Mapping[str, Any] = field(default_factory=dict)


def project_to_json(state: ProjectState) -> bytes:
    """`state` as canonical JSON."""
    return canonical_json(
        {
            "format": FORMAT,
            "project": state.project,
            "stack": state.stack,
            "created_at": state.created_at,
            "updated_at": state.updated_at,
            "lamport": state.lamport,
            "events": state.events,
            "settings": dict(state.settings),
        }
    )


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
        )
    except (KeyError, TypeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"not a project's state: {error!r}") from error
