"""What the schema of commit b729234 knows: ``python then.py``, with PYTHONPATH at the code of that commit."""

from __future__ import annotations

import json
import sys

from idse_orchestrator.domain.ledger.schema import BODIES, events, states
from idse_orchestrator.domain.ledger.schema.claims import CLAIMED
from shapes import shapes


def known() -> list[str]:
    """See `shapes.py`."""
    bodies = {
        **{kind: [body] for kind, body in BODIES.items()},
        "stage": [events._Stage, events._Sealing],
        "approved": [events._Approved, events._Waived],
        "assigned": [events._Assigned, events._RegistryChanged],
        "claimed": list(CLAIMED.values()),
        "handoff": [events._Handoff, events._HandoffRequest],
    }
    return shapes(events.EventSchema, bodies, states.SessionStateSchema, states.ProjectStateSchema)


if __name__ == "__main__":
    json.dump(known(), sys.stdout)
