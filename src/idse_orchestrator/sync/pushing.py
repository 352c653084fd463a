"""Many refs on their way out, under one name that git takes as one pattern.

git compares every refspec of a push with every ref on both sides: 5,000 refspecs take it 35 s, one pattern
0.8 s. The refs themselves may move while git reads them, so copies of exactly what was judged are made
under ``refs/idse-local/outgoing/``, and removed when the push is over.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from idse_orchestrator.errors import UsageError
from idse_orchestrator.sync.agency_url import path_in
from idse_orchestrator.sync.incoming import is_alive
from idse_orchestrator.sync.outcome import PushReport
from idse_orchestrator.sync.push_report import COLLATERAL, NOT_ATOMIC, has_report, push_report
from idse_orchestrator.sync.refspecs import LEDGERS

if TYPE_CHECKING:
    from idse_orchestrator.git.program import Git
    from idse_orchestrator.ledger.sync_point import RefMove
    from idse_orchestrator.sync.connection import Connection

_OUTGOING = "refs/idse-local/outgoing/"
_FEW = 16
"""So many refspecs cost less than copies do."""
_PATIENCE = 600.0


@contextmanager
def refspecs(git: Git, moves: Sequence[RefMove]) -> Iterator[Sequence[str]]:
    """What to give to ``git push`` so that it sends `moves`, and nothing else, for the time of the block."""
    if len(moves) <= _FEW:
        yield [f"{move.new}:{move.ref}" for move in moves]
        return
    _remove_leftovers(git)
    prefix = f"{_OUTGOING}{os.getpid()}-{os.urandom(6).hex()}/"
    _update(git, [f"create {prefix}{move.ref.removeprefix(LEDGERS)} {move.new}" for move in moves])
    try:
        yield [f"{prefix}*:{LEDGERS}*"]
    finally:
        _remove(git, prefix)


def _remove_leftovers(git: Git) -> None:
    """Remove the copies of processes that are gone."""
    names = git.lines("for-each-ref", "--format=%(refname)", _OUTGOING)
    owners = {name.removeprefix(_OUTGOING).partition("/")[0] for name in names}
    for owner in owners:
        if not is_alive(owner.partition("-")[0]):
            _remove(git, f"{_OUTGOING}{owner}/")


def _remove(git: Git, prefix: str) -> None:
    _update(git, git.lines("for-each-ref", "--format=delete %(refname)", prefix))


def _update(git: Git, lines: Sequence[str]) -> None:
    stdin = "".join(f"{line}\n" for line in lines).encode()
    git.bytes("update-ref", "--no-deref", "--stdin", stdin=stdin, timeout=_PATIENCE)


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
