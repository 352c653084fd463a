"""All kinds of ledgers of this idse: the one place that knows which themes have events in which of them."""

from __future__ import annotations

from idse_orchestrator.agents import agent_events
from idse_orchestrator.claims import claim_events
from idse_orchestrator.ledger.kinds import COMMIT_NOTES, SYNC_LINES, Kinds
from idse_orchestrator.pipeline.kinds import PROJECTS, SESSIONS

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
