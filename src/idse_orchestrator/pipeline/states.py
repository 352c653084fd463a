"""How the states of sessions and projects are made, written, read and checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from idse_orchestrator.ledger.kinds import States
from idse_orchestrator.pipeline.stage_state_model import SessionState, state_from_json, state_to_json
from idse_orchestrator.pipeline.values import ProjectState, project_from_json, project_to_json

if TYPE_CHECKING:
    from idse_orchestrator.ledger.shapes import Shape


def _session_problem(data: bytes, parts: Mapping[str, Shape]) -> str | None:
    from idse_orchestrator.pipeline.shapes import session_problem  # hardly ever asked

    return session_problem(data, parts)


def _project_problem(data: bytes, parts: Mapping[str, Shape]) -> str | None:
    from idse_orchestrator.pipeline.shapes import project_problem

    return project_problem(data, parts)


SESSION_STATES = States(SessionState, state_to_json, state_from_json, _session_problem)
PROJECT_STATES = States(ProjectState, project_to_json, project_from_json, _project_problem)
