"""The views of a project in a work tree: files for people and agents to `cat`, made from the refs.

Those of the current session are here, that of the agents is in `agents/registry_view.py`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from idse_orchestrator.agents.registry_view import refresh_registry_view
from idse_orchestrator.base.names import BLUEPRINT
from idse_orchestrator.documents.project_workspace import current_session_path, session_state_path
from idse_orchestrator.errors import StorageError
from idse_orchestrator.ledger.values import SessionKey
from idse_orchestrator.pipeline.ports import LedgerReader
from idse_orchestrator.pipeline.stage_state_model import SessionState
from idse_orchestrator.sessions.ports import Workspace


def expected_views(ledgers: LedgerReader, workspace: Workspace) -> Mapping[str, bytes]:
    """What every view of this work tree should hold, by repository-relative path."""
    projects = {project for project, _ in workspace.session_folders()}
    keys = [key for project in sorted(projects) if (key := workspace.current(project))]
    states, last_sync = ledgers.states(keys), ledgers.last_sync()
    return {path: data for state in states.values() for path, data in views_of(state, last_sync).items()}


def views_of(state: SessionState, last_sync: str) -> Mapping[str, bytes]:
    """The views of the project whose current session has `state`; `last_sync` as `LedgerReader.last_sync`."""
    return {
        current_session_path(state.project): state.session.encode(),
        session_state_path(state.project): _session_state(state, last_sync),
    }


def refresh_views(ledgers: LedgerReader, workspace: Workspace, project: str) -> None:
    """Write the views of `project` where they differ from the refs."""
    current = workspace.current(project)
    if current is not None:
        write_views(ledgers, workspace, current)


def write_views(ledgers: LedgerReader, workspace: Workspace, current: SessionKey) -> None:
    """Write the views for the session `current`; nothing where it has no ledger."""
    tip = ledgers.session(*current)
    if tip is not None:
        workspace.write_views(current[0], views_of(tip.state, ledgers.last_sync()))
        refresh_registry_view(ledgers, workspace, current[0])


def _session_state(state: SessionState, last_sync: str) -> bytes:
    view = {
        "project_name": state.project,
        "session_id": state.session,
        "is_blueprint": state.session == BLUEPRINT,
        "created_at": state.created_at,
        "updated_at": state.updated_at,
        "stages": {stage: record.status for stage, record in state.stages.items()},
        "last_sync": last_sync or None,
        "validation_status": state.validation.status,
    }
    return json.dumps(view, indent=2, ensure_ascii=False).encode() + b"\n"


def kept_from(write: Callable[[], object]) -> str:
    """Run `write`, which writes views; what kept it from that, in a sentence, or ""."""
    try:
        write()
    except StorageError as error:
        return f"recorded, but {error.where} cannot be written ({error.cause}): idse doctor --fix"
    return ""
