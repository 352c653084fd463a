"""The events of blueprint claims that a session's ledger takes."""

from __future__ import annotations

from idse_orchestrator.ledger.events import CLAIMED
from idse_orchestrator.ledger.kinds import EventKind

_SHAPES = "idse_orchestrator.claims.claim_shapes:"
_CLAIM = "idse_orchestrator.claims.claim:"

IN_SESSIONS = {CLAIMED: EventKind(_CLAIM + "apply_claim", _SHAPES + "claimed", _CLAIM + "claim_words")}
IN_PROJECTS = {CLAIMED: IN_SESSIONS[CLAIMED]._replace(fold="")}
KEPT_IN_SESSIONS = {"claims": _SHAPES + "CLAIMS"}
