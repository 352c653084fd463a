"""The shapes of claims in ledgers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from idse_orchestrator.ledger import shapes
from idse_orchestrator.ledger.shapes import Record
from idse_orchestrator.pipeline.shapes import STAGE, Held

_ID = shapes.text(r"c-[0-9a-f]{10}")
_EVIDENCE = Record(
    "EvidenceSchema", {"session": shapes.NAME, "stage": STAGE, "commit": shapes.OBJECT, "blob": shapes.OBJECT}
).shape
_DEMOTIONS = shapes.table(shapes.ULID, shapes.COUNT)

CLAIMED = shapes.body(
    "Claimed",
    {"action": shapes.one_of("declare", "promote", "reinforce", "demote"), "claim": _ID},
    {"section": shapes.TEXT, "demotions": _DEMOTIONS},
)
_BORNE = CLAIMED.and_also({"evidence": shapes.rows(_EVIDENCE, least=1)})
_ACTIONS = {
    "declare": CLAIMED.and_also({"text": shapes.LINE}),
    "promote": _BORNE,
    "reinforce": _BORNE,
    "demote": CLAIMED.and_also({"reason": shapes.text(least=1)}),
}


def claimed(held: Mapping[str, Any]) -> Held:
    """Returns what a ``claimed`` event holds, by its action."""
    action = held.get("action")
    return (_ACTIONS.get(action, CLAIMED) if isinstance(action, str) else CLAIMED), held


CLAIMS = shapes.table(
    _ID,
    Record(
        "ClaimSchema",
        {
            "text": shapes.LINE,
            "section": shapes.TEXT,
            "status": shapes.one_of("declared", "promoted", "demoted"),
            "evidence": shapes.rows(_EVIDENCE),
            "at": shapes.MOMENT,
            "by": shapes.TEXT,
            "event": shapes.ULID,
            "reason": shapes.TEXT,
            "demotions": _DEMOTIONS,
        },
    ).shape,
)
"""The part of a session's state: claims by id."""
