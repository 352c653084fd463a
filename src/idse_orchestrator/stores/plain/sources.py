"""Opens the documents that a validation asks for, where there is no git."""

from __future__ import annotations

from typing import TYPE_CHECKING

from idse_orchestrator.app.validation import choice as choices
from idse_orchestrator.app.validation.scope import places
from idse_orchestrator.domain.design_store import no_such_ledger
from idse_orchestrator.domain.project_workspace import CONSTITUTION_PATH
from idse_orchestrator.errors import NeedsGitError
from idse_orchestrator.git.sources import Source
from idse_orchestrator.stores.plain.documents import FolderDocuments, LedgerDocuments

if TYPE_CHECKING:
    from idse_orchestrator.app.validation.choice import Choice
    from idse_orchestrator.domain.design_store import DesignStore
    from idse_orchestrator.git.repository import Repository


def open_plain_source(place: Repository, store: DesignStore, choice: Choice) -> Source:
    """The source of `choice`. NeedsGitError for the index and for commits, UnknownNameError for ledgers."""
    if choice.kind == choices.WORKTREE:
        reader = FolderDocuments(place.toplevel, places(choice.scope))
        return Source(reader, choice.scope, reader)
    if choice.kind != choices.LEDGER:
        raise NeedsGitError(
            f"there is no {choice.kind} to judge",
            where=place.toplevel,
            cause="the ledgers here are in a store without git, and so are the documents",
            fix=("idse validate --all", "idse validate --ledger"),
        )
    key = (choice.scope.project or "", choice.scope.session or "")
    loaded = store.load_session(key)
    if loaded is None:
        raise no_such_ledger(key)
    rules = FolderDocuments(place.toplevel, (CONSTITUTION_PATH,))
    return Source(LedgerDocuments(store, key, loaded), choice.scope, rules)
