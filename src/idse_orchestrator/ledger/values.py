"""Values that pass in and out of ledgers.

They have a file of their own because a status needs some of them, and none of the Protocols.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

if TYPE_CHECKING:
    from idse_orchestrator.ledger.events import Actor

State = TypeVar("State")

SessionKey = tuple[str, str]
"""(project, session)"""


class Tip(NamedTuple, Generic[State]):
    """Where a ledger stands: its last commit, the tree of its artifacts ("" if none), its state."""

    commit: str
    artifacts: str
    state: State


class Draft(NamedTuple):
    """An event that is about to be appended; the ledger adds id, lamport, replica, and time and actor.

    `artifacts` is the id of the tree the session's folder has now; None keeps the ledger's.
    `at` (UTC, ``2024-01-31T09:00:00Z``) and `actor` are for what happened long ago, somewhere else: None
    stands for now and for whoever runs idse. The commit gets the same date and author as the event.
    """

    kind: str
    body: Mapping[str, Any] = {}
    artifacts: str | None = None
    at: str | None = None
    actor: Actor | None = None


class Synced(NamedTuple):
    """When this clone last synced (UTC as ISO text), and what the Agency had of a session; "" for nothing.

    `is_tracked`: it is known what the Agency had; of one that is no git remote nothing is remembered.
    """

    at: str
    there: str
    is_tracked: bool = False


def alone(
    plan: Callable[[Tip[State] | None], Draft | None],
) -> Callable[[Tip[State] | None], Sequence[Draft]]:
    """`plan`, which plans one event or none, as one that plans any number of them."""

    def plans(tip: Tip[State] | None) -> Sequence[Draft]:
        draft = plan(tip)
        return () if draft is None else (draft,)

    return plans
