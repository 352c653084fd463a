"""The one printer of answers: data goes to standard output, prose to standard error."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Self, cast

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.base.text import printable
from idse_orchestrator.cli.layout import Style, from_here, style_for
from idse_orchestrator.cli.streams import tell, write_bytes, write_over
from idse_orchestrator.errors import EXIT_OK, GitFailedError, NotARepositoryError, UsageError, told_apart

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from idse_orchestrator.ledger.events import SessionKey
    from idse_orchestrator.wiring.application import Application

PATIENCE = 1.0
"""Seconds before progress is shown: most runs are over by then."""

_BETWEEN = 0.1


class Said(str):
    """A sentence for people: it goes to standard error, unless they asked for quiet."""

    __slots__ = ()


class Warned(Said):
    """A sentence that quiet does not silence."""

    __slots__ = ()


class Raw(NamedTuple):
    """Bytes that reach standard output as they are."""

    chunks: Iterable[bytes]


class Answer(NamedTuple):
    """The result of a command, in the forms in which it can be shown.

    `data` makes the ``data`` of a JSON document of `schema`; without a schema there is no such document.
    `lines` are for people: a plain line is data, and printable already. Only the form that was asked for is
    made, so a generator of lines may end by raising an error that JSON has among its `diagnostics`.
    `within` is entered while lines are written.
    """

    schema: str = ""
    data: Callable[[], object] = dict
    lines: Iterable[str | Raw] = ()
    diagnostics: Iterable[Mapping[str, object]] = ()
    code: int = EXIT_OK
    within: AbstractContextManager[None] | None = None


def remark(severity: str, message: str, code: str = "", **more: object) -> dict[str, object]:
    """Returns an entry of ``diagnostics``; `more` may be ``where`` and ``fix``.

    What is given as fix and is no command becomes the cause.
    """
    known: dict[str, object] = {"code": code} if code else {}
    if "fix" in more:
        words, commands = told_apart(cast("Iterable[str]", more["fix"]))
        more = {
            **more,
            **({"cause": "\n".join(words)} if words else {}),
            "fix": list(map(from_here, commands)),
        }
    return {"severity": severity, **known, "message": message, **more}


class Terminal:
    """The two streams and how they are dressed.

    With `as_json` prose is silent: a reader of the one JSON document finds it under `diagnostics`.
    """

    __slots__ = ("as_json", "color", "quiet", "verbose")

    def __init__(
        self, *, color: str = "auto", quiet: bool = False, verbose: int = 0, as_json: bool = False
    ) -> None:
        self.color = color
        self.quiet = quiet
        self.verbose = verbose
        self.as_json = as_json

    @property
    def style(self) -> Style:
        """Chooses the colours of data on standard output."""
        return style_for(sys.stdout, self.color, os.environ)

    @property
    def prose_style(self) -> Style:
        """Chooses the colours of prose on standard error."""
        return style_for(sys.stderr, self.color, os.environ)

    @property
    def interactive(self) -> bool:
        """True where a person can be asked: on a terminal, outside of CI, and not in JSON."""
        return not self.as_json and not os.environ.get("CI") and sys.stdin.isatty() and sys.stderr.isatty()

    def confirms(self, question: str, *, by_default: bool) -> bool:
        """Asks a person; an empty line is the default, and the end of the input is no."""
        sys.stderr.write(f"{question} [{'Y/n' if by_default else 'y/N'}] ")
        sys.stderr.flush()
        line = sys.stdin.readline()
        answer = line.strip().lower()
        return answer in ("y", "yes") or (by_default and bool(line) and not answer)

    def show(self, answer: Answer) -> int:
        """Prints `answer` in the form that was asked for, and returns its exit code."""
        if not self.as_json:
            self._write_within(answer)
        elif not answer.schema:
            raise UsageError("a document has no JSON form", fix=("leave out --json",))
        else:
            from idse_orchestrator.cli.envelope import envelope

            self.data(envelope(answer.schema, answer.data(), answer.diagnostics))
        return answer.code

    def data(self, text: str) -> None:
        """Writes `text`, which is printable already, and a line break to standard output."""
        sys.stdout.write(text + "\n")

    def say(self, text: str) -> None:
        """Writes a sentence for people to standard error, unless they asked for quiet or JSON."""
        if not self._is_silent:
            tell(printable(text, lines=True))

    def warn(self, text: str) -> None:
        """Writes a sentence that quiet does not silence to standard error."""
        tell(self.prose_style.yellow("warning: ") + printable(text, lines=True))

    def progress(self, text: str) -> None:
        """Overwrites one line on a terminal's standard error; silent elsewhere. "" clears it."""
        if not self._is_silent and sys.stderr.isatty():
            write_over(text)

    @property
    def _is_silent(self) -> bool:
        return self.quiet or self.as_json

    def _write_within(self, answer: Answer) -> None:
        if answer.within is None:
            self._write(answer.lines)
            return
        with answer.within:
            self._write(answer.lines)

    def _write(self, lines: Iterable[str | Raw]) -> None:
        for line in lines:
            if isinstance(line, Raw):
                write_bytes(line.chunks)
            elif isinstance(line, Warned):
                self.warn(line)
            elif isinstance(line, Said):
                self.say(line)
            else:
                self.data(line)


