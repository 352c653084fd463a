"""Sends refs to one Agency: all of them or none, where it can do that, and else in an order that is safe."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from idse_orchestrator.app.sync.values import PushReport
from idse_orchestrator.domain.sync.agency_url import path_in
from idse_orchestrator.domain.sync.refspecs import LEDGERS
from idse_orchestrator.errors import UsageError
from idse_orchestrator.git.sync.outgoing_refs import refspecs
from idse_orchestrator.git.sync.push_report import COLLATERAL, NOT_ATOMIC, has_report, push_report

if TYPE_CHECKING:
    from collections.abc import Sequence

    from idse_orchestrator.domain.sync.sync_point import RefMove
    from idse_orchestrator.git.program import Git
    from idse_orchestrator.git.sync.connection import Connection

_SYNC = f"{LEDGERS}sync/"
_PUSH = (
    "push",
    "--progress",
    "--porcelain",
    "--no-verify",
    "--no-follow-tags",
    "--recurse-submodules=no",
)
_EMPTY = PushReport((), {}, ())


def push(connection: Connection, git: Git, moves: Sequence[RefMove]) -> PushReport:
    """See `Remote.push`. Sync points go last: with a remote that is not atomic, only after all others."""
    _refuse_bundle(connection.agency.url)
    ordered = sorted(moves, key=lambda move: move.ref.startswith(_SYNC))
    report = _push_all(connection, git, [ordered], atomic=True)
    return report if report is not None else _push_in_order(connection, git, ordered)


def _refuse_bundle(url: str) -> None:
    if os.path.isfile(path_in(url) or ""):
        raise UsageError(
            "a bundle can be pulled from, and not pushed to",
            where=url,
            fix=("make a bundle of what is here: git bundle create FILE --glob='refs/idse/*'",),
        )


def _push_in_order(connection: Connection, git: Git, moves: Sequence[RefMove]) -> PushReport:
    """Ledgers, and when all of them arrived, the sync points that speak of them."""
    ledgers = [move for move in moves if not move.ref.startswith(_SYNC)]
    points = [move for move in moves if move.ref.startswith(_SYNC)]
    parts = [part for part in (ledgers, points) if part]
    return _push_all(connection, git, parts, atomic=False) or _EMPTY


def _push_all(
    connection: Connection, git: Git, parts: Sequence[Sequence[RefMove]], *, atomic: bool
) -> PushReport | None:
    """One push after the other, as long as all is taken; None where the remote knows no atomic push."""
    total = _EMPTY
    for number, part in enumerate(parts):
        report = _push_one(connection, git, part, atomic=atomic)
        if report is None:
            return None
        total = _joined(total, report)
        if report.rejected or report.raced:
            late = [move.ref for rest in parts[number + 1 :] for move in rest]
            return _joined(total, PushReport((), dict.fromkeys(late, COLLATERAL), ()))
    return total


def _push_one(
    connection: Connection, git: Git, moves: Sequence[RefMove], *, atomic: bool
) -> PushReport | None:
    how = ("--atomic",) if atomic else ("--no-atomic",)
    with refspecs(git, moves) as given:
        done = connection.run(*_PUSH, *how, connection.address, *given)
    if has_report(done):
        return push_report(moves, done)
    if atomic and NOT_ATOMIC.encode() in done.stderr:
        return None
    raise connection.failure(_PUSH, done)


def _joined(one: PushReport, other: PushReport) -> PushReport:
    return PushReport(
        (*one.accepted, *other.accepted), {**one.rejected, **other.rejected}, (*one.raced, *other.raced)
    )
