"""What an export or an import came to, as lines and as JSON values."""

from __future__ import annotations

from collections import Counter

from idse_orchestrator.cli.render.aligned import aligned
from idse_orchestrator.cli.render.style import PLAIN, Style, printable
from idse_orchestrator.stores.copy_ledgers import (
    COPIED,
    DIVERGED,
    MERGED,
    MOVING,
    NEWER,
    REFUSED,
    CopyOutcome,
    LedgerOutcome,
)
from idse_orchestrator.stores.design_store import LedgerKey

_FAILED = (REFUSED, DIVERGED, MOVING)
_ORDER = (COPIED, MERGED, NEWER, DIVERGED, REFUSED, MOVING)
_SHORT = 7


def label(key: LedgerKey) -> str:
    """A ledger as people call it: ``portal/login``, ``project portal``."""
    return printable("/".join(key) if key[1] else f"project {key[0]}")


def copy_lines(outcome: CopyOutcome, style: Style = PLAIN) -> list[str]:
    """A line for each ledger that was copied, or of which there is something to say."""
    rows = aligned([each.result, label(each.key), _path(each)] for each in outcome.changed)
    lines = []
    for each, row in zip(outcome.changed, rows, strict=True):
        tint = style.red if each.result in _FAILED else style.green
        lines.append("  " + tint(each.result) + row.removeprefix(each.result))
        lines += [f"      {printable(each.why)}"] if each.why else []
    return lines


def copy_summary(outcome: CopyOutcome) -> str:
    """One sentence that counts."""
    counts = Counter(each.result for each in outcome.ledgers)
    parts = [f"{counts[result]:,} {result}" for result in _ORDER if counts[result]]
    rest = [f"{outcome.equal:,} up to date"] if outcome.equal else []
    return ", ".join([*parts, *rest]) if parts else "everything up to date" if rest else "there is no ledger"


def copy_data(outcome: CopyOutcome, folder: str) -> dict[str, object]:
    """``data`` of idse.export/1 and idse.import/1."""
    return {
        "folder": folder,
        "ok": outcome.exit_code == 0,
        "ledgers": [
            {
                "project": each.key[0],
                "session": each.key[1] or None,
                "result": each.result,
                "old": each.old or None,
                "new": each.new or None,
                "why": each.why or None,
            }
            for each in outcome.changed
        ],
        "up_to_date": outcome.equal,
        "conflicts": [
            {"project": project, "session": session or None} for project, session in outcome.conflicts
        ],
    }


def _path(each: LedgerOutcome) -> str:
    if each.result not in (COPIED, MERGED):
        return ""
    return f"{each.old[:_SHORT]}..{each.new[:_SHORT]}" if each.old else "new"
