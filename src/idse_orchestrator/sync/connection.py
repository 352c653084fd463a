"""Starts git for a remote, with the user's credentials and proxies, and within time limits.

Where nobody could answer a question, none is asked. Errors are found by git's own words.
"""

from __future__ import annotations

import re
import sys
from functools import cached_property
from typing import TYPE_CHECKING

from idse_orchestrator.errors import GitFailedError, IdseError, NotAuthorizedError, UnreachableError
from idse_orchestrator.git.configuration import GitConfiguration
from idse_orchestrator.git.program import failure as git_failure
from idse_orchestrator.redaction import redacted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from idse_orchestrator.git.program import Child
    from idse_orchestrator.git.vault import Vault
    from idse_orchestrator.git.watching import Watched
    from idse_orchestrator.sync.agency import Agency

PATIENCE = 300.0
"""Seconds without a word from git after which the remote counts as unreachable."""

_CONNECT_SECONDS = 15
_PROGRESS = r"(?:remote: )?(\w[\w ]*): +\d+% \(\d+/\d+\)"
_LIMITS = ("lowspeedlimit", "lowspeedtime")
_LOCAL = ("-c", "gc.auto=0", "-c", "maintenance.auto=false")


class Connection:
    """Runs git for one Agency: UnreachableError, NotAuthorizedError or GitFailedError where it fails."""

    def __init__(
        self,
        vault: Vault,
        agency: Agency,
        on_progress: Callable[[str], None] | None = None,
        patience: float = PATIENCE,
        configuration: GitConfiguration | None = None,
    ) -> None:
        self._configuration = configuration or GitConfiguration(vault.git)
        self.agency = agency
        self._git = vault.git
        self._on_progress = on_progress
        self._patience = patience
        self._line = b""

    @property
    def address(self) -> str:
        """The name of the git remote, else the URL."""
        return self.agency.remote or self.agency.url

    def run(
        self,
        *args: str,
        stdin: bytes = b"",
        environment: Mapping[str, str] | None = None,
        settings: tuple[str, ...] = (),
    ) -> Watched:
        """Runs git and returns whatever happened; only a remote that stays silent is an error."""
        child = self.launch(*args, environment=environment, settings=settings)
        return self.finish(child, args, stdin)

    def launch(
        self,
        *args: str,
        environment: Mapping[str, str] | None = None,
        settings: tuple[str, ...] = (),
    ) -> Child:
        """Starts git, for `finish`."""
        git = self._git.with_environment({**self._environment, **(environment or {})})
        return git.launch(*_LOCAL, *self._http_limits, *settings, *args, alone=not self._can_ask)

    def finish(self, child: Child, args: Sequence[str], stdin: bytes = b"") -> Watched:
        """Waits for a git that was launched with `args`; returns as `run` does."""
        from idse_orchestrator.git.watching import watched

        words = self._forward if self._on_progress else None
        done = watched(child, stdin, self._patience, words, alone=not self._can_ask)
        if done.silent:
            raise self.failure(args, done)
        return done

    def output(self, *args: str, asked: Child | None = None) -> bytes:
        """Returns the standard output of a git that succeeded; of `asked`, if it was launched before."""
        done = self.finish(asked or self.launch(*args), args)
        if done.returncode != 0:
            raise self.failure(args, done)
        return done.stdout

    def abandon(self, child: Child) -> None:
        """Ends a git that nobody waits for any more."""
        from idse_orchestrator.git.watching import abandon

        abandon(child, alone=not self._can_ask)

    def failure(self, args: Sequence[str], done: Watched) -> IdseError:
        """Returns the error for a git that ended badly."""
        words, where = _words_of(done.stderr), redacted(self.agency.url)
        if done.silent:
            return _unreachable(where, f"git {args[0]} said nothing for too long, so it was ended")
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

    @cached_property
    def _configured(self) -> frozenset[str]:
        """Those settings of the user that go before ours."""
        keys = (entry.key.lower() for entry in self._configuration.entries)
        return frozenset(key for key in keys if key == "core.sshcommand" or _is_limit(key))

    @cached_property
    def _environment(self) -> Mapping[str, str]:
        found = {"GIT_TERMINAL_PROMPT": "1"} if self._can_ask else _silence(is_ci=self._is_ci)
        own = "core.sshcommand" in self._configured
        if not own and not {"GIT_SSH", "GIT_SSH_COMMAND"} & self._git.environment.keys():
            batch = "" if self._can_ask else " -o BatchMode=yes"
            found["GIT_SSH_COMMAND"] = f"ssh -o ConnectTimeout={_CONNECT_SECONDS}{batch}"
        return found

    @property
    def _is_ci(self) -> bool:
        return bool(self._git.environment.get("CI"))

    @property
    def _can_ask(self) -> bool:
        """True where somebody sits at a terminal who could be asked for a password."""
        return not self._is_ci and sys.stderr.isatty()

    @cached_property
    def _http_limits(self) -> tuple[str, ...]:
        """Slower than a byte a second for as long as we wait is no connection."""
        if any("lowspeed" in key for key in self._configured):
            return ()
        seconds = max(1, int(self._patience))
        return ("-c", "http.lowSpeedLimit=1", "-c", f"http.lowSpeedTime={seconds}")

    def _forward(self, data: bytes) -> None:
        """Passes the newest full line of progress on."""
        *lines, self._line = re.split(rb"[\r\n]", (self._line + data)[-1000:])
        for line in reversed(lines):
            words = line.decode("utf-8", "replace").strip()
            if re.match(_PROGRESS, words) and self._on_progress:
                self._on_progress(words)
                return


def _is_limit(key: str) -> bool:
    return key.startswith("http.") and key.endswith(_LIMITS)


def _silence(*, is_ci: bool) -> dict[str, str]:
    """Forbids questions. In CI a program named by GIT_ASKPASS brings credentials, and asks nobody."""
    quiet = {"GIT_TERMINAL_PROMPT": "0", "SSH_ASKPASS": "", "GCM_INTERACTIVE": "never"}
    return quiet if is_ci else {**quiet, "GIT_ASKPASS": ""}


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
