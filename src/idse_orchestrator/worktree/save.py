"""Saves the edits of a session's folder to its ledger, and restores the folder from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.base.text import encodable
from idse_orchestrator.documents.project_workspace import session_folder
from idse_orchestrator.errors import UnknownNameError, UnsavedWorkError
from idse_orchestrator.ledger.events import EDITED, Draft, SessionKey
from idse_orchestrator.sessions.ports import Contributions
from idse_orchestrator.sessions.status import no_ledger

if TYPE_CHECKING:
    from idse_orchestrator.ledger.merge.conflicts import Conflict
    from idse_orchestrator.pipeline.ports import LedgerReader
    from idse_orchestrator.pipeline.values import SessionTip
    from idse_orchestrator.pipeline.writer import LedgerWriter


class Restorable(Contributions, Protocol):
    """A folder that can be made what a ledger holds."""

    def resolve_tree(self, rev: str, path: str) -> str | None:
        """Returns the id of the tree at `path` of `rev`; None where there is none."""

    def session_folders(self) -> Sequence[SessionKey]:
        """See `SessionFolders.session_folders`."""

    def is_safe_to_replace(self, project: str, session: str, tree: str) -> bool:
        """Tests whether HEAD or the ledger holds every document of the folder, as `tree`."""

    def replace_folder(self, project: str, session: str, before: str, after: str) -> Sequence[str]:
        """Makes the folder, which is `before` now, the tree `after`; returns the paths written or removed.

        Files that git ignores stay.
        """


def tree_changes(ledgers: LedgerReader, before: str, after: str) -> Mapping[str, str | None]:
    """Returns path to its blob id in the tree `after`, None where it is gone, for each file that differs."""
    if before == after:
        return {}
    old, new = ledgers.tree_files(before), ledgers.tree_files(after)
    changed: dict[str, str | None] = {path: blob for path, blob in new.items() if old.get(path) != blob}
    return {**changed, **dict.fromkeys(old.keys() - new.keys())}


class Saved(NamedTuple):
    """`changed`: path in the folder to its new blob id (None: removed); empty when nothing was new.

    `behind`: the ledger also holds edits that the folder does not have. `conflicts`: what both changed,
    and `before` is the ledger commit that has the other side of it. `is_back`: the session was deleted, and
    this edit brings it back.
    """

    tip: SessionTip
    changed: Mapping[str, str | None]
    behind: bool
    conflicts: tuple[Conflict, ...]
    before: str
    is_back: bool = False


def save_session(
    ledgers: LedgerReader, writer: LedgerWriter, workspace: Contributions, key: SessionKey, reason: str = ""
) -> Saved:
    """Applies what changed in the folder to the ledger of `key`; nobody else's edits are taken away."""
    captured = workspace.capture(*key)
    if captured is None:
        raise UnknownNameError(
            "this session has no folder in this work tree",
            where=session_folder(*key),
            cause="the branch does not carry it",
            fix=("idse restore  # writes it from the ledger",),
        )
    edit = workspace.edit(*key, captured.tree)
    outcome: Saved | None = None

    def plan(tip: SessionTip | None) -> Draft | None:
        nonlocal outcome
        if tip is None:
            raise no_ledger(key)
        merged = workspace.apply(edit, tip.artifacts)
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
    is_back = outcome.tip.state.is_deleted and not tip.state.is_deleted
    return outcome._replace(tip=tip, changed=changed, is_back=is_back)


class Restored(NamedTuple):
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
    workspace: Restorable,
    key: SessionKey,
    at: str | None = None,
    *,
    force: bool = False,
) -> Restored:
    """Makes the folder what the ledger holds, now or `at` one of its commits or events.

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
                    "idse save  # keeps it in the ledger",
                    "idse restore --force  # saves it first, then restores",
                ),
            )
        tip = save_session(ledgers, writer, workspace, key, "before a restore").tip
        saved_first = tip.commit
    paths = workspace.replace_folder(*key, here, wanted)
    workspace.agree(*key, tip.artifacts)
    return Restored(source, paths, saved_first, newest=wanted == tip.artifacts)


def bring_folder(ledgers: LedgerReader, writer: LedgerWriter, workspace: Restorable, key: SessionKey) -> int:
    """Writes the folder of a session from its ledger where it is not here; returns how many files."""
    tip = _tip(ledgers, key)
    if not tip.artifacts or key in workspace.session_folders():
        return 0
    return len(restore_session(ledgers, writer, workspace, key).paths)


def _tip(ledgers: LedgerReader, key: SessionKey) -> SessionTip:
    tip = ledgers.session(*key)
    if tip is None:
        raise no_ledger(key)
    return tip
