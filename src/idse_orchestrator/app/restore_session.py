"""Bring a session's folder back from its ledger, never over work that nothing else holds.

What comes back counts as an edit of the newest state: where it is older, saving or committing it makes the
ledger say it again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from idse_orchestrator.app.ports import LedgerReader, LedgerWriter, SessionKey, SessionTip, Workspace
from idse_orchestrator.app.save_session import save_session
from idse_orchestrator.app.show_status import no_ledger
from idse_orchestrator.domain.pipeline_artifacts import session_folder
from idse_orchestrator.errors import UnknownNameError, UnsavedWorkError


@dataclass(frozen=True, slots=True)
class Restored:
    """`paths` were written or removed; `source` is the ledger commit they came from.

    `saved_first` is the ledger commit that keeps the unsaved work `force` replaced ("" : there was none).
    `newest`: the folder is what the ledger says now; else it has yet to be saved.
    """

    source: str
    paths: Sequence[str]
    saved_first: str
    newest: bool


def restore_session(
    ledgers: LedgerReader,
    writer: LedgerWriter,
    workspace: Workspace,
    key: SessionKey,
    at: str | None = None,
    *,
    force: bool = False,
) -> Restored:
    """Make the folder what the ledger holds, now or `at` one of its commits or events.

    Unsaved work raises UnsavedWorkError; with `force` it is saved to the ledger first, then replaced.
    """
    tip = _tip(ledgers, key)
    source = ledgers.find_commit(*key, at) if at else tip.commit
    wanted = workspace.resolve_tree(source, "artifacts") or ""
    if not wanted:
        raise UnknownNameError("that ledger commit holds no documents", where=source, fix=("idse log",))
    captured = workspace.capture(*key)
    here = captured.tree if captured else ""
    saved_first = ""
    if here not in ("", wanted) and not workspace.is_safe_to_replace(*key, here):
        if not force:
            raise UnsavedWorkError(
                "this folder holds work that nothing else holds",
                where=session_folder(*key),
                cause="restoring would overwrite it",
                fix=(
                    "idse save    (keeps it in the ledger)",
                    "idse restore --force    (saves it first, then restores)",
                ),
            )
        tip = save_session(ledgers, writer, workspace, key, "before a restore").tip
        saved_first = tip.commit
    paths = workspace.replace_folder(*key, here, wanted)
    workspace.agree(*key, tip.artifacts)
    return Restored(source, paths, saved_first, newest=wanted == tip.artifacts)


def _tip(ledgers: LedgerReader, key: SessionKey) -> SessionTip:
    tip = ledgers.session(*key)
    if tip is None:
        raise no_ledger(key)
    return tip
