"""The shape of a ledger commit: the names in its tree, and the error for one that is otherwise."""

from __future__ import annotations

from idse_orchestrator.errors import CorruptLedgerError

ARTIFACTS = "artifacts"
EVENT = "event.json"
STATE = "state.json"


def corrupt(ref: str, cause: str) -> CorruptLedgerError:
    """The error for a ledger that cannot be read."""
    return CorruptLedgerError(
        "this ledger is damaged",
        where=ref,
        cause=cause,
        fix=(f"idse fsck    (names every defect; older states are in: git reflog {ref})",),
    )
