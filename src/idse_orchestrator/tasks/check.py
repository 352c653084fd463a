"""All tasks of a repository as `idse fsck` replays them, many short histories by one git."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Self

from idse_orchestrator.git.raw_objects import PLAIN_SIGHT, CarefulObjects
from idse_orchestrator.ledger.source import GitLedgerSource, steps_of, walked
from idse_orchestrator.tasks.kind import TASKS

if TYPE_CHECKING:
    from idse_orchestrator.git.vault import Vault
    from idse_orchestrator.ledger.fsck import Step
    from idse_orchestrator.ledger.kinds import Kinds


class TaskSource(GitLedgerSource):
    """The `LedgerSource` port on the tasks of a repository. Use it in a ``with`` block.

    They are never fetched, so none is shallow, and grafts are left out of account: git need not walk them.
    """

    def __init__(self, vault: Vault, kinds: Kinds) -> None:
        super().__init__(vault, kinds, TASKS.place)
        self._objects = CarefulObjects(vault.git.with_environment(PLAIN_SIGHT))

    def __enter__(self) -> Self:
        """Opens the objects."""
        self._objects.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        """Closes them."""
        self._objects.__exit__(*error)

    def history(self, tip: str) -> Iterator[Step]:
        """See `LedgerSource.history`."""
        return steps_of(self._objects, walked(self._objects, tip), tip)
