"""A program that the runner started: watched without threads, ended with all that it started.

A child has a session of its own. To end it, it gets TERM, ten seconds, and KILL. Whatever it left behind is
ended as well: by the end of its PID namespace, or by looking for the mark that the environment of each of
its processes carries. It is over when it has ended and its pipes are empty, or half a second after that:
somebody who holds a pipe open cannot keep it.

This is the door of the runner to other programs.
"""

from __future__ import annotations

import os
import resource
import select
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.runner.agents.adapter import EXITED, IDLE, STOPPED, TIMEOUT, Ended

if TYPE_CHECKING:
    from types import FrameType

    from idse_orchestrator.runner.work.log_file import LogFile

GRACE_SECONDS = 10.0
DRAIN_SECONDS = 0.5
MARK = "IDSE_ATTEMPT_MARK"
_CHUNK = 1 << 16
_LONGEST_LINE = 8 << 20
_KEPT_WORDS = 1 << 14
_SWEEPS = 20
_POLL_SECONDS = 0.02
"""How often it is asked whether a child has ended, where the system has no pidfd."""

MORE_PROCESSES = 4096
"""How many processes this user may have more than when the run began: what a fork bomb gets."""


class Start(NamedTuple):
    """What is started: `mark` is put into its environment by whoever made `env`; "" : it starts no others.

    `contained` says that its end takes all along that it started. `within` is entered while it is started.
    """

    argv: Sequence[str]
    env: Mapping[str, str]
    cwd: str
    stdin: bytes = b""
    timeout_s: float = 0.0
    idle_s: float = 0.0
    mark: str = ""
    contained: bool = False
    log: LogFile | None = None
    on_line: Callable[[bytes], None] | None = None


class Child:
    """A process that was started. Raises OSError where it cannot be."""

    def __init__(self, start: Start, clock: Callable[[], float] = time.monotonic) -> None:
        self.start = start
        self.ended: Ended | None = None
        self.words = b""
        """The last that it wrote to standard error."""
        self._clock = clock
        self._why = EXITED
        self._began = self._heard = clock()
        self._line = bytearray()
        self._kill_at = self._drained_at = 0.0
        self._code: int | None = None
        with _input(start.stdin) as stdin, _limits():
            self._popen = subprocess.Popen(  # noqa: S603 - it is what the user asked to be run
                start.argv,
                cwd=start.cwd,
                env=start.env,
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        self._pidfd = _pidfd(self._popen.pid)
        self._pipes: dict[int, int] = {}
        for number, pipe in ((1, self._popen.stdout), (2, self._popen.stderr)):
            if pipe is not None:
                os.set_blocking(pipe.fileno(), False)
                self._pipes[pipe.fileno()] = number

    @property
    def pid(self) -> int:
        """Its process id, which is that of its group, too."""
        return self._popen.pid

    @property
    def files(self) -> Iterator[int]:
        """Yields the descriptors that say when there is something to do."""
        yield from self._pipes
        if self._pidfd is not None and self._code is None:
            yield self._pidfd

    def deadline(self) -> float:
        """Returns when `tick` has to be called at the latest, by the clock; infinity: no need."""
        found = [float("inf")]
        if self._code is not None:
            found.append(self._drained_at)
        elif self._kill_at:
            found.append(self._kill_at)
        else:
            found += [self._began + self.start.timeout_s] if self.start.timeout_s else []
            found += [self._heard + self.start.idle_s] if self.start.idle_s else []
        if self._code is None and self._pidfd is None:
            found.append(self._clock() + _POLL_SECONDS)
        return min(found)

    def read(self, descriptor: int) -> None:
        """Takes what a pipe has, once."""
        number = self._pipes.get(descriptor)
        if number is None:
            return
        try:
            data = os.read(descriptor, _CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._forget(descriptor)
            return
        self._heard = self._clock()
        if self.start.log is not None:
            self.start.log.write(data)
        if number == 2:
            self.words = (self.words + data)[-_KEPT_WORDS:]
        elif self.start.on_line is not None:
            self._lines(data, self.start.on_line)

    def tick(self) -> None:
        """Looks whether it ended, and ends it where it is time to."""
        now = self._clock()
        if self._code is None:
            self._code = self._popen.poll()
            if self._code is not None:
                self._after_end(now)
            elif self._kill_at:
                if now >= self._kill_at:
                    self._signal(signal.SIGKILL)
                    self._kill_at = now + GRACE_SECONDS
            elif self.start.timeout_s and now >= self._began + self.start.timeout_s:
                self.stop(TIMEOUT)
            elif self.start.idle_s and now >= self._heard + self.start.idle_s:
                self.stop(IDLE)
        if self._code is not None and (not self._pipes or now >= self._drained_at):
            self._finish(now)

    def stop(self, why: str = STOPPED, grace: float = GRACE_SECONDS) -> None:
        """Asks it to end, `grace` seconds before it has to; the first reason counts. CAPPED: as STOPPED."""
        if self._code is not None or self._kill_at:
            return
        self._why = why
        self._kill_at = self._clock() + grace
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """Ends it at once, as a runner does that must go itself."""
        if self._code is None:
            self._why = self._why if self._kill_at else STOPPED
            self._kill_at = self._clock()
            self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        if self.start.contained and number != signal.SIGKILL:
            # Its outermost process is that of the sandbox: were it to end, all would, without a word.
            for pid in marked(self.start.mark):
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, number)
            return
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._popen.pid, number)
        if self.start.mark and number == signal.SIGKILL and not self.start.contained:
            end_marked(self.start.mark)

    def _after_end(self, now: float) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._popen.pid, signal.SIGKILL)
        if self.start.mark and not self.start.contained:
            end_marked(self.start.mark)
        self._drained_at = now + DRAIN_SECONDS

    def _lines(self, data: bytes, on_line: Callable[[bytes], None]) -> None:
        *whole, rest = data.split(b"\n")
        for part in whole:
            self._line += part
            on_line(bytes(self._line).removesuffix(b"\r"))
            self._line.clear()
        if len(self._line) < _LONGEST_LINE:
            self._line += rest

    def _forget(self, descriptor: int) -> None:
        del self._pipes[descriptor]
        for pipe in (self._popen.stdout, self._popen.stderr):
            if pipe is not None and not pipe.closed and pipe.fileno() == descriptor:
                pipe.close()

    def _finish(self, now: float) -> None:
        if self.ended is not None:
            return
        for descriptor in [*self._pipes]:
            self._forget(descriptor)
        if self._pidfd is not None:
            os.close(self._pidfd)
            self._pidfd = None
        if self._line and self.start.on_line is not None:
            self.start.on_line(bytes(self._line))
        log = self.start.log.path if self.start.log is not None else ""
        self.ended = Ended(self._code or 0, self._why, now - self._began, log)


