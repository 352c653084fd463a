"""What an edit changed in a ledger, the way its event tells it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from idse_orchestrator.app.ports import LedgerReader


def tree_changes(ledgers: LedgerReader, before: str, after: str) -> Mapping[str, str | None]:
    """Path to its blob id in the tree `after`, None where it is gone, for each file that differs."""
    if before == after:
        return {}
    old, new = ledgers.tree_files(before), ledgers.tree_files(after)
    changed: dict[str, str | None] = {path: blob for path, blob in new.items() if old.get(path) != blob}
    return {**changed, **dict.fromkeys(old.keys() - new.keys())}
