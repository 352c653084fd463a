"""Values that pass between the use cases and their ports.

They have a file of their own because a status needs some of them, and none of the Protocols.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeAlias, TypeVar

from idse_orchestrator.domain.stage_state_model import SessionState

if TYPE_CHECKING:
    from idse_orchestrator.domain.agents.registry import AgentRegistry
    from idse_orchestrator.domain.events import Actor
    from idse_orchestrator.domain.ledger.project_state import ProjectState

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


class Look(NamedTuple):
    """What one look at a session's ledger tells.

    Its tip; the blob id of each stage's artifact there; and its project's agents, None where it has none.
    """

    tip: Tip[SessionState]
    blobs: Mapping[str, str]
    agents: AgentRegistry | None

    @property
    def registry(self) -> AgentRegistry:
        """The agents of the project: an empty registry where it has none."""
        if self.agents is not None:
            return self.agents
        from idse_orchestrator.domain.agents.registry import AgentRegistry

        return AgentRegistry()


class Synced(NamedTuple):
    """When this clone last synced (UTC as ISO text), and what the Agency had of a session; "" for nothing.

    `is_tracked`: it is known what the Agency had; of one that is no git remote nothing is remembered.
    """

    at: str
    there: str
    is_tracked: bool = False


class Captured(NamedTuple):
    """A session's folder as git would record it: tree id, and blob ids by relative path."""

    tree: str
    files: Mapping[str, str]


MARKERS = "markers"
NO_TEXT = "no-text"
REMOVED_HERE = "removed-here"
REMOVED_THERE = "removed-there"
FOLDER = "folder"
CASE = "case"
"""Kinds of a conflict: what the ledger holds of it. See `Conflict`."""


class Conflict(NamedTuple):
    """A path of a merged tree that both sides changed, each in its way, and what became of it.

    MARKERS: both texts, between markers · NO_TEXT: that of the edit, since it can have no markers ·
    REMOVED_HERE: that of the ledger, which the edit had removed · REMOVED_THERE: that of the edit, which
    the ledger had removed · FOLDER: the file, which was `original` until a folder had that name ·
    CASE: the file, which was `original`, where another one differs from that only in case.
    """

    path: str
    kind: str
    original: str


class Merged(NamedTuple):
    """A merged tree, and its conflicts in order of their paths."""

    tree: str
    conflicts: tuple[Conflict, ...]

    @property
    def paths(self) -> tuple[str, ...]:
        """Those of the conflicts."""
        return tuple(conflict.path for conflict in self.conflicts)


class Joined(NamedTuple):
    """A merge of two ledger commits, and what it could not decide, in order of the paths.

    In its conflicts the ledger is the parent with the smaller id, and the edit the one with the greater.
    """

    commit: str
    conflicts: tuple[Conflict, ...]

    @property
    def paths(self) -> tuple[str, ...]:
        """Those of the conflicts."""
        return tuple(conflict.path for conflict in self.conflicts)


class CodeChange(NamedTuple):
    """What moved the branch: from `before` ("" : nothing) to `after`, and the first line of its message.

    `previous` is where HEAD stood until then. It differs from `before` when a commit was amended.
    `is_merge`: one commit with several parents, so that somebody has brought their texts together.
    """

    before: str
    after: str
    subject: str
    previous: str
    is_merge: bool = False


class Missed(NamedTuple):
    """What waits to be recorded: the commit `after`, or the way to it from `before` ("" : it alone)."""

    after: str
    before: str = ""


SessionTip = Tip[SessionState]
ProjectTip: TypeAlias = Tip["ProjectState"]
SessionPlan = Callable[[SessionTip | None], Draft | None]
SessionPlans = Callable[[SessionTip | None], Sequence[Draft]]
ProjectPlan = Callable[[ProjectTip | None], Draft | None]


def alone(
    plan: Callable[[Tip[State] | None], Draft | None],
) -> Callable[[Tip[State] | None], Sequence[Draft]]:
    """`plan`, which plans one event or none, as one that plans any number of them."""

    def plans(tip: Tip[State] | None) -> Sequence[Draft]:
        draft = plan(tip)
        return () if draft is None else (draft,)

    return plans
