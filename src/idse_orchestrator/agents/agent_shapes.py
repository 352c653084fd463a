"""The shapes of the agents and handoffs in ledgers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from idse_orchestrator.agents.registry import MODES, PROTOCOLS
from idse_orchestrator.ledger import shapes
from idse_orchestrator.ledger.shapes import Record
from idse_orchestrator.pipeline.shapes import ASSIGNED, STAGE, STAGE_OR_NONE, Held

_FIELDS = {
    "role": shapes.TEXT,
    "stages": shapes.rows(STAGE),
    "capabilities": shapes.rows(shapes.TEXT),
    "mode": shapes.one_of(*MODES),
    "handoff_protocol": shapes.one_of(*PROTOCOLS),
}
_AGENT = Record("AgentSchema", {"id": shapes.TEXT}, _FIELDS).shape
_RULE = Record(
    "HandoffRuleSchema",
    {"from_stage": STAGE, "to_stage": STAGE, "from_agent": shapes.TEXT, "to_agent": shapes.TEXT},
    {"requires_approval": shapes.FLAG},
).shape
REGISTRY = Record(
    "RegistrySchema", {"agents": shapes.rows(_AGENT), "handoff_rules": shapes.rows(_RULE)}
).shape
"""The part of a project's state."""

_REASON = {"reason": shapes.TEXT}
_CHANGE = shapes.tagged(
    "action",
    Record("AddAgent", {"action": shapes.one_of("add"), "agent": _AGENT}, _REASON),
    Record("RemoveAgent", {"action": shapes.one_of("remove"), "agent": shapes.TEXT}, _REASON),
    Record(
        "SetAgent",
        {
            "action": shapes.one_of("set"),
            "agent": shapes.TEXT,
            "fields": Record("AgentFields", {}, _FIELDS).shape,
        },
        _REASON,
    ),
    Record("OrderAgents", {"action": shapes.one_of("order"), "agents": shapes.rows(shapes.TEXT)}, _REASON),
    Record("ChangeRule", {"action": shapes.one_of("add-rule", "remove-rule"), "rule": _RULE}, _REASON),
)
CHANGED = shapes.body("RegistryChanged", {"changes": shapes.rows(_CHANGE)})


def assigned(held: Mapping[str, Any]) -> Held:
    """Returns what an ``assigned`` event holds: a stage and who has it, or changes of the registry."""
    if "changes" in held:
        return CHANGED, held
    return (CHANGED, {"changes": [held]}) if "action" in held else (ASSIGNED, held)


TOLD = shapes.body("Told", {})
REQUESTED = shapes.body(
    "HandoffRequest",
    {"action": shapes.one_of("request"), "stage": STAGE, "to": shapes.text(least=1)},
    {"from": shapes.TEXT, "after": STAGE_OR_NONE, "approval": shapes.FLAG},
)
ANSWERED = shapes.body(
    "Handoff",
    {"handoff": shapes.ULID, "action": shapes.one_of("approve", "accept", "reject")},
    {"stage": STAGE_OR_NONE},
)


def handed(held: Mapping[str, Any]) -> Held:
    """Returns what a ``handoff`` event holds; one without ``action`` tells a story and is free."""
    if "action" not in held:
        return TOLD, held
    return REQUESTED if held["action"] == "request" else ANSWERED, held


HANDOFFS = shapes.rows(
    Record(
        "HandoffSchema",
        {
            "id": shapes.ULID,
            "stage": STAGE,
            "from": shapes.TEXT,
            "to": shapes.TEXT,
            "reason": shapes.TEXT,
            "at": shapes.MOMENT_OR_NEVER,
            "by": shapes.TEXT,
            "after": STAGE_OR_NONE,
            "approval": shapes.FLAG,
            "approved_by": shapes.TEXT,
        },
    ).shape
)
"""The part of a session's state."""