def wait(children: Sequence[Child], others: Sequence[int] = (), at_most: float = 1.0) -> list[int]:
    """Waits until there is something to do for `children`, and does it; returns which `others` are ready."""
    owner = {descriptor: child for child in children for descriptor in child.files}
    poll = select.poll()
    for descriptor in (*owner, *others):
        poll.register(descriptor, select.POLLIN)
    until = min((child.deadline() for child in children), default=float("inf"))
    seconds = max(0.0, min(at_most, until - time.monotonic()))
    ready = [descriptor for descriptor, _ in poll.poll(seconds * 1000)]
    touched = {owner[descriptor]: None for descriptor in ready if descriptor in owner}
    for descriptor in ready:
        if descriptor in owner:
            owner[descriptor].read(descriptor)
    now = time.monotonic()
    for child in children:
        if child in touched or child.deadline() <= now:
            child.tick()
    return [descriptor for descriptor in ready if descriptor in others]


def run_to_end(start: Start) -> Child:
    """Returns a child that has ended."""
    child = Child(start)
    try:
        while child.ended is None:
            wait([child])
    except BaseException:
        child.kill()
        raise
    return child


def marked(mark: str) -> Iterator[int]:
    """Yields the processes of this user whose environment carries `mark`; none where there is no /proc."""
    sign = f"{MARK}={mark}\0".encode()
    if not mark:
        return
    try:
        names = os.listdir("/proc")
    except OSError:
        return
    for name in names:
        if name.isdigit():
            try:
                with open(f"/proc/{name}/environ", "rb") as file:
                    is_ours = sign in file.read()
            except OSError:  # it ended, or is another user's
                continue
            if is_ours:
                yield int(name)


def end_marked(mark: str) -> int:
    """Kills all processes that carry `mark`, those with them that are started meanwhile; returns how many."""
    ended: set[int] = set()
    for _ in range(_SWEEPS):
        found = [pid for pid in marked(mark) if pid != os.getpid()]
        if not found:
            break
        for pid in found:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
                ended.add(pid)
    return len(ended)


def _pidfd(pid: int) -> int | None:
    opener = getattr(os, "pidfd_open", None)
    try:
        found: int | None = opener(pid) if opener else None
    except OSError:  # an older kernel, or a sandbox that does not know it
        return None
    return found


@contextmanager
def _input(content: bytes) -> Iterator[int]:
    """Yields a file to read `content` from: a pipe would have to be fed."""
    if not content:
        yield subprocess.DEVNULL
        return
    from tempfile import TemporaryFile

    with TemporaryFile() as file:
        file.write(content)
        file.flush()
        file.seek(0)
        yield file.fileno()


_processes: list[int] = []


@contextmanager
def _limits() -> Iterator[None]:
    """Holds the limits that a child is to have while it is started: it inherits them, and ours come back."""
    wanted = {resource.RLIMIT_CORE: 0, resource.RLIMIT_NPROC: _most_processes()}
    before = {kind: resource.getrlimit(kind) for kind in wanted}
    try:
        for kind, (soft, hard) in before.items():
            most = wanted[kind]
            known = [each for each in (most, soft, hard) if each != resource.RLIM_INFINITY]
            with suppress(ValueError, OSError):
                resource.setrlimit(kind, (min(known), hard))
        yield
    finally:
        for kind, limit in before.items():
            with suppress(ValueError, OSError):
                resource.setrlimit(kind, limit)


def _most_processes() -> int:
    """Returns how many processes and threads this user may have, by those that there were at first."""
    if not _processes:
        count, user = 0, os.geteuid()
        with suppress(OSError):
            for name in os.listdir("/proc"):
                if name.isdigit():
                    with suppress(OSError):
                        if os.stat(f"/proc/{name}").st_uid == user:
                            count += len(os.listdir(f"/proc/{name}/task"))
        _processes.append(count + MORE_PROCESSES)
    return _processes[0]


@contextmanager
def stop_signals(ask_to_stop: Callable[[], None]) -> Iterator[int]:
    """Has Ctrl-C, SIGTERM and SIGHUP call `ask_to_stop`; yields a file that says when one came."""
    reader, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC) if hasattr(os, "pipe2") else _pipe()

    def stop(_number: int, _frame: FrameType | None) -> None:
        ask_to_stop()

    kinds = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {kind: signal.signal(kind, stop) for kind in kinds}
    woken = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    try:
        yield reader
    finally:
        signal.set_wakeup_fd(woken)
        for kind, handler in before.items():
            signal.signal(kind, handler)
        os.close(reader)
        os.close(writer)


def _pipe() -> tuple[int, int]:
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    os.set_blocking(writer, False)
    return reader, writer
