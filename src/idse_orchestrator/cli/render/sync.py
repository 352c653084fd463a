"""What a push or a pull came to, as lines and as JSON values; and what a setup wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING

from idse_orchestrator.cli.render.aligned import aligned
from idse_orchestrator.cli.render.style import PLAIN, Style, printable
from idse_orchestrator.sync.syncing import MOVING, REFUSED, REJECTED, RESULTS, WAITING

if TYPE_CHECKING:
    from idse_orchestrator.sync.setup_agency import AgencySetup
    from idse_orchestrator.sync.syncing import RefOutcome, SyncOutcome

_FAILED = (REFUSED, REJECTED, MOVING)
_WORDS = {WAITING: "to be pushed", MOVING: "kept moving"}
_SYNC = "refs/idse/sync/"
_SHORT = 7


def ref_label(ref: str) -> str:
    """A ref as people call it: ``portal/login``, ``project portal``, ``notes on commits``."""
    family, _, name = ref.removeprefix("refs/idse/").partition("/")
    words = {"sessions": name, "projects": f"project {name}", "sync": f"sync points of {name}"}
    return printable(words.get(family, f"{family} on {name}" if family == "notes" else ref))


def outcome_lines(outcome: SyncOutcome, style: Style = PLAIN) -> list[str]:
    """A line for each ref that moved or failed; sync points only where they failed."""
    told = [ref for ref in outcome.refs if ref.result in _FAILED or not ref.ref.startswith(_SYNC)]
    rows = aligned([_WORDS.get(ref.result, ref.result), ref_label(ref.ref), _path(ref)] for ref in told)
    lines = []
    for ref, row in zip(told, rows, strict=True):
        tint = style.red if ref.result in _FAILED else style.green
        word = _WORDS.get(ref.result, ref.result)
        lines.append("  " + tint(word) + row.removeprefix(word))
        lines += [f"      {printable(text)}" for text in (ref.why, ref.hint) if text]
    return lines


def outcome_summary(outcome: SyncOutcome) -> str:
    """One sentence that counts; only where nothing failed does it sound like success."""
    shown = [ref for ref in outcome.refs if not ref.ref.startswith(_SYNC)]
    counts = [
        f"{count:,} {_WORDS.get(result, result)}"
        for result in RESULTS
        if (count := sum(ref.result == result for ref in shown))
    ]
    failed = sum(ref.result in _FAILED for ref in outcome.refs)
    if failed:
        return f"{failed:,} of {_refs(len(outcome.refs))} failed: " + (", ".join(counts) or "sync points")
    rest = [f"{outcome.equal:,} up to date"] if outcome.equal else []
    return ", ".join([*counts, *rest]) if counts else "everything up to date"


def outcome_data(outcome: SyncOutcome) -> dict[str, object]:
    """``data`` of idse.sync-push/1 and idse.sync-pull/1."""
    return {
        "url": outcome.agency.url,
        "remote": outcome.agency.remote or None,
        "ok": outcome.exit_code == 0,
        "refs": [
            {
                "ref": ref.ref,
                "result": ref.result,
                "old": ref.old or None,
                "new": ref.new,
                "why": ref.why or None,
            }
            for ref in outcome.refs
        ],
        "up_to_date": outcome.equal,
        "sync_point": outcome.point or None,
        "conflicts": list(outcome.conflicts),
    }


def setup_lines(done: AgencySetup) -> list[str]:
    """What was written down, and what to do next."""
    where = f"the Agency is {done.agency.url}, git remote {done.agency.remote}"
    if not done.written:
        return [f"{where}; nothing changed"]
    code = ["  plain git push still sends your code there; ledgers go with idse sync push"]
    return [
        where,
        *(f"  {line}" for line in done.written),
        *(code if done.holds_code else []),
        "next: idse sync push",
    ]


def _path(ref: RefOutcome) -> str:
    if ref.result in (REFUSED, REJECTED):
        return ""
    return f"{ref.old[:_SHORT]}..{ref.new[:_SHORT]}" if ref.old else "new"


def _refs(count: int) -> str:
    return f"{count:,} ref{'s' if count != 1 else ''}"
