"""Where a session stands, judged against the documents of this work tree."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from idse_orchestrator.app.ledger_values import Synced
from idse_orchestrator.domain.next_action import NextAction, next_action
from idse_orchestrator.domain.stage_state_model import SessionState, Standing, standings
from idse_orchestrator.errors import UnknownNameError

if TYPE_CHECKING:
    from idse_orchestrator.app.ports import LedgerReader, SessionKey, Workspace
    from idse_orchestrator.domain.agents.ide_agent_routing import Routing
    from idse_orchestrator.domain.agents.registry import AgentRegistry


class SessionStatus(NamedTuple):
    """A session's state, its stages as they stand now, and what to do next.

    `blobs` maps a stage to the id of its document in the work tree; `differs` names the stages whose
    document the ledger does not hold as it is; `has_folder` is False where the branch has no folder;
    `synced` is when this clone last synced and what the Agency had then; `agents` are the project's, None
    where it has none.
    """

    state: SessionState
    tip: str
    stages: tuple[Standing, ...]
    next: NextAction
    blobs: Mapping[str, str]
    differs: tuple[str, ...]
    has_folder: bool
    synced: Synced
    agents: AgentRegistry | None

    def routed(self, stage: str) -> Routing | None:
        """Who should act on `stage`; None where the project has no agents and the session assigns none."""
        assigned = self.state.assigned.get(stage, "")
        if self.agents is None and not assigned:
            return None
        from idse_orchestrator.domain.agents.ide_agent_routing import route
        from idse_orchestrator.domain.agents.registry import AgentRegistry

        return route(self.agents or AgentRegistry(), stage, assigned)


def show_status(ledgers: LedgerReader, workspace: Workspace, key: SessionKey) -> SessionStatus:
    """The status of the session `key`; UnknownNameError where it has no ledger."""
    look = ledgers.look(*key)
    if look is None:
        raise no_ledger(key)
    tip, in_ledger = look.tip, look.blobs
    in_folder = workspace.blobs(*key)
    blobs = in_folder or in_ledger
    stages = standings(tip.state, blobs)
    differs = tuple(stage for stage, blob in in_folder.items() if in_ledger.get(stage) != blob)
    action = next_action(tip.state, stages)
    synced = ledgers.synced(*key)
    return SessionStatus(
        tip.state, tip.commit, stages, action, blobs, differs, bool(in_folder), synced, look.agents
    )


def no_ledger(key: SessionKey) -> UnknownNameError:
    """The error for a session that has no ledger here."""
    project, session = key
    return UnknownNameError(
        f"session {session!r} of project {project!r} has no ledger in this repository",
        cause="it was never made here, or its refs were not fetched",
        fix=("idse session list", f"idse init {project}    (adopts folders that have no ledger)"),
    )
