"""Appends events to ledgers in any DesignStore: read, plan, build, compare and swap."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from idse_orchestrator.app.ledger_values import (
    Draft,
    ProjectPlan,
    ProjectTip,
    SessionPlan,
    SessionPlans,
    SessionTip,
    Tip,
    alone,
)
from idse_orchestrator.domain.design_store import DesignStore, LedgerKey, ledger_name
from idse_orchestrator.domain.ledger.message import message_of
from idse_orchestrator.domain.ledger.project_state import ProjectState
from idse_orchestrator.domain.stage_state_model import SessionState
from idse_orchestrator.domain.store_entry import Content, StoreEntry, corrupt_entry, entry_id, make_entry
from idse_orchestrator.errors import BusyError, LedgerMovedError
from idse_orchestrator.git.ledger.kinds import PROJECT_LEDGER, SESSION_LEDGER, LedgerKind
from idse_orchestrator.git.ledger.lock import ledger_lock
from idse_orchestrator.stores.plain.event_making import PlainEventMaker
from idse_orchestrator.stores.plain.folders import Folders

if TYPE_CHECKING:
    from idse_orchestrator.git.repository import Repository

State = TypeVar("State", SessionState, ProjectState)

_TRIES = 50


class StoreLedgerWriter:
    """The `LedgerWriter` port on a store; `maker` says who writes, and `place` is where its lock stands."""

    def __init__(
        self, place: Repository, store: DesignStore, folders: Folders, maker: PlainEventMaker
    ) -> None:
        self._place = place
        self._store = store
        self._folders = folders
        self._maker = maker

    def ready(self) -> None:
        """See `LedgerWriter.ready`."""
        with ledger_lock(self._place):
            self._maker.event(Draft("created", {}), 0)

    def append(self, project: str, session: str, plan: SessionPlan) -> SessionTip | None:
        """See `LedgerWriter.append`."""
        tips = self.append_all(project, session, alone(plan))
        return tips[-1] if tips else None

    def append_all(self, project: str, session: str, plan: SessionPlans) -> Sequence[SessionTip]:
        """See `LedgerWriter.append_all`."""
        return self._append(SESSION_LEDGER, (project, session), SessionState(project, session), plan)

    def append_to_project(self, project: str, plan: ProjectPlan) -> ProjectTip | None:
        """See `LedgerWriter.append_to_project`."""
        tips = self._append(PROJECT_LEDGER, (project, ""), ProjectState(project), alone(plan))
        return tips[-1] if tips else None

    def _append(
        self,
        kind: LedgerKind[State],
        key: LedgerKey,
        empty: State,
        plan: Callable[[Tip[State] | None], Sequence[Draft]],
    ) -> Sequence[Tip[State]]:
        with ledger_lock(self._place):
            for _ in range(_TRIES):
                before = self._read(kind, key)
                drafts = plan(before)
                try:
                    return self._write(kind, key, before, empty, drafts)
                except LedgerMovedError:
                    continue  # the store is shared with another folder, which was faster
        raise BusyError(f"the ledger of {ledger_name(key)} kept moving", fix=("run the command again",))

    def _read(self, kind: LedgerKind[State], key: LedgerKey) -> Tip[State] | None:
        loaded = self._store.load_session(key)
        if loaded is None:
            return None
        try:
            return Tip(loaded.tip, self._folders.id_of(loaded.artifacts), kind.from_json(loaded.state))
        except ValueError as error:
            raise corrupt_entry(ledger_name(key), f"state.json: {error}") from error

    def _write(
        self,
        kind: LedgerKind[State],
        key: LedgerKey,
        before: Tip[State] | None,
        empty: State,
        drafts: Sequence[Draft],
    ) -> Sequence[Tip[State]]:
        tips = [before] if before else []
        entries = []
        for draft in drafts:
            entry, tip = self._entry(kind, tips[-1] if tips else Tip("", "", empty), draft)
            entries.append(entry)
            tips.append(tip)
        if not entries:
            return tips
        self._store.save_session(key, entries, before.commit if before else None)
        return tips[-len(entries) :]

    def _entry(
        self, kind: LedgerKind[State], before: Tip[State], draft: Draft
    ) -> tuple[StoreEntry, Tip[State]]:
        """The entry of one event after `before` (its commit "" : nothing), and the tip that it makes."""
        event = self._maker.event(draft, before.state.lamport + 1)
        state = kind.apply(before.state, event)
        artifacts = before.artifacts if draft.artifacts is None else draft.artifacts
        documents = self._folders.files(artifacts) if artifacts else None
        content = Content(event.to_json(), kind.to_json(state), documents)
        parents = [before.commit] if before.commit else []
        entry = make_entry(content, parents, self._maker.signature(event, draft), message_of(event))
        return entry, Tip(entry_id(entry), artifacts, state)
