"""Record a session's folder, as it is now, in its ledger."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from idse_orchestrator.app.ports import (
    Conflict,
    Draft,
    LedgerReader,
    LedgerWriter,
    SessionKey,
    SessionTip,
    Workspace,
)
from idse_orchestrator.app.show_status import no_ledger
from idse_orchestrator.app.tree_changes import tree_changes
from idse_orchestrator.domain.events import EDITED
from idse_orchestrator.domain.pipeline_artifacts import session_folder
from idse_orchestrator.domain.text import encodable
from idse_orchestrator.errors import UnknownNameError


@dataclass(frozen=True, slots=True)
class Saved:
    """`changed`: path in the folder to its new blob id (None: removed); empty when nothing was new.

    `behind`: the ledger also holds edits that the folder does not have. `conflicts`: what both changed,
    and `before` is the ledger commit that has the other side of it.
    """

    tip: SessionTip
    changed: Mapping[str, str | None]
    behind: bool
    conflicts: tuple[Conflict, ...]
    before: str


def save_session(
    ledgers: LedgerReader, writer: LedgerWriter, workspace: Workspace, key: SessionKey, reason: str = ""
) -> Saved:
    """Apply what changed in the folder to the ledger of `key`; nobody else's edits are taken away."""
    captured = workspace.capture(*key)
    if captured is None:
        raise UnknownNameError(
            "this session has no folder in this work tree",
            where=session_folder(*key),
            cause="the branch does not carry it",
            fix=("idse restore    (writes it from the ledger)",),
        )
    base = workspace.base(*key)
    outcome: Saved | None = None

    def plan(tip: SessionTip | None) -> Draft | None:
        nonlocal outcome
        if tip is None:
            raise no_ledger(key)
        merged = workspace.merge(base, tip.artifacts, captured.tree)
        changed = tree_changes(ledgers, tip.artifacts, merged.tree)
        outcome = Saved(tip, changed, merged.tree != captured.tree, merged.conflicts, tip.commit)
        if merged.tree == tip.artifacts:
            return None
        body: dict[str, object] = {"changed": changed, "source": "save"}
        if reason:
            body["reason"] = encodable(reason)
        if merged.conflicts:
            body["conflicts"] = list(merged.paths)
        return Draft(EDITED, body, merged.tree)

    tip = writer.append(*key, plan)
    if tip is None or outcome is None:
        raise no_ledger(key)
    workspace.agree(*key, captured.tree)
    changed = outcome.changed if tip.commit != outcome.tip.commit else {}
    return Saved(tip, changed, outcome.behind, outcome.conflicts, outcome.before)
