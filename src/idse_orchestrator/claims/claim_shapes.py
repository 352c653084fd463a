"""What claims in ledgers look like."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from idse_orchestrator.ledger.shapes import (
    COUNT,
    LINE,
    MOMENT,
    NAME,
    OBJECT,
    TEXT,
    ULID,
    Record,
    body,
    one_of,
    rows,
    table,
    text,
)
from idse_orchestrator.pipeline.shapes import STAGE, Held

_ID = text(r"c-[0-9a-f]{10}")
_EVIDENCE = Record(
    "EvidenceSchema", {"session": NAME, "stage": STAGE, "commit": OBJECT, "blob": OBJECT}
).shape
_DEMOTIONS = table(ULID, COUNT)

CLAIMED = body(
    "Claimed",
    {"action": one_of("declare", "promote", "reinforce", "demote"), "claim": _ID},
    {"section": TEXT, "demotions": _DEMOTIONS},
)
_BORNE = CLAIMED.and_also({"evidence": rows(_EVIDENCE, least=1)})
_ACTIONS = {
    "declare": CLAIMED.and_also({"text": LINE}),
    "promote": _BORNE,
    "reinforce": _BORNE,
    "demote": CLAIMED.and_also({"reason": text(least=1)}),
}


def claimed(held: Mapping[str, Any]) -> Held:
    """Returns what a ``claimed`` event holds, by its action."""
    action = held.get("action")
    return (_ACTIONS.get(action, CLAIMED) if isinstance(action, str) else CLAIMED), held


CLAIMS = table(
    _ID,
    Record(
        "ClaimSchema",
        {
            "text": LINE,
            "section": TEXT,
            "status": one_of("declared", "promoted", "demoted"),
            "evidence": rows(_EVIDENCE),
            "at": MOMENT,
            "by": TEXT,
            "event": ULID,
            "reason": TEXT,
            "demotions": _DEMOTIONS,
        },
    ).shape,
)
"""The part of a session's state: claims by id."""
