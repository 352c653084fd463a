"""Work on another session in this work tree."""

from __future__ import annotations

from idse_orchestrator.app.ports import LedgerReader, SessionKey, Workspace
from idse_orchestrator.app.views import write_views


def switch_session(ledgers: LedgerReader, workspace: Workspace, key: SessionKey) -> bool:
    """Make `key` the current session here and rewrite the views; False if it was current already."""
    changed = workspace.current() != key
    if changed or workspace.current(key[0]) != key:
        workspace.set_current(*key)
    write_views(ledgers, workspace, key)
    return changed
