"""Opens the documents that a validation is asked for: work tree, index, commit, range or ledger."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from idse_orchestrator.constitution.commit_reader import (
    CommitReader,
    LedgerTipReader,
)
from idse_orchestrator.constitution.scope import Changes, Scope, places
from idse_orchestrator.documents.project_workspace import (
    CONSTITUTION_PATH,
)
from idse_orchestrator.pipeline.reader import GitLedgerReader
from idse_orchestrator.sessions import choice as choices
from idse_orchestrator.sessions.choice import Source
from idse_orchestrator.sessions.status import no_ledger
from idse_orchestrator.worktree.index_reader import (
    Comparison,
    IndexReader,
    NothingReader,
    compare_index,
    compare_range,
)
from idse_orchestrator.worktree.work_tree import WorkTree, needs_work_tree
from idse_orchestrator.worktree.worktree_reader import WorktreeReader

if TYPE_CHECKING:
    from idse_orchestrator.documents.project_workspace import ArtifactReader
    from idse_orchestrator.git.vault import Vault
    from idse_orchestrator.sessions.choice import Choice


def open_source(vault: Vault, environment: Mapping[str, str], choice: Choice) -> Source:
    """Returns the source of `choice`. `environment` is what git gave a hook: it names the index.

    UnknownNameError for revisions and ledgers that are not here.
    """
    if choice.kind == choices.LEDGER:
        return _ledger(vault, choice.scope)
    if choice.kind == choices.COMMIT:
        return _source(CommitReader(vault, choice.rev, places(choice.scope)), choice.scope)
    if choice.kind == choices.RANGE:
        return _range(vault, choice)
    work_tree = needs_work_tree(vault)
    if choice.kind == choices.INDEX:
        scope = _changed(choice.scope, lambda: compare_index(work_tree, environment))
        return _source(IndexReader(work_tree, environment, places(scope)), scope)
    return _source(WorktreeReader(work_tree, places(choice.scope)), choice.scope)


def _source(reader: ArtifactReader, scope: Scope) -> Source:
    return Source(reader, scope, reader)


def _range(vault: Vault, choice: Choice) -> Source:
    comparison = compare_range(vault, choice.base, choice.rev)
    if not comparison.tip:
        return _source(NothingReader(), Scope(changes=Changes((), frozenset())))
    scope = _changed(choice.scope, lambda: comparison)
    return _source(CommitReader(vault, comparison.tip, places(scope)), scope)


def _changed(scope: Scope, compare: Callable[[], Comparison]) -> Scope:
    """Returns a session that was named is judged whole; without one, what differs is."""
    if scope.session is not None:
        return scope
    found = compare()
    return Scope(changes=choices.within(Changes(found.paths, found.sessions), scope.project))


def _ledger(vault: Vault, scope: Scope) -> Source:
    """Returns a ledger holds one session and no rules.

    Those of the work tree count, and else the core's alone.
    """
    project, session = scope.project or "", scope.session or ""
    tip = GitLedgerReader(vault).session(project, session)
    if tip is None:
        raise no_ledger((project, session))
    rules: ArtifactReader = NothingReader()
    if isinstance(vault, WorkTree):
        rules = WorktreeReader(vault, (CONSTITUTION_PATH,))
    return Source(LedgerTipReader(vault.git, project, session, tip.commit), scope, rules)
