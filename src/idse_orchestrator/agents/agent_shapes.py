"""What the agents and handoffs in ledgers look like."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from idse_orchestrator.agents.registry import MODES, PROTOCOLS
from idse_orchestrator.ledger.shapes import (
    FLAG,
    MOMENT_OR_NEVER,
    TEXT,
    ULID,
    Record,
    body,
    one_of,
    rows,
    tagged,
    text,
)
from idse_orchestrator.pipeline.shapes import ASSIGNED, STAGE, STAGE_OR_NONE, Held

_FIELDS = {
    "role": TEXT,
    "stages": rows(STAGE),
    "capabilities": rows(TEXT),
    "mode": one_of(*MODES),
    "handoff_protocol": one_of(*PROTOCOLS),
}
_AGENT = Record("AgentSchema", {"id": TEXT}, _FIELDS).shape
_RULE = Record(
    "HandoffRuleSchema",
    {"from_stage": STAGE, "to_stage": STAGE, "from_agent": TEXT, "to_agent": TEXT},
    {"requires_approval": FLAG},
).shape
REGISTRY = Record("RegistrySchema", {"agents": rows(_AGENT), "handoff_rules": rows(_RULE)}).shape
"""The part of a project's state."""

_REASON = {"reason": TEXT}
_CHANGE = tagged(
    "action",
    Record("AddAgent", {"action": one_of("add"), "agent": _AGENT}, _REASON),
    Record("RemoveAgent", {"action": one_of("remove"), "agent": TEXT}, _REASON),
    Record(
        "SetAgent",
        {"action": one_of("set"), "agent": TEXT, "fields": Record("AgentFields", {}, _FIELDS).shape},
        _REASON,
    ),
    Record("OrderAgents", {"action": one_of("order"), "agents": rows(TEXT)}, _REASON),
    Record("ChangeRule", {"action": one_of("add-rule", "remove-rule"), "rule": _RULE}, _REASON),
)
CHANGED = body("RegistryChanged", {"changes": rows(_CHANGE)})


def assigned(held: Mapping[str, Any]) -> Held:
    """Returns what an ``assigned`` event holds: a stage and who has it, or changes of the registry."""
    if "changes" in held:
        return CHANGED, held
    return (CHANGED, {"changes": [held]}) if "action" in held else (ASSIGNED, held)


TOLD = body("Told", {})
REQUESTED = body(
    "HandoffRequest",
    {"action": one_of("request"), "stage": STAGE, "to": text(least=1)},
    {"from": TEXT, "after": STAGE_OR_NONE, "approval": FLAG},
)
ANSWERED = body(
    "Handoff",
    {"handoff": ULID, "action": one_of("approve", "accept", "reject")},
    {"stage": STAGE_OR_NONE},
)


def handed(held: Mapping[str, Any]) -> Held:
    """Returns what a ``handoff`` event holds; one without ``action`` tells a story and is free."""
    if "action" not in held:
        return TOLD, held
    return REQUESTED if held["action"] == "request" else ANSWERED, held


HANDOFFS = rows(
    Record(
        "HandoffSchema",
        {
            "id": ULID,
            "stage": STAGE,
            "from": TEXT,
            "to": TEXT,
            "reason": TEXT,
            "at": MOMENT_OR_NEVER,
            "by": TEXT,
            "after": STAGE_OR_NONE,
            "approval": FLAG,
            "approved_by": TEXT,
        },
    ).shape
)
"""The part of a session's state."""
