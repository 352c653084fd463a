"""The events of agents that ledgers take: handoffs in a session's, changes of the registry in a project's."""

from __future__ import annotations

from idse_orchestrator.ledger.events import ASSIGNED, HANDOFF
from idse_orchestrator.ledger.kinds import EventKind
from idse_orchestrator.pipeline.kinds import SESSIONS

_HANDOFF = "idse_orchestrator.agents.handoff:"
_SHAPES = "idse_orchestrator.agents.agent_shapes:"
_REGISTRY = "idse_orchestrator.agents.registry_changes:"

IN_SESSIONS = {
    HANDOFF: EventKind(_HANDOFF + "apply_handoff", _SHAPES + "handed", _HANDOFF + "handoff_words"),
    ASSIGNED: SESSIONS.events[ASSIGNED]._replace(
        body=_SHAPES + "assigned", words=_REGISTRY + "assigned_words"
    ),
}
KEPT_IN_SESSIONS = {"handoffs": _SHAPES + "HANDOFFS"}
IN_PROJECTS = {
    HANDOFF: IN_SESSIONS[HANDOFF]._replace(fold=""),
    ASSIGNED: IN_SESSIONS[ASSIGNED]._replace(fold=_REGISTRY + "apply_changes"),
}
KEPT_IN_PROJECTS = {"registry": _SHAPES + "REGISTRY"}
