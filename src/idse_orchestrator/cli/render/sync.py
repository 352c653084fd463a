"""What a push, a pull or a comparison with the Agency came to, as lines and as JSON values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from idse_orchestrator.app.sync.outcome import (
    MOVING,
    REFUSED,
    REJECTED,
    RESULTS,
    WAITING,
)
from idse_orchestrator.app.sync.ports import AHEAD, BEHIND, DIVERGED, EQUAL
from idse_orchestrator.app.sync.status import CONFLICTED, STANDINGS
from idse_orchestrator.cli.render.aligned import aligned
from idse_orchestrator.cli.render.style import PLAIN, Style, printable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from idse_orchestrator.app.sync.outcome import RefOutcome, SyncOutcome
    from idse_orchestrator.app.sync.setup_agency import AgencySetup
    from idse_orchestrator.app.sync.status import RefStanding, SyncStatus

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
    return ", ".join([*counts, f"{outcome.equal:,} up to date"]) if counts else "everything up to date"


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


def standing_lines(status: SyncStatus, style: Style = PLAIN, *, everything: bool = False) -> list[str]:
    """A line for each ref that differs (with `everything` for each), and what to do about it."""
    tints = {CONFLICTED: style.red, DIVERGED: style.yellow, BEHIND: style.yellow, AHEAD: style.cyan}
    told = [ref for ref in status.refs if everything or ref.standing != EQUAL]
    rows = aligned([ref.standing, ref_label(ref.ref)] for ref in told)
    return [
        "  " + tints.get(ref.standing, str)(ref.standing) + row.removeprefix(ref.standing)
        for ref, row in zip(told, rows, strict=True)
    ]


def standing_summary(status: SyncStatus) -> str:
    """One sentence that counts what there is of each standing."""
    counts = [f"{status.count(standing):,} {standing}" for standing in STANDINGS if status.count(standing)]
    last = f"; last {status.last.direction} {status.last.at}" if status.last else "; never synced"
    return (", ".join(counts) or "no ledger on either side") + last


def standing_data(status: SyncStatus) -> dict[str, object]:
    """``data`` of idse.sync-status/1."""
    return {
        "url": status.agency.url,
        "remote": status.agency.remote or None,
        "reachable": status.unreachable is None,
        "counts": {standing: status.count(standing) for standing in STANDINGS},
        "refs": list(_rows(status.refs)),
        "last_sync": {"at": status.last.at, "direction": status.last.direction} if status.last else None,
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


def _rows(refs: Iterable[RefStanding]) -> Iterable[dict[str, object]]:
    for ref in refs:
        yield {
            "ref": ref.ref,
            "standing": ref.standing,
            "local": ref.mine or None,
            "remote": ref.theirs or None,
        }


def _path(ref: RefOutcome) -> str:
    if ref.result in (REFUSED, REJECTED):
        return ""
    return f"{ref.old[:_SHORT]}..{ref.new[:_SHORT]}" if ref.old else "new"


def _refs(count: int) -> str:
    return f"{count:,} ref{'s' if count != 1 else ''}"
