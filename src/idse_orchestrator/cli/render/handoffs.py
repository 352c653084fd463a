"""Handoffs as lines, and as JSON values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from idse_orchestrator.agents.handoff import handoff_to_dict
from idse_orchestrator.agents.handoff_document import result_words
from idse_orchestrator.base.text import one_line
from idse_orchestrator.cli.render.aligned import WIDTH, aligned
from idse_orchestrator.cli.render.columns import fitted
from idse_orchestrator.cli.render.style import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from idse_orchestrator.agents.told_handoffs import ToldHandoff


def handoff_rows(told: Sequence[ToldHandoff]) -> list[str]:
    """Two lines for each: what is handed over and how that stands; and why, cut where it is long."""
    if not told:
        return []
    heads = aligned(
        [
            (
                each.handoff.id,
                each.handoff.stage,
                printable(f"{each.handoff.from_agent or each.handoff.by} → {each.handoff.to_agent}"),
                printable(result_words(each)),
            )
            for each in told
        ]
    )
    lines = []
    for head, each in zip(heads, told, strict=True):
        lines.append(head)
        lines += [f"    {fitted(one_line(each.handoff.reason), WIDTH - 4)}"] if each.handoff.reason else []
    return lines


def told_data(told: ToldHandoff) -> dict[str, object]:
    """One as JSON values: the handoff, and what became of it."""
    return {
        **handoff_to_dict(told.handoff),
        "ledger": told.commit,
        "result": told.result,
        "answered_by": told.by or None,
        "answered_at": told.at or None,
        "answer": told.answer or None,
    }
