"""What `git push --porcelain` reported, ref by ref."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from idse_orchestrator.app.sync.values import PushReport
from idse_orchestrator.domain.sync.agency_url import redacted
from idse_orchestrator.git.sync.remote_errors import remote_words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from idse_orchestrator.domain.sync.sync_point import RefMove
    from idse_orchestrator.git.watching import Watched

NOT_ATOMIC = "does not support --atomic push"
NO_REPLY = "remote failed to report status"
COLLATERAL = "atomic push failed"

_TAKEN = frozenset(" *=")
_REASON = re.compile(r"\[([^\]]*)\](?: \((.*)\))?$")
_RACED_HERE = ("fetch first", "non-fast-forward", "stale info")
_RACED_THERE = re.compile(r"but expected|reference already exists|File exists|already locked|fetch first")
_SERVER_MOVE = ("atomic transaction failed", "failed to update ref", "failed to lock", "cannot lock ref")


class _Line(NamedTuple):
    """One ref in the report: its flag, and why it was not taken. `there`: the remote decided that."""

    flag: str
    reason: str
    there: bool


def has_report(done: Watched) -> bool:
    """Whether git came as far as to say something of single refs, and the remote answered."""
    return bool(_lines(done.stdout)) and NO_REPLY.encode() not in done.stdout


def push_report(moves: Sequence[RefMove], done: Watched) -> PushReport:
    """The report on `moves`; a ref that git does not mention was not taken."""
    lines, words = _lines(done.stdout), remote_words(done.stderr)
    told = {move: lines.get(move.ref, _unmentioned(lines)) for move in moves}
    raced = {
        move.ref for move, line in told.items() if line.flag not in _TAKEN and _is_race(move.ref, line, words)
    }
    accepted = tuple(move for move, line in told.items() if line.flag in _TAKEN)
    rejected = {
        move.ref: _why(line, words, raced)
        for move, line in told.items()
        if line.flag not in _TAKEN and move.ref not in raced
    }
    return PushReport(accepted, rejected, tuple(sorted(raced)))


def _lines(stdout: bytes) -> Mapping[str, _Line]:
    found = {}
    for line in stdout.decode("utf-8", "surrogateescape").split("\n"):
        flag, tab, rest = line.partition("\t")
        refs, _, summary = rest.partition("\t")
        if tab and len(flag) == 1 and ":" in refs:
            found[refs.partition(":")[2]] = _parsed(flag, summary)
    return found


def _unmentioned(lines: Mapping[str, _Line]) -> _Line:
    """What to think of a ref that git leaves out: over http those that fell with others."""
    fell = any(line.flag not in _TAKEN for line in lines.values())
    return _Line("!", COLLATERAL if fell else "git did not say what came of it", there=False)


def _parsed(flag: str, summary: str) -> _Line:
    reason = _REASON.search(summary)
    if reason is None:
        return _Line(flag, summary, there=False)
    return _Line(flag, reason[2] or reason[1], reason[1].startswith("remote"))


def _is_race(ref: str, line: _Line, words: str) -> bool:
    """Whether the ref moved on the remote meanwhile: the remote names it, as each remote does."""
    if not line.there:
        return line.reason in _RACED_HERE
    if not any(sign in line.reason for sign in (*_SERVER_MOVE, "already exists", *_RACED_HERE)):
        return False
    said = [line.reason, *words.split("; ")]
    about = [each for each in said if ref in each or each == line.reason]
    return any(_RACED_THERE.search(each) for each in about)


def _why(line: _Line, words: str, raced: set[str]) -> str:
    """The remote's words. A ref that fell with others says so, in git's own word."""
    if line.reason == COLLATERAL or (raced and "atomic" in line.reason):
        return COLLATERAL
    reason = redacted(line.reason)
    return f"{reason}: {words}" if line.there and words else reason
