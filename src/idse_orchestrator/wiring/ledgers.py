"""All kinds of ledgers of this idse, and what writes, merges, guards and lists them.

It is the one place that knows which themes have events in which kinds.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from idse_orchestrator.agents import agent_events
from idse_orchestrator.claims import claim_events
from idse_orchestrator.ledger.kinds import COMMIT_NOTES, SYNC_LINES, Kinds
from idse_orchestrator.pipeline.kinds import PROJECTS, SESSIONS

if TYPE_CHECKING:
    from idse_orchestrator.git.vault import Vault
    from idse_orchestrator.ledger.events import Acting
    from idse_orchestrator.ledger.merge.joiner import GitJoiner
    from idse_orchestrator.ledger.source import GitLedgerSource
    from idse_orchestrator.pipeline.writer import LedgerWriter
    from idse_orchestrator.stores.design_store import DesignStore
    from idse_orchestrator.stores.plain_ledgers import Folders
    from idse_orchestrator.sync.guard import GitGuard

KINDS = Kinds(
    (
        SESSIONS.taking(agent_events.IN_SESSIONS, agent_events.KEPT_IN_SESSIONS).taking(
            claim_events.IN_SESSIONS, claim_events.KEPT_IN_SESSIONS
        ),
        PROJECTS.taking(agent_events.IN_PROJECTS, agent_events.KEPT_IN_PROJECTS).taking(
            claim_events.IN_PROJECTS
        ),
        COMMIT_NOTES,
        SYNC_LINES,
    ),
    found_at=f"{__name__}:KINDS",
)


def git_writer(vault: Vault, actor: Acting, clock: Callable[[], float] = time.time) -> LedgerWriter:
    """Returns what appends to the ledgers of a repository, for one actor."""
    from idse_orchestrator.ledger.git_backend import GitBackend
    from idse_orchestrator.pipeline.writer import LedgerWriter

    backend = GitBackend(vault, actor, clock)
    return LedgerWriter(vault.private, KINDS, backend, backend.maker)


def store_writer(private: str, store: DesignStore, folders: Folders, actor: Acting) -> LedgerWriter:
    """Returns what appends to the ledgers of a store, for one actor; the lock stands in `private`."""
    from idse_orchestrator.ledger.writer import EventMaker
    from idse_orchestrator.pipeline.writer import LedgerWriter
    from idse_orchestrator.stores.plain_ledgers import StoreBackend

    return LedgerWriter(private, KINDS, StoreBackend(store, folders), EventMaker(actor))


def git_joiner(vault: Vault, object_folder: str | None = None) -> GitJoiner:
    """Returns what merges ledgers and notes."""
    from idse_orchestrator.ledger.merge.joiner import GitJoiner

    return GitJoiner(vault, KINDS, object_folder)


def git_guard(vault: Vault) -> GitGuard:
    """Returns what judges ledgers at the border."""
    from idse_orchestrator.sync.guard import GitGuard

    return GitGuard(vault, KINDS)


def git_source(vault: Vault) -> GitLedgerSource:
    """Returns everything under ``refs/idse/`` as it is, to check it."""
    from idse_orchestrator.ledger.source import GitLedgerSource

    return GitLedgerSource(vault, KINDS)
