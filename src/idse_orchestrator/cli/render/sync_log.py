"""Sync points as ``idse log --sync`` shows them: one line each."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from idse_orchestrator.cli.render.dates import ago
from idse_orchestrator.cli.render.style import PLAIN, Style, printable

if TYPE_CHECKING:
    from idse_orchestrator.sync.points import PointEntry

_SHORT = 7


def sync_point_line(point: PointEntry, now: float | None, style: Style = PLAIN) -> str:
    """Id, date, what happened, and in which clone; `now` is the Unix time for relative dates."""
    when = _iso(point) if now is None else ago(now - point.at)
    clone = "this clone" if point.is_own else f"clone {point.replica}"
    short = style.yellow(point.commit[:_SHORT])
    return f"{short}  {when}  {printable(point.subject)}  {style.dim(printable(clone))}"


def sync_point_data(point: PointEntry) -> dict[str, object]:
    """One entry of ``data`` of idse.log-sync/1."""
    return {
        "commit": point.commit,
        "at": _iso(point),
        "subject": point.subject,
        "replica": point.replica,
        "own": point.is_own,
    }


def _iso(point: PointEntry) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(point.at))
