"""Values and ports of session and project ledgers.

They have a file of their own because a status needs some of them, and none of the Protocols.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from idse_orchestrator.ledger.values import Draft, Tip
from idse_orchestrator.pipeline.stage_state_model import SessionState

if TYPE_CHECKING:
    from idse_orchestrator.agents.registry import AgentRegistry
    from idse_orchestrator.pipeline.project_state import ProjectState


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
        from idse_orchestrator.agents.registry import AgentRegistry

        return AgentRegistry()


SessionTip = Tip[SessionState]
ProjectTip: TypeAlias = Tip["ProjectState"]
SessionPlan = Callable[[SessionTip | None], Draft | None]
SessionPlans = Callable[[SessionTip | None], Sequence[Draft]]
ProjectPlan = Callable[[ProjectTip | None], Draft | None]
