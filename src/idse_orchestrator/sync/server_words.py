"""Reads what a server says: why a git failed, which refs are refused and why, and when to come back.

Errors are found by git's own words, in plain English as `clean_environment` asks for it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from idse_orchestrator.errors import (
    BusyError,
    GitFailedError,
    IdseError,
    InvalidConfigurationError,
    NotAuthorizedError,
    StorageError,
    UnreachableError,
)
from idse_orchestrator.git.program import failure as git_failure
from idse_orchestrator.redaction import redacted

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from idse_orchestrator.git.watching import Watched

_LAST_LINES = 8

_CHATTER = r"\d+% \(\d+/\d+\)|^(remote: )?(Enumerating|Total) "
_NOT_AUTHORIZED = (
    r"Permission denied \(|Authentication failed|could not read (Username|Password)|Access denied"
    r"|returned error: 40[13]|HTTP 40[13]|Invalid (username|credentials)|Permission to \S+ denied"
    r"|(read|write) access .* not granted|access rights? .* (denied|missing)|not allowed to push"
)
_UNREACHABLE = (
    r"Could not resolve|Name or service not known|Temporary failure in name resolution|Connection refused"
    r"|timed out|Operation too slow|No route to host|Network is (unreachable|down)|Host is down"
    r"|does not appear to be a git repository|repository .*not found|does not exist|hung up unexpectedly"
    r"|unable to access|Failed to connect|Connection (reset|closed)|early EOF|unexpected disconnect"
    r"|RPC failed|Broken pipe|Host key verification failed|Could not read from remote repository"
    r"|not a git repository|remote failed to report status|kex_exchange|dubious ownership"
)
_BUSY = re.compile(r"(?:requested URL returned error:|RPC failed; HTTP) (429|503)\b")
_NO_ROOM = r"(?:requested URL returned error:|RPC failed; HTTP) (413|507)\b"
_NOT_SIGNED = "does not support --signed push"
_NO_OPTIONS = "does not support push options"
_NOT_STORED = (
    r"^(?!remote:).*(No space left on device|Read-only file system|Disk quota exceeded|Out of diskspace"
    r"|insufficient permission for adding)"
)
_BOILERPLATE = ("Please make sure you have the correct access rights", "and the repository exists.", "hint: ")


def _words_of(stderr: bytes) -> str:
    """Returns the last lines of what git said, without progress, advice and passwords."""
    lines = (line.rstrip() for line in re.split(r"[\r\n]+", stderr.decode("utf-8", "replace")))
    kept = [
        line for line in lines if line and not re.search(_CHATTER, line) and not line.startswith(_BOILERPLATE)
    ]
    return redacted("\n".join(kept[-_LAST_LINES:]))


def remote_words(stderr: bytes) -> str:
    """Returns what the other side said, as one line."""
    lines = _words_of(stderr).split("\n")
    said = [line.removeprefix("remote:").strip() for line in lines if line.startswith("remote:")]
    return "; ".join(line for line in said if line)


_REFUSED = re.compile(r"remote:\s+(?:idse: )?refused (refs/\S+): (error\[.*)")
_ADVICE = re.compile(r"remote: ?(?:idse: )?\s{2,}(\S.*)")
_LONGEST_WORDS = 1000
_NEWER = "error[newer-format]"
_UPGRADE = "the Agency must be upgraded first; nothing is lost: push again after that"


def named_refusals(stderr: bytes, refs: Collection[str]) -> Mapping[str, tuple[str, str]]:
    """Returns those of `refs` that the other side names as the reason: ref to why, and what to do about it.

    A hook that judges each ref says ``refused <ref>: error[<code>] <why>``, and below it the advice. What
    it says of other refs counts for nothing.
    """
    found: dict[str, tuple[str, str]] = {}
    last = ""
    for line in re.split(r"[\r\n]+", stderr.decode("utf-8", "replace")):
        named, advice = _REFUSED.match(line), _ADVICE.match(line)
        if named:
            last = named[1] if named[1] in refs and named[1] not in found else ""
            if last:
                found[last] = (_short(named[2]), _UPGRADE if named[2].startswith(_NEWER) else "")
        elif advice and last:
            found[last] = (found[last][0], found[last][1] or _short(advice[1]))
            last = ""
    return found


def _short(words: str) -> str:
    return redacted(words.strip()[:_LONGEST_WORDS])


def failure(args: Sequence[str], done: Watched, url: str) -> IdseError:
    """Returns the error for a git that ended badly at `url`."""
    words, where = _words_of(done.stderr), redacted(url)
    if done.silent:
        return _unreachable(where, f"git {args[0]} said nothing for too long, so it was ended")
    unwilling = _unwilling(words, where)
    if unwilling is not None:
        return unwilling
    if re.search(_NOT_AUTHORIZED, words, re.IGNORECASE):
        return NotAuthorizedError(
            "the Agency refuses you",
            where=where,
            cause=words,
            fix=(f"git ls-remote {where}  # does plain git get in?", "git help credentials"),
        )
    if re.search(_NOT_STORED, words, re.MULTILINE):
        return git_failure(args, done)
    if re.search(_UNREACHABLE, words, re.IGNORECASE):
        return _unreachable(where, words)
    return GitFailedError(
        f"git {args[0]} failed with exit code {done.returncode}", where=where, cause=words or None
    )


def _unwilling(words: str, where: str) -> IdseError | None:
    """Returns the error for a server that answers, and does not do what was asked."""
    if re.search(_NO_ROOM, words):
        return StorageError(
            "the Agency has no room for this",
            where=where,
            cause=words,
            fix=("whoever keeps the Agency can make room; nothing is lost: push again then",),
        )
    if _NOT_SIGNED in words:
        return InvalidConfigurationError(
            "the Agency takes no signed pushes, and git's setting push.gpgSign asks for one",
            where=where,
            cause=words,
            fix=(
                "git config push.gpgSign if-asked  # signs where the Agency takes it",
                "git config --show-origin --get-all push.gpgSign  # who says so",
            ),
        )
    if _NO_OPTIONS in words:
        return InvalidConfigurationError(
            "the Agency takes no push options, and git's setting push.pushOption gives some",
            where=where,
            cause=words,
            fix=("git config --show-origin --get-all push.pushOption  # who says so",),
        )
    return None


def busy_status(stderr: bytes) -> str:
    """Returns the status of a web server that asks to come back later, 429 or 503; "" where it does not."""
    found = _BUSY.findall(stderr.decode("utf-8", "replace"))
    return found[-1] if found else ""


def busy(status: str, done: Watched, url: str, waited: float, asked: float | None) -> BusyError:
    """Returns the error for a server that still has no time after we `waited` seconds."""
    told = (
        f"it asks to come back in {asked:.0f} s" if asked is not None else "it does not say when to come back"
    )
    return BusyError(
        "the Agency asks for less" if status == "429" else "the Agency is busy",
        where=redacted(url),
        cause=f"{_words_of(done.stderr)}\n{told}; waited {waited:.0f} s so far",
        fix=("nothing is lost: run the command again later",),
    )


_ANSWER = re.compile(rb"(?i)<= Recv header: (?:HTTP/[\d.]+ (\d+)|Retry-After: *([^\r\n]+))")


def retry_after(trace: bytes, now: float) -> float | None:
    """Returns the seconds after which the last answer in a trace of git's asks to come back.

    A date counts, too; None: it does not say.
    """
    said = b""
    for status, value in _ANSWER.findall(trace):
        said = b"" if status else value.strip()
    if said.isdigit():
        return float(said[:9])
    if not said:
        return None
    from email.utils import parsedate_to_datetime

    try:
        return max(0.0, parsedate_to_datetime(said.decode("ascii", "replace")).timestamp() - now)
    except (ValueError, TypeError, OverflowError):
        return None


def _unreachable(where: str, words: str) -> UnreachableError:
    return UnreachableError(
        "the Agency cannot be reached",
        where=where,
        cause=words or None,
        fix=(
            f"git ls-remote {where}  # what plain git says",
            "nothing is lost: run the command again later",
        ),
    )
