"""Takes the ledgers of any store into a git repository, judged and joined as those of an Agency."""

from __future__ import annotations

from typing import TYPE_CHECKING

from idse_orchestrator.app.copy_ledgers import (
    COPIED,
    EQUAL,
    MERGED,
    MOVING,
    NEWER,
    REFUSED,
    CopyOutcome,
    LedgerOutcome,
)
from idse_orchestrator.app.sync import outcome as sync
from idse_orchestrator.app.sync.pull import Brought, bring
from idse_orchestrator.app.sync.syncing import Syncing
from idse_orchestrator.app.sync.values import Agency
from idse_orchestrator.git.ledger.lock import ledger_lock
from idse_orchestrator.git.merge.joiner import GitJoiner
from idse_orchestrator.git.ref_names import parse_project_ref, parse_session_ref
from idse_orchestrator.git.sync.assembly import PATIENCE_SECONDS, pause
from idse_orchestrator.git.sync.guard import GitGuard
from idse_orchestrator.git.sync.published_refs import GitPublishedRefs
from idse_orchestrator.stores.store_remote import NoSyncPoints, StoreRemote

if TYPE_CHECKING:
    from collections.abc import Mapping

    from idse_orchestrator.domain.design_store import DesignStore, LedgerKey
    from idse_orchestrator.git.repository import Repository

_RESULTS = {sync.PULLED: COPIED, sync.MERGED: MERGED, sync.REFUSED: REFUSED, sync.MOVING: MOVING}
_NEWER = "this repository has entries that are not there, and keeps them"


def take_in(repository: Repository, store: DesignStore) -> CopyOutcome:
    """Bring every ledger of `store` into the repository; no other sync runs here meanwhile."""
    with ledger_lock(repository, PATIENCE_SECONDS, "sync.lock"):
        refs = GitPublishedRefs(repository)
        mine = refs.heads()
        remote = StoreRemote(repository, store, mine)
        brought = bring(_Intake(repository, remote, refs))
        merged = [each.ref for each in brought.outcomes if each.result == sync.MERGED]
        conflicts = refs.conflicted(merged)
    told = _told(brought) | _broken(remote, mine)
    rest = {_key(ref): _unmoved(_key(ref), head, mine.get(ref, "")) for ref, head in brought.theirs.items()}
    return CopyOutcome(
        tuple(outcome for _, outcome in sorted((rest | told).items())), tuple(map(_key, sorted(conflicts)))
    )


class _Intake(Syncing):
    """The parts of a pull without an Agency: it leaves no sync point."""

    def __init__(self, repository: Repository, remote: StoreRemote, refs: GitPublishedRefs) -> None:
        self.agency = Agency("", "", "import")
        self.remote = remote
        self.refs = refs
        self.points = NoSyncPoints()
        self.pause = pause
        self._make_guard = lambda: GitGuard(repository, lambda folder: GitJoiner(repository, folder))
        self._make_joiner = lambda: GitJoiner(repository)


def _told(brought: Brought) -> dict[LedgerKey, LedgerOutcome]:
    return {
        _key(each.ref): LedgerOutcome(_key(each.ref), _RESULTS[each.result], each.old, each.new, each.why)
        for each in brought.outcomes
    }


def _broken(remote: StoreRemote, mine: Mapping[str, str]) -> dict[LedgerKey, LedgerOutcome]:
    return {
        _key(ref): LedgerOutcome(_key(ref), REFUSED, mine.get(ref, ""), "", why)
        for ref, why in remote.broken.items()
    }


def _unmoved(key: LedgerKey, theirs: str, mine: str) -> LedgerOutcome:
    if theirs == mine:
        return LedgerOutcome(key, EQUAL, mine, mine)
    return LedgerOutcome(key, NEWER, mine, theirs, _NEWER)


def _key(ref: str) -> LedgerKey:
    return parse_session_ref(ref) or (parse_project_ref(ref) or ref, "")
