"""How git is started for a remote: with the user's credentials and proxies, and within time limits.

Where nobody could answer a question, none is asked.
"""

from __future__ import annotations

import os
import re
import sys
from functools import cached_property
from typing import TYPE_CHECKING

from idse_orchestrator.git.configuration import GitConfiguration

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from idse_orchestrator.errors import IdseError
    from idse_orchestrator.git.program import Child
    from idse_orchestrator.git.vault import Vault
    from idse_orchestrator.git.watching import Watched
    from idse_orchestrator.sync.outcome import Agency

PATIENCE = 300.0
"""Seconds without a word from git after which the remote counts as unreachable."""

_CONNECT_SECONDS = 15
_PROGRESS = r"(?:remote: )?(\w[\w ]*): +\d+% \(\d+/\d+\)"
_LIMITS = ("lowspeedlimit", "lowspeedtime")
_LOCAL = ("-c", "gc.auto=0", "-c", "maintenance.auto=false")


class Connection:
    """Runs git for one Agency. Errors as `Remote` says."""

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
        """What git is told: the name of the git remote, else the URL."""
        return self.agency.remote or self.agency.url

    def run(
        self,
        *args: str,
        stdin: bytes = b"",
        environment: Mapping[str, str] | None = None,
        settings: tuple[str, ...] = (),
    ) -> Watched:
        """Run git and return whatever happened; only a remote that stays silent is an error."""
        child = self.launch(*args, environment=environment, settings=settings)
        return self.finish(child, args, stdin)

    def launch(
        self,
        *args: str,
        environment: Mapping[str, str] | None = None,
        settings: tuple[str, ...] = (),
    ) -> Child:
        """Start git, for `finish`."""
        git = self._git.with_environment({**self._environment, **(environment or {})})
        return git.launch(*_LOCAL, *self._http_limits, *settings, *args, alone=not _can_ask())

    def finish(self, child: Child, args: Sequence[str], stdin: bytes = b"") -> Watched:
        """What a git that was launched with `args` did; see `run`."""
        from idse_orchestrator.git.watching import watched

        words = self._forward if self._on_progress else None
        done = watched(child, stdin, self._patience, words, alone=not _can_ask())
        if done.silent:
            raise self.failure(args, done)
        return done

    def output(self, *args: str, asked: Child | None = None) -> bytes:
        """Standard output of a git that succeeded; of `asked`, where it was launched with `args` before."""
        done = self.finish(asked or self.launch(*args), args)
        if done.returncode != 0:
            raise self.failure(args, done)
        return done.stdout

    def abandon(self, child: Child) -> None:
        """End a git that nobody waits for any more."""
        from idse_orchestrator.git.watching import abandon

        abandon(child, alone=not _can_ask())

    def failure(self, args: Sequence[str], done: Watched) -> IdseError:
        """The error for a git that ended badly; see `Remote`."""
        from idse_orchestrator.sync.push_report import remote_failure

        return remote_failure(args, done, self.agency.url)

    @cached_property
    def _configured(self) -> frozenset[str]:
        """Those settings of the user that go before ours."""
        keys = (entry.key.lower() for entry in self._configuration.entries)
        return frozenset(key for key in keys if key == "core.sshcommand" or _is_limit(key))

    @cached_property
    def _environment(self) -> Mapping[str, str]:
        found = {} if _can_ask() else _silence()
        if _can_ask():
            found["GIT_TERMINAL_PROMPT"] = "1"
        own = "core.sshcommand" in self._configured
        if not own and not {"GIT_SSH", "GIT_SSH_COMMAND"} & os.environ.keys():
            batch = "" if _can_ask() else " -o BatchMode=yes"
            found["GIT_SSH_COMMAND"] = f"ssh -o ConnectTimeout={_CONNECT_SECONDS}{batch}"
        return found

    @cached_property
    def _http_limits(self) -> tuple[str, ...]:
        """Slower than a byte a second for as long as we wait is no connection."""
        if any("lowspeed" in key for key in self._configured):
            return ()
        seconds = max(1, int(self._patience))
        return ("-c", "http.lowSpeedLimit=1", "-c", f"http.lowSpeedTime={seconds}")

    def _forward(self, data: bytes) -> None:
        """Hand the newest full line of progress on."""
        *lines, self._line = re.split(rb"[\r\n]", (self._line + data)[-1000:])
        for line in reversed(lines):
            words = line.decode("utf-8", "replace").strip()
            if re.match(_PROGRESS, words) and self._on_progress:
                self._on_progress(words)
                return


def _is_limit(key: str) -> bool:
    return key.startswith("http.") and key.endswith(_LIMITS)


def _can_ask() -> bool:
    """Whether somebody sits at a terminal who could be asked for a password."""
    return not os.environ.get("CI") and sys.stderr.isatty()


def _silence() -> dict[str, str]:
    """No questions. In CI a program named by GIT_ASKPASS is how credentials come in, and asks nobody."""
    quiet = {"GIT_TERMINAL_PROMPT": "0", "SSH_ASKPASS": "", "GCM_INTERACTIVE": "never"}
    return quiet if os.environ.get("CI") else {**quiet, "GIT_ASKPASS": ""}
