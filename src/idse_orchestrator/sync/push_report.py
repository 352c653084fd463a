"""What went wrong with a remote, told from git's own words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from idse_orchestrator.errors import GitFailedError, IdseError, NotAuthorizedError, UnreachableError
from idse_orchestrator.sync.agency_url import redacted
from idse_orchestrator.sync.outcome import PushReport

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from idse_orchestrator.git.watching import Watched
    from idse_orchestrator.ledger.sync_point import RefMove

_LINES = 8
"""Of git's words, the last that are told."""

_PROGRESS = re.compile(r"\d+% \(\d+/\d+\)|^(remote: )?(Enumerating|Total) ")
_NOT_AUTHORIZED = re.compile(
    r"Permission denied \(|Authentication failed|could not read (Username|Password)|Access denied"
    r"|returned error: 40[13]|HTTP 40[13]|Invalid (username|credentials)|Permission to \S+ denied"
    r"|(read|write) access .* not granted|access rights? .* (denied|missing)|not allowed to push",
    re.IGNORECASE,
)
_UNREACHABLE = re.compile(
    r"Could not resolve|Name or service not known|Temporary failure in name resolution|Connection refused"
    r"|timed out|Operation too slow|No route to host|Network is (unreachable|down)|Host is down"
    r"|does not appear to be a git repository|repository .*not found|does not exist|hung up unexpectedly"
    r"|unable to access|Failed to connect|Connection (reset|closed)|early EOF|unexpected disconnect"
    r"|RPC failed|Broken pipe|Host key verification failed|Could not read from remote repository"
    r"|not a git repository|remote failed to report status|kex_exchange|dubious ownership",
    re.IGNORECASE,
)
_NOT_STORED = re.compile(
    r"^(?!remote:).*(No space left on device|Read-only file system|Disk quota exceeded|Out of diskspace"
    r"|insufficient permission for adding)",
    re.MULTILINE,
)
_BOILERPLATE = ("Please make sure you have the correct access rights", "and the repository exists.", "hint: ")


def words_of(stderr: bytes) -> str:
    """What git said, without progress, advice and passwords; its last lines."""
    lines = (line.rstrip() for line in re.split(r"[\r\n]+", stderr.decode("utf-8", "replace")))
    told = [line for line in lines if line and not _PROGRESS.search(line)]
    kept = [line for line in told if not line.startswith(_BOILERPLATE)]
    return redacted("\n".join(kept[-_LINES:]))


def remote_words(stderr: bytes) -> str:
    """What the other side said, as one line."""
    lines = words_of(stderr).split("\n")
    said = [line.removeprefix("remote:").strip() for line in lines if line.startswith("remote:")]
    return "; ".join(line for line in said if line)


def remote_failure(args: Sequence[str], done: Watched, url: str) -> IdseError:
    """The error for a git that did not come through to `url`."""
    words, where = words_of(done.stderr), redacted(url)
    if done.silent:
        return unreachable(where, f"git {args[0]} said nothing for too long, so it was ended")
    if _NOT_AUTHORIZED.search(words):
        return NotAuthorizedError(
            "the Agency refuses you",
            where=where,
            cause=words,
            fix=(f"see that plain git gets in: git ls-remote {where}", "docs: git help credentials"),
        )
    if _NOT_STORED.search(words):
        from idse_orchestrator.git.program import failure

        return failure(args, done)
    if _UNREACHABLE.search(words):
        return unreachable(where, words)
    return GitFailedError(
        f"git {args[0]} failed with exit code {done.returncode}", where=where, cause=words or None
    )


def unreachable(where: str, words: str) -> UnreachableError:
    """The error for a remote that does not answer."""
    return UnreachableError(
        "the Agency cannot be reached",
        where=where,
        cause=words or None,
        fix=(
            f"see what plain git says: git ls-remote {where}",
            "nothing is lost: run the command again later",
        ),
    )


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
