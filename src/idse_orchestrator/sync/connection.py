"""Starts git for a remote, with the user's credentials and proxies, and within time limits.

Where nobody could answer a question, none is asked. A server that has no time is asked again, if it says
when, a bounded number of times. It says so in a header, which git shows in its trace alone: that goes into
a file without a name, with credentials taken out by git, and only the one header is read.
"""

from __future__ import annotations

import os
import re
import sys
import time
from functools import cached_property
from typing import TYPE_CHECKING

from idse_orchestrator.errors import InvalidConfigurationError
from idse_orchestrator.git.configuration import GitConfiguration

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from idse_orchestrator.errors import IdseError
    from idse_orchestrator.git.program import Child
    from idse_orchestrator.git.vault import Vault
    from idse_orchestrator.git.watching import Watched
    from idse_orchestrator.sync.agency import Agency

PATIENCE = 300.0
"""Seconds without a word from git after which the remote counts as unreachable."""

_CONNECT_SECONDS = 15
_PROGRESS = r"(?:remote: )?(\w[\w ]*): +\d+% \(\d+/\d+\)"
_LIMITS = ("lowspeedlimit", "lowspeedtime")
_LONGEST_WAIT = 60.0
"""Seconds that one sync waits for a server that asks it to come back, in all."""
_PAUSES = (1.0, 2.0, 4.0)
"""Seconds to wait where the server does not say how long."""
_MOST_WAITS = 8
_TRACE = "/dev/fd"
_MOST_TRACE = 1 << 16
_SIGNING = ("user.signingkey", "gpg.", "push.gpgsign")
_PASSED = ("http.", "credential.", "core.askpass", "core.sshcommand", *_SIGNING)
"""Beginnings of settings that count where the environment gives them: how to get in, not where to."""
TURN = "Idse-Turn"
"""The header that is the same for all requests of one sync, so that a server can let others wait."""
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
        self._traces: dict[int, int] = {}
        self._answers = b""
        self._waits = 0
        self._waited = 0.0
        self.turn = ""

    @property
    def is_web(self) -> bool:
        """Whether the Agency is reached over http."""
        return self.agency.url.lower().startswith(("http://", "https://"))

    @property
    def address(self) -> str:
        """The name of the git remote, else the URL."""
        return self.agency.address

    def run(
        self,
        *args: str,
        stdin: bytes = b"",
        environment: Mapping[str, str] | None = None,
        settings: tuple[str, ...] = (),
    ) -> Watched:
        """Runs git and returns whatever happened; only a remote that stays silent is an error."""
        child = self.launch(*args, environment=environment, settings=settings)
        done = self.finish(child, args, stdin)
        while done.returncode and self._waits_for(done):
            child = self.launch(*args, environment=environment, settings=settings)
            done = self.finish(child, args, stdin)
        return done

    def launch(
        self,
        *args: str,
        environment: Mapping[str, str] | None = None,
        settings: tuple[str, ...] = (),
    ) -> Child:
        """Starts git, for `finish`."""
        variables = {**self._environment, **self._settings, **(environment or {})}
        trace = self._trace_into(variables) if self.is_web else None
        git, files = self._git.with_environment(variables), (trace,) if trace is not None else ()
        child = git.launch(
            *_LOCAL, *self._http_limits, *settings, *args, alone=not self._can_ask, files=files
        )
        if trace is not None:
            self._traces[child.pid] = trace
        return child

    def finish(self, child: Child, args: Sequence[str], stdin: bytes = b"") -> Watched:
        """Waits for a git that was launched with `args`; returns as `run` does."""
        from idse_orchestrator.git.watching import watched

        words = self._forward if self._on_progress else None
        try:
            done = watched(child, stdin, self._patience, words, alone=not self._can_ask)
        finally:
            self._answers = self._end_trace(child)
        if done.silent:
            raise self.failure(args, done)
        return done

    def output(self, *args: str, asked: Child | None = None) -> bytes:
        """Returns the standard output of a git that succeeded; of `asked`, if it was launched before."""
        done = self.finish(asked, args) if asked else self.run(*args)
        if done.returncode and asked and self._waits_for(done):
            done = self.run(*args)
        if done.returncode != 0:
            raise self.failure(args, done)
        return done.stdout

    def abandon(self, child: Child) -> None:
        """Ends a git that nobody waits for any more."""
        from idse_orchestrator.git.watching import abandon

        self._end_trace(child)
        abandon(child, alone=not self._can_ask)

    def failure(self, args: Sequence[str], done: Watched) -> IdseError:
        """Returns the error for a git that ended badly."""
        from idse_orchestrator.sync.server_words import busy, busy_status, failure

        status = busy_status(done.stderr)
        if status:
            return busy(status, done, self.agency.url, self._waited, self._asked_to_wait())
        return failure(args, done, self.agency.url)

    def _trace_into(self, variables: dict[str, str]) -> int | None:
        """Has git write the headers it gets into a file without a name; returns that, open."""
        if "GIT_TRACE_CURL" in self._git.environment or not os.path.isdir(_TRACE):
            return None
        number = _nameless()
        variables |= {"GIT_TRACE_CURL": f"{_TRACE}/{number}", "GIT_TRACE_CURL_NO_DATA": "1"}
        variables["GIT_TRACE_REDACT"] = "1"
        return number

    def _end_trace(self, child: Child) -> bytes:
        """Returns the end of what was traced, and lets go of it."""
        number = self._traces.pop(child.pid, None)
        if number is None:
            return b""
        try:
            return os.pread(number, _MOST_TRACE, max(0, os.fstat(number).st_size - _MOST_TRACE))
        finally:
            os.close(number)

    def _asked_to_wait(self) -> float | None:
        """Returns the seconds after which the last answer asks to come back; None where it does not say."""
        from idse_orchestrator.sync.server_words import retry_after

        return retry_after(self._answers, time.time())

    def _waits_for(self, done: Watched) -> bool:
        """Waits where a server asks for that; False: it did not, or has asked often or long enough."""
        from idse_orchestrator.sync.server_words import busy_status

        if not self.is_web or not busy_status(done.stderr):
            return False
        asked, tried = self._asked_to_wait(), self._waits
        self._waits += 1
        if tried >= (_MOST_WAITS if asked is not None else len(_PAUSES)):
            return False
        seconds = asked or _PAUSES[min(tried, len(_PAUSES) - 1)]
        seconds *= 1 + os.urandom(1)[0] / 2048  # so that not all who were told the same come at once
        if self._waited + seconds > _LONGEST_WAIT:
            return False
        self._waited += seconds
        ends = time.monotonic() + seconds
        while (left := ends - time.monotonic()) > 0:
            if self._on_progress:
                self._on_progress(f"the Agency is busy: asking again in {left:.0f} s")
            time.sleep(min(1.0, left))
        return True

    @property
    def _settings(self) -> dict[str, str]:
        """The variables that give git settings: those that the user's environment has, and our turn."""
        pairs = [*self._given]
        if self.turn and self.is_web:
            # No header of a user's is lost: git takes those for an address that fits as well as another's.
            pairs.append((f"http.{self.agency.url}.extraHeader", f"{TURN}: {self.turn}"))
        found = {"GIT_CONFIG_COUNT": str(len(pairs))} if pairs else {}
        for number, (key, value) in enumerate(pairs):
            found |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
        return found

    @cached_property
    def _given(self) -> Sequence[tuple[str, str]]:
        """The settings in the user's environment that say how to get in."""
        said = self._git.settings_count
        if not said:
            return ()
        environment, pairs = self._git.environment, []
        names: tuple[str, ...] = ()
        for number in range(int(said) if said.isascii() and said.isdigit() else 0):
            names = f"GIT_CONFIG_KEY_{number}", f"GIT_CONFIG_VALUE_{number}"
            if not all(name in environment for name in names):
                break
            pairs.append((environment[names[0]], environment[names[1]]))
        if str(len(pairs)) != said:
            missing = next((name for name in names if name not in environment), "")
            raise InvalidConfigurationError(
                "the settings for git in the environment cannot be read",
                where="GIT_CONFIG_COUNT",
                cause=f"it says {said[:20]!r}" + (f", and there is no {missing}" if missing else ""),
                fix=("say there how many settings follow, or unset it",),
            )
        return [pair for pair in pairs if pair[0].lower().startswith(_PASSED)]

    @cached_property
    def _configured(self) -> frozenset[str]:
        """Those settings of the user that go before ours."""
        keys = [entry.key.lower() for entry in self._configuration.entries]
        keys += [key.lower() for key, _ in self._given]
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


def _nameless() -> int:
    """Opens a file that has no name, so that nobody else sees it."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("idse")
    import tempfile

    number, path = tempfile.mkstemp()
    os.unlink(path)
    return number
