"""Pushes many refs at once, all or none, and reads from git's report what came of each.

git compares every refspec of a push with every ref on both sides: 5,000 refspecs take it 35 s, one pattern
0.8 s. The refs themselves may move while git reads them, so copies of exactly what was judged are made
under ``refs/idse-local/outgoing/``, and removed when the push is over.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.errors import UsageError
from idse_orchestrator.ledger.refs import OUTGOING, PUBLISHED, SYNC
from idse_orchestrator.redaction import redacted
from idse_orchestrator.sync.incoming import is_alive
from idse_orchestrator.sync.published_refs import remove_refs, update_refs
from idse_orchestrator.sync.remotes import path_in
from idse_orchestrator.sync.server_words import named_refusals, remote_words

if TYPE_CHECKING:
    from idse_orchestrator.git.program import Git
    from idse_orchestrator.git.watching import Watched
    from idse_orchestrator.sync.connection import Connection
    from idse_orchestrator.sync.published_refs import RefMove

_FEW = 16
"""So many refspecs cost less than copies of refs do."""
_PUSH = (
    "push",
    "--progress",
    "--porcelain",
    "--no-verify",
    "--no-follow-tags",
    "--recurse-submodules=no",
)

_MORE_TRIES = 2
_NOT_MOVED_IN = b"unable to migrate objects to permanent storage"
"""A `git gc` beside the push took away an empty folder for objects, and git makes it once alone."""
_NOT_ATOMIC = "does not support --atomic push"
_NO_REPLY = "remote failed to report status"
COLLATERAL = "atomic push failed"

_DECLINED = "pre-receive hook declined"
"""git says it of every ref of a push, whichever the hook refused."""

_ACCEPTED = frozenset(" *=")
_REASON = re.compile(r"\[([^\]]*)\](?: \((.*)\))?$")
_RACED_HERE = ("fetch first", "non-fast-forward", "stale info")
_RACED_THERE = re.compile(r"but expected|reference already exists|File exists|already locked|fetch first")
_SERVER_MOVE = ("atomic transaction failed", "failed to update ref", "failed to lock", "cannot lock ref")


class PushReport(NamedTuple):
    """The answer of the remote. `rejected` maps a ref to the remote's words; all other moves were accepted.

    `raced`: refs that moved on the remote meanwhile (fetch, merge, push again). With an atomic remote,
    one rejected ref keeps all others from moving: then they are in `rejected` too.
    `advice`: what the remote says to do about a ref that it names as the reason. `is_naming`: it named some,
    and declined all others with the same words.
    """

    accepted: tuple[RefMove, ...]
    rejected: Mapping[str, str]
    raced: tuple[str, ...]
    advice: Mapping[str, str] = {}
    is_naming: bool = False


_EMPTY = PushReport((), {}, ())


def push(connection: Connection, git: Git, moves: Sequence[RefMove]) -> PushReport:
    """Moves refs on the remote as `Remote.push` says.

    Sync points go last: with a remote that is not atomic, only after all others.
    """
    _refuse_bundle(connection.agency.url)
    ledgers = [move for move in moves if not move.ref.startswith(SYNC)]
    points = [move for move in moves if move.ref.startswith(SYNC)]
    report = _push_all(connection, git, [[*ledgers, *points]], atomic=True)
    if report is None:
        parts = [part for part in (ledgers, points) if part]
        report = _push_all(connection, git, parts, atomic=False)
    return report or _EMPTY


def _refuse_bundle(url: str) -> None:
    if os.path.isfile(path_in(url) or ""):
        raise UsageError(
            "a bundle can be pulled from, and not pushed to",
            where=url,
            fix=(f"git bundle create FILE --glob='{PUBLISHED}*'  # makes one of what is here",),
        )


def _push_all(
    connection: Connection, git: Git, parts: Sequence[Sequence[RefMove]], *, atomic: bool
) -> PushReport | None:
    """Pushes part after part while all is accepted; None where the remote knows no atomic push."""
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
    with _refspecs(git, moves) as given:
        words = (*_PUSH, *how, connection.address, *given)
        done, left = connection.run(*words), _MORE_TRIES
        while left and _NOT_MOVED_IN in done.stdout:
            done, left = connection.run(*words), left - 1
    if _has_report(done):
        return _report_of(moves, done)
    if atomic and _NOT_ATOMIC.encode() in done.stderr:
        return None
    raise connection.failure(_PUSH, done)


def _joined(one: PushReport, other: PushReport) -> PushReport:
    return PushReport(
        (*one.accepted, *other.accepted),
        {**one.rejected, **other.rejected},
        (*one.raced, *other.raced),
        {**one.advice, **other.advice},
        one.is_naming or other.is_naming,
    )


@contextmanager
def _refspecs(git: Git, moves: Sequence[RefMove]) -> Iterator[Sequence[str]]:
    """Yields what to give to ``git push`` so that it sends `moves` and nothing else."""
    if len(moves) <= _FEW:
        yield [f"{move.new}:{move.ref}" for move in moves]
        return
    _remove_leftovers(git)
    prefix = f"{OUTGOING}{os.getpid()}-{os.urandom(6).hex()}/"
    update_refs(git, [f"create {prefix}{move.ref.removeprefix(PUBLISHED)} {move.new}" for move in moves])
    try:
        yield [f"{prefix}*:{PUBLISHED}*"]
    finally:
        remove_refs(git, prefix)


def _remove_leftovers(git: Git) -> None:
    """Removes the copies of processes that are gone."""
    names = git.lines("for-each-ref", "--format=%(refname)", OUTGOING)
    owners = {name.removeprefix(OUTGOING).partition("/")[0] for name in names}
    for owner in owners:
        if not is_alive(owner.partition("-")[0]):
            remove_refs(git, f"{OUTGOING}{owner}/")


class _Line(NamedTuple):
    """One ref in the report: its flag, and why it was not taken. `there`: the remote decided that."""

    flag: str
    reason: str
    there: bool


def _has_report(done: Watched) -> bool:
    """Tests whether git said something of single refs, and the remote answered."""
    return bool(_lines(done.stdout)) and _NO_REPLY.encode() not in done.stdout


def _report_of(moves: Sequence[RefMove], done: Watched) -> PushReport:
    """Returns the report on `moves`; a ref that git does not mention was not accepted."""
    lines, words = _lines(done.stdout), remote_words(done.stderr)
    found = {move: lines.get(move.ref, _unmentioned(lines)) for move in moves}
    accepted = tuple(move for move, line in found.items() if line.flag in _ACCEPTED)
    failed = {move.ref: line for move, line in found.items() if line.flag not in _ACCEPTED}
    raced = {ref for ref, line in failed.items() if _is_race(ref, line, words)}
    left = {ref: line for ref, line in failed.items() if ref not in raced}
    told = named_refusals(done.stderr, {ref for ref, line in left.items() if line.there})
    fell = {ref for ref, line in left.items() if told and line.reason == _DECLINED} - told.keys()
    left.update(dict.fromkeys(fell, _Line("!", COLLATERAL, there=False)))
    rejected = {ref: told[ref][0] if ref in told else _why(line, words, raced) for ref, line in left.items()}
    advice = {ref: text for ref, (_, text) in told.items() if text}
    return PushReport(accepted, rejected, tuple(sorted(raced)), advice, bool(fell))


def _lines(stdout: bytes) -> Mapping[str, _Line]:
    found = {}
    for line in stdout.decode("utf-8", "surrogateescape").split("\n"):
        flag, tab, rest = line.partition("\t")
        refs, _, summary = rest.partition("\t")
        if tab and len(flag) == 1 and ":" in refs:
            found[refs.partition(":")[2]] = _parsed(flag, summary)
    return found


def _unmentioned(lines: Mapping[str, _Line]) -> _Line:
    """Returns what stands for a ref that git leaves out: over http those that fell with others."""
    fell = any(line.flag not in _ACCEPTED for line in lines.values())
    return _Line("!", COLLATERAL if fell else "git did not say what came of it", there=False)


def _parsed(flag: str, summary: str) -> _Line:
    reason = _REASON.search(summary)
    if reason is None:
        return _Line(flag, summary, there=False)
    return _Line(flag, reason[2] or reason[1], reason[1].startswith("remote"))


def _is_race(ref: str, line: _Line, words: str) -> bool:
    """Tests whether the ref moved on the remote meanwhile: each kind of remote names it then."""
    if not line.there:
        return line.reason in _RACED_HERE
    if not any(sign in line.reason for sign in (*_SERVER_MOVE, "already exists", *_RACED_HERE)):
        return False
    said = [line.reason, *words.split("; ")]
    about = [each for each in said if ref in each or each == line.reason]
    return any(_RACED_THERE.search(each) for each in about)


def _why(line: _Line, words: str, raced: set[str]) -> str:
    """Returns the remote's words; for a ref that fell with others, git's own."""
    if line.reason == COLLATERAL or (raced and "atomic" in line.reason):
        return COLLATERAL
    reason = redacted(line.reason)
    return f"{reason}: {words}" if line.there and words else reason
