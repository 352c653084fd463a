"""Shows an answer again whenever something that it was made of changes, until somebody ends it.

On a terminal it is drawn in place, with `--json` each change is a document on a line of its own. A few files
are asked for their dates twice a second; git runs only when one of them is another than before.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.base.text import printable
from idse_orchestrator.cli.streams import Door, encoded
from idse_orchestrator.cli.terminal import Answer, Raw, Run
from idse_orchestrator.documents.project_workspace import STAGES, artifact_path, session_folder
from idse_orchestrator.errors import EXIT_INTERRUPTED, EXIT_OK, IdseError, UsageError

if TYPE_CHECKING:
    from types import FrameType

    from idse_orchestrator.wiring.application import Application

INTERVAL = 0.5
"""Seconds between two looks: a person takes it for at once, and the machine does not notice."""

_ENTER = "\x1b[?1049h\x1b[?25l\x1b[?7l"
_LEAVE = "\x1b[?7h\x1b[?25h\x1b[?1049l"
"""Another screen, no cursor and no wrapped lines; and back."""
_BEGIN, _END = "\x1b[?2026h\x1b[H", "\x1b[J\x1b[?2026l"
"""Around a drawing: a terminal that can shows all of it at once. Nothing is cleared first, which flickers."""


class View(NamedTuple):
    """Makes what is to be shown, out of what stands at `places`; None where only looking again can tell."""

    places: tuple[str, ...] | None
    answer: Callable[[], Answer]


def places_of(app: Application, project: str, session: str = "") -> tuple[str, ...] | None:
    """Returns what changes when the status of a session does, or that of all sessions of `project`.

    git writes a ref by renaming a file, which changes the date of the folder: no ref is looked at by itself.
    """
    if not app.has_git:
        return None
    common = app.vault.common_dir
    names = ["packed-refs", "config", "hooks", "refs/idse", "refs/idse/projects", "refs/idse/sync"]
    names += ["refs/idse/sessions", f"refs/idse/sessions/{project}"]
    with suppress(OSError):
        remotes = sorted(os.listdir(os.path.join(common, "refs/idse-local/remotes")))
        names += [f"refs/idse-local/remotes/{remote}/sessions/{project}" for remote in remotes]
    places = [os.path.join(common, name) for name in names]
    if not app.is_bare:
        own = os.path.join(app.work_tree.git_dir, "refs", "worktree", "idse")
        places += [own, os.path.join(own, "sessions")]
    if session:
        documents = [artifact_path(project, session, stage) for stage in STAGES]
        places += [os.path.join(app.top, each) for each in (session_folder(project, session), *documents)]
    return tuple(places)


def watch(run: Run, make: Callable[[Run], View]) -> int:
    """Shows what `make` has to show for a fresh run, again after each change; returns the exit code.

    What goes wrong at first is raised, what goes wrong later is shown. Ctrl-C is how it is meant to end.
    """
    if not run.terminal.as_json:
        _refuse_where_nothing_can_be_redrawn()
    watching = _Watching(run, make)
    previous = {number: signal.signal(number, _stop) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        watching.look()
        if run.terminal.as_json:
            return watching.print_lines()
        return watching.draw()
    except KeyboardInterrupt:
        return EXIT_OK
    except _Stopped:
        return EXIT_INTERRUPTED
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


class _Stopped(BaseException):
    """A signal ends the process: like KeyboardInterrupt, it is no error that somebody may handle."""


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise _Stopped


def _refuse_where_nothing_can_be_redrawn() -> None:
    is_terminal = sys.stdout.isatty()
    if is_terminal and os.environ.get("TERM", "dumb") != "dumb":
        return
    raise UsageError(
        "--watch needs a terminal that it can draw on",
        cause="TERM says that this one cannot go back" if is_terminal else "standard output is no terminal",
        fix=("idse status --watch --json  # a line for each change",),
    )


class _Watching:
    """Keeps what was shown last, the places it was made of, and the dates they had before."""

    def __init__(self, run: Run, make: Callable[[Run], View]) -> None:
        self._run = run
        self._make = make
        self._places: tuple[str, ...] | None = ()
        self._seen: object = None
        self._text: list[str] = []

    def look(self) -> None:
        """Makes the answer anew. The dates are asked for first: what changes meanwhile is seen next time."""
        view = self._make(Run(self._run.terminal, self._run.project_option))
        self._places, self._seen = view.places, _dates(view.places)
        self._text = self._shown(view.answer())

    def print_lines(self) -> int:
        """Prints a document on a line for each change, until nobody reads any more."""
        last: list[str] = []
        while True:
            if self._text != last:
                last = self._text
                for line in last:
                    self._run.terminal.data(line)
                sys.stdout.flush()
            if _nobody_reads():
                return EXIT_OK
            time.sleep(INTERVAL)
            self._look_again()

    def draw(self) -> int:
        """Draws on the terminal until somebody ends it, and leaves the last drawing in the scrollback."""
        try:
            with _screen() as screen:
                last: object = None
                while True:
                    size = os.get_terminal_size(sys.stdout.fileno())
                    if (self._text, size, screen.times_entered) != last:
                        last = (self._text, size, screen.times_entered)
                        _write(_drawing(self._text, size.lines))
                    if screen.is_asked_to_end(INTERVAL):
                        return EXIT_OK
                    self._look_again()
        finally:
            with suppress(OSError):  # the terminal may be gone
                for line in self._text:
                    self._run.terminal.data(line)

    def _look_again(self) -> None:
        if self._places is not None and _dates(self._places) == self._seen:
            return
        try:
            self.look()
        except IdseError as error:
            from idse_orchestrator.cli.envelope import error_envelope

            words = f"error[{error.code}]: {error.message}"
            self._text = [error_envelope(error) if self._run.terminal.as_json else words]

    def _shown(self, answer: Answer) -> list[str]:
        if self._run.terminal.as_json:
            from idse_orchestrator.cli.envelope import envelope

            return [envelope(answer.schema, answer.data(), answer.diagnostics)]
        seen = sys.stdout.seen if isinstance(sys.stdout, Door) else printable
        lines = [line for line in answer.lines if not isinstance(line, Raw)]
        return [seen(part) for line in lines for part in line.split("\n")]


def _dates(places: tuple[str, ...] | None) -> object:
    """Returns what tells a change of `places`: date, number and size of each; None where it is not there."""
    found: list[tuple[int, int, int] | None] = []
    for place in places or ():
        try:
            status = os.stat(place)
            found.append((status.st_mtime_ns, status.st_ino, status.st_size))
        except OSError:
            found.append(None)
    return found


def _drawing(lines: list[str], height: int) -> str:
    """Returns what draws `lines` over what stands on the screen, cut to its height."""
    room = max(height - 2, 1)
    shown = lines if len(lines) <= room else [*lines[: room - 1], f"… and {len(lines) - room + 1} more lines"]
    drawn = "".join(f"{line}\x1b[K\r\n" for line in [*shown, ""][:room])
    return f"{_BEGIN}{drawn}Ctrl-C or q ends\x1b[K{_END}"


def _write(text: str) -> None:
    """Writes what the terminal shall obey, past Python's buffer: a signal may come while that is written."""
    data = encoded(text)
    while data:
        data = data[os.write(sys.stdout.fileno(), data) :]