class Progress:
    """Shows how far work is that turns out to take more than a second; a callback ``(done, total)``.

    As a context it leaves a clean line behind. `what` names what is counted; `clock` gives seconds.
    """

    def __init__(
        self, terminal: Terminal, what: str = "", clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._terminal = terminal
        self._what = what
        self._clock = clock
        self._next = clock() + PATIENCE
        self._shown = False

    def __enter__(self) -> Self:
        """Shows nothing yet."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Clears the line."""
        if self._shown:
            self._terminal.progress("")

    def of(self, what: str, done: int, total: int) -> None:
        """Shows how far one of several parts of the work is; each of them is counted by itself."""
        if what != self._what:
            self.__exit__()
            self._what, self._shown = what, False
            self._next = self._clock() + PATIENCE
        self(done, total)

    def __call__(self, done: int, total: int) -> None:
        """Shows how far the work is, ten times a second at most."""
        now = self._clock()
        if now >= self._next:
            self._next = now + _BETWEEN
            self._shown = True
            self._terminal.progress(f"{self._what}: {done} of {total}")


class Run:
    """All that a command is given; `project_option` is the value of ``--project``, or None."""

    def __init__(self, terminal: Terminal, project_option: str | None = None) -> None:
        self.terminal = terminal
        self.project_option = project_option
        self._application: Application | None = None

    @property
    def app(self) -> Application:
        """Returns the application on the repository around the working folder, or on another store."""
        if self._application is None:
            self._application = application_here()
        return self._application

    @property
    def project(self) -> str:
        """Names the project this run is about, as `app.resolve_project` finds it."""
        return self.app.resolve_project(self.project_option)

    @property
    def projects(self) -> Sequence[str]:
        """Names the projects a list is about: the one that --project or IDSE_PROJECT says, or else all."""
        reader = self.app.reader
        if self.project_option is None and not self.app.asking.named:
            known = sorted({*reader.projects(), *(project for project, _ in reader.sessions())})
            if known:
                return known
        return [self.project]

    def session(self, name: str | None = None) -> SessionKey:
        """Names the session this run is about: `name` (maybe "project/session"), or the current one."""
        return self.app.resolve_session(self.project_option, name)


def working_folder() -> str:
    """Returns the folder this process stands in; UsageError where it was removed."""
    try:
        return os.getcwd()
    except FileNotFoundError as error:
        raise UsageError(
            "the folder that this was started in is gone", fix=("go to a folder that is there",)
        ) from error


def application_here() -> Application:
    """Returns the application in the working folder. git is asked first, then for a store."""
    store = os.environ.get("IDSE_STORE", "")
    if store not in ("", "git"):
        from idse_orchestrator.wiring.stores import application_on

        return application_on(store, working_folder(), os.environ)
    from idse_orchestrator.wiring.application import Application

    try:
        return Application(working_folder(), os.environ)
    except (NotARepositoryError, GitFailedError):
        found = None if store else _store_above()
        if found is None:
            raise
        return found


def _store_above() -> Application | None:
    from idse_orchestrator.wiring.stores import application_found, refuse_unnamed_store

    found = application_found(os.getcwd(), os.environ)
    if found is None:
        refuse_unnamed_store(os.getcwd())
    return found
