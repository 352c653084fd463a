"""The views of a project in a work tree: files for people and agents to `cat`, made from the refs.

Those of the current session are made here; `wiring` hands in what refreshes those of other rooms.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from idse_orchestrator.base.names import BLUEPRINT
from idse_orchestrator.documents.project_workspace import current_session_path, session_state_path
from idse_orchestrator.errors import StorageError

if TYPE_CHECKING:
    from idse_orchestrator.ledger.events import SessionKey
    from idse_orchestrator.pipeline.ports import LedgerReader
    from idse_orchestrator.pipeline.stage_state_model import SessionState
    from idse_orchestrator.sessions.ports import ViewFiles


def _nothing(_project: str) -> None:
    """Refreshes no further view."""


class Views:
    """The views of a work tree; `refresh_others` writes further ones of a project."""

    def __init__(
        self,
        ledgers: LedgerReader,
        workspace: ViewFiles,
        refresh_others: Callable[[str], object] = _nothing,
    ) -> None:
        self._ledgers = ledgers
        self._workspace = workspace
        self._refresh_others = refresh_others

    def contents(self) -> Mapping[str, bytes]:
        """Returns the content that the views made here should have, by repository-relative path."""
        projects = {project for project, _ in self._workspace.session_folders()}
        keys = [key for project in sorted(projects) if (key := self._workspace.current(project))]
        states, last_sync = self._ledgers.states(keys), self._ledgers.last_sync()
        return {path: data for state in states.values() for path, data in views_of(state, last_sync).items()}

    def refresh(self, project: str) -> None:
        """Writes the views of `project` where they differ from the refs."""
        current = self._workspace.current(project)
        if current is not None:
            self.write(current)

    def write(self, current: SessionKey) -> None:
        """Writes the views for the session `current`; nothing where it has no ledger."""
        tip = self._ledgers.session(*current)
        if tip is not None:
            self._workspace.write_views(views_of(tip.state, self._ledgers.last_sync()))
            self._refresh_others(current[0])

    def refresh_all(self) -> None:
        """Writes every view that differs from the refs."""
        self._workspace.write_views(self.contents())
        for project in sorted({project for project, _ in self._workspace.session_folders()}):
            self._refresh_others(project)


def views_of(state: SessionState, last_sync: str) -> Mapping[str, bytes]:
    """Returns the views of the project whose current session has `state`.

    `last_sync` as `LedgerReader.last_sync`.
    """
    return {
        current_session_path(state.project): state.session.encode(),
        session_state_path(state.project): _session_state(state, last_sync),
    }


def _session_state(state: SessionState, last_sync: str) -> bytes:
    view = {
        "project_name": state.project,
        "session_id": state.session,
        "is_blueprint": state.session == BLUEPRINT,
        "created_at": state.created_at,
        "updated_at": state.updated_at,
        "stages": {stage: state.status_of(stage) for stage in state.stages},
        "last_sync": last_sync or None,
        "validation_status": state.validation.status,
    }
    return json.dumps(view, indent=2, ensure_ascii=False).encode() + b"\n"


def failure_of(write: Callable[[], object]) -> str:
    """Runs `write`, which writes views, and returns why that failed, in a sentence; "" where it did not."""
    try:
        write()
    except StorageError as error:
        return f"recorded, but {error.where} cannot be written ({error.cause}): idse doctor --fix"
    return ""