def _nobody_reads() -> bool:
    poll = select.poll()
    poll.register(sys.stdout.fileno(), 0)
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))


class _Screen:
    """The terminal while it is drawn on. `times_entered` grows when a stopped process goes on."""

    def __init__(self) -> None:
        self.times_entered = 0
        self._input = sys.stdin.fileno() if sys.stdin.isatty() else None
        self._before = termios.tcgetattr(self._input) if self._input is not None else None

    def enter(self) -> None:
        """Takes the terminal: what is typed is not shown, and comes at once."""
        self.times_entered += 1
        if self._input is not None and self._before is not None:
            quiet = list(self._before)
            quiet[3] &= ~(termios.ECHO | termios.ICANON)
            termios.tcsetattr(self._input, termios.TCSADRAIN, quiet)
        _write(_ENTER)

    def leave(self) -> None:
        """Gives it back as it was."""
        with suppress(OSError, termios.error):  # it may be gone
            _write(_LEAVE)
            if self._input is not None and self._before is not None:
                termios.tcsetattr(self._input, termios.TCSADRAIN, self._before)

    def pause(self, _number: int, _frame: FrameType | None) -> None:
        """Stops the process, as Ctrl-Z asks, with the terminal in order; and goes on after `fg`."""
        self.leave()
        before = signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, before)
        self.enter()

    def is_asked_to_end(self, seconds: float) -> bool:
        """Waits so long; True as soon as somebody types q."""
        if self._input is None:
            time.sleep(seconds)
            return False
        if not select.select([self._input], [], [], seconds)[0]:
            return False
        typed = os.read(self._input, 1024)
        return b"q" in typed.lower() or not typed


@contextmanager
def _screen() -> Iterator[_Screen]:
    screen = _Screen()
    before = signal.signal(signal.SIGTSTP, screen.pause)
    try:
        screen.enter()
        yield screen
    finally:
        screen.leave()
        signal.signal(signal.SIGTSTP, before)
