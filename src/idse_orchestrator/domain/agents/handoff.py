"""An open handoff: a stage that an agent was asked to go on with, and that it has not answered yet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class Handoff(NamedTuple):
    """`id` is that of the event that asked; `at` and `by` are its date and who asked.

    `from_agent` is who had the stage ("" : a person), `after` the stage that was completed where a rule
    asked by itself. With `needs_approval` nobody can accept before a person approved: `approved_by`.
    """

    id: str
    stage: str
    from_agent: str
    to_agent: str
    reason: str = ""
    at: str = ""
    by: str = ""
    after: str = ""
    needs_approval: bool = False
    approved_by: str = ""

    @property
    def waits_for_approval(self) -> bool:
        """Whether a person has to say yes first."""
        return self.needs_approval and not self.approved_by


def handoff_to_dict(handoff: Handoff) -> dict[str, Any]:
    """`handoff` as plain JSON values."""
    return {
        "id": handoff.id,
        "stage": handoff.stage,
        "from": handoff.from_agent,
        "to": handoff.to_agent,
        "reason": handoff.reason,
        "at": handoff.at,
        "by": handoff.by,
        "after": handoff.after,
        "approval": handoff.needs_approval,
        "approved_by": handoff.approved_by,
    }


def handoff_from_dict(raw: Mapping[str, Any]) -> Handoff:
    """The handoff in `raw`, as `handoff_to_dict` made it."""
    return Handoff(
        raw["id"],
        raw["stage"],
        raw["from"],
        raw["to"],
        raw["reason"],
        raw["at"],
        raw["by"],
        raw["after"],
        raw["approval"],
        raw["approved_by"],
    )
