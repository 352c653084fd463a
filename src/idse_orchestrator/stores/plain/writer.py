"""Ledgers in a store, as the writer needs them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from idse_orchestrator.ledger.events import Tip
from idse_orchestrator.ledger.writer import seconds_of
from idse_orchestrator.stores.design_store import DesignStore, LedgerKey, ledger_name
from idse_orchestrator.stores.entry import Content, StoreEntry, corrupt_entry, entry_id, make_entry

if TYPE_CHECKING:
    from idse_orchestrator.ledger.kinds import Named
    from idse_orchestrator.ledger.writer import Made
    from idse_orchestrator.stores.plain.folders import Folders


class StoreBackend:
    """The `Backend` port on a store. Entries wait until the ledger moves: a store keeps them all at once."""

    def __init__(self, store: DesignStore, folders: Folders) -> None:
        self._store = store
        self._folders = folders
        self._waiting: list[StoreEntry] = []

    def read(self, named: Named) -> Tip[Any] | None:
        """See `Backend.read`."""
        self._waiting = []
        loaded = self._store.load_session(_key(named))
        if loaded is None:
            return None
        try:
            state = named.kind.from_json(loaded.state)
        except ValueError as error:
            raise corrupt_entry(ledger_name(_key(named)), f"state.json: {error}") from error
        return Tip(loaded.tip, self._folders.id_of(loaded.artifacts), state)

    def keep(self, named: Named, made: Made) -> str:  # noqa: ARG002 - the port's signature
        """See `Backend.keep`."""
        documents = self._folders.files(made.artifacts) if made.artifacts else None
        content = Content(made.event.to_json(), made.state, documents)
        entry = make_entry(content, [made.before] if made.before else [], _signature(made), made.message)
        self._waiting.append(entry)
        return entry_id(entry)

    def move(self, named: Named, old: str | None, new: str, subject: str) -> None:  # noqa: ARG002 - as above
        """See `Backend.move`."""
        self._store.save_session(_key(named), self._waiting, old)

    def title(self, named: Named) -> str:
        """See `Backend.title`."""
        return f"the ledger of {ledger_name(_key(named))}"


def _key(named: Named) -> LedgerKey:
    project, session = (*named.names, "")[:2]
    return project, session


def _signature(made: Made) -> str:
    """Author and date as git writes them on a commit; it has no time before 1970."""
    now = max(0, seconds_of(made.event.at))
    minutes = 0 if made.is_old else time.localtime(now).tm_gmtoff // 60
    zone = f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}{abs(minutes) % 60:02d}"
    return f"{made.event.actor.name} <{made.event.actor.email}> {now} {zone}"
