"""What went wrong with a remote, told from git's own words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from idse_orchestrator.domain.sync.agency_url import redacted
from idse_orchestrator.errors import GitFailedError, IdseError, NotAuthorizedError, UnreachableError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from idse_orchestrator.git.watching import Watched

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
