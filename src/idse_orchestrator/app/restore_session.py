"""Bring a session's folder back from its ledger, never over work that nothing else holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from idse_orchestrator.app.ports import LedgerReader, LedgerWriter, SessionKey, Workspace
from idse_orchestrator.app.save_session import save_session
from idse_orchestrator.app.show_status import no_ledger
from idse_orchestrator.domain.pipeline_artifacts import session_folder
from idse_orchestrator.errors import UnknownNameError, UnsavedWorkError


@dataclass(frozen=True, slots=True)
class Restored:
    """`paths` were written or removed; `source` is the ledger commit they came from.

    `saved_first` is the ledger commit that keeps the unsaved work `force` replaced ("" : there was none).
    """

    source: str
    paths: Sequence[str]
    saved_first: str


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
    source = ledgers.find_commit(*key, at) if at else _tip(ledgers, key)
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
        saved_first = save_session(ledgers, writer, workspace, key, "before a restore").tip.commit
    paths = workspace.replace_folder(*key, here, wanted)
    workspace.agree(*key, wanted)
    return Restored(source, paths, saved_first)


def _tip(ledgers: LedgerReader, key: SessionKey) -> str:
    tip = ledgers.session(*key)
    if tip is None:
        raise no_ledger(key)
    return tip.commit
