"""How ledgers here stand to those at the Agency, as lines and as JSON values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from idse_orchestrator.cli.render.aligned import aligned
from idse_orchestrator.cli.render.style import PLAIN, Style
from idse_orchestrator.cli.render.sync import ref_label
from idse_orchestrator.sync.published_refs import AHEAD, BEHIND, DIVERGED, EQUAL
from idse_orchestrator.sync.status import CONFLICTED, STANDINGS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from idse_orchestrator.sync.status import RefStanding, SyncStatus


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


def _rows(refs: Iterable[RefStanding]) -> Iterable[dict[str, object]]:
    for ref in refs:
        yield {
            "ref": ref.ref,
            "standing": ref.standing,
            "local": ref.mine or None,
            "remote": ref.theirs or None,
        }
