"""Documentation that runs: every ``console`` block of a page is a session in a shell, replayed and compared.

A line that starts with ``$ `` is a command, given to bash; the lines after it are what it prints on standard
output and error. A command that ends in a backslash or opens a here-document goes on in lines that start
with ``> ``. All blocks of a page share one folder, one working directory and one set of exported variables.

In what a page expects, ``...`` alone on a line stands for any lines, and ``…`` inside a line for any text.
What changes with every run is not compared at all: commit ids (7 to 40 hexadecimal digits), ULIDs, dates,
"3 minutes ago" and durations. The home folder is written ``/home/you``, and git knows its owner as You.
Port 8417 stands for one that is free. What a page starts with ``&`` writes to a file, and ends with the page.

A comment right before a block steers it::

    <!-- replay: setup=project -->
    <!-- replay: skip because it needs a network -->

``setup`` stands before the first block that runs and says where the page starts: ``none`` (the home folder),
``empty-folder``, ``repository`` (one commit; the default) or ``project`` (and ``idse init portal``).
"""

from __future__ import annotations

import difflib
import os
import pathlib
import re
import signal
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from markdown_it import MarkdownIt

HOME = "/home/you"
PORT = "8417"
FOLDER = "portal"
PATIENCE = 300
IDENTITY = {
    f"GIT_{role}_{what}": value
    for role in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "You"), ("EMAIL", "you@example.org"))
}

_REPOSITORY = (
    f"git init -q {FOLDER} && cd {FOLDER} && echo '# Portal' >README.md && git add . && git commit -qm start"
)
SETUPS = {
    "none": "",
    "empty-folder": f"mkdir {FOLDER} && cd {FOLDER}",
    "repository": _REPOSITORY,
    "project": f"{_REPOSITORY} && idse init {FOLDER} >/dev/null && git add . && git commit -qm 'idse init'",
}

_DIRECTIVE = re.compile(r"<!--\s*replay:\s*(.*?)\s*-->", re.DOTALL)
_CONTINUES = re.compile(r"\\$|<<-?\s*['\"\w]")
_VARYING = (
    (re.compile(r"\b[0-9A-HJKMNP-TV-Z]{26}\b"), "<ulid>"),
    (
        re.compile(r"\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z| ?[+-]\d\d:?\d\d)?)?"),
        "<date>",
    ),
    (re.compile(r"\b[A-Z][a-z]{2} [A-Z][a-z]{2} +\d+ \d\d:\d\d:\d\d \d{4}(?: [+-]\d{4})?"), "<date>"),
    (re.compile(r"\b(?:just now|(?:\d+|an?) (?:second|minute|hour|day|week|month|year)s? ago)\b"), "<ago>"),
    (re.compile(r"(?<![\w.])\d+(?:\.\d+)? ?(?:ns|µs|us|ms|s)\b"), "<duration>"),
    (re.compile(r"\b(?:[0-9a-f]{7,40}|[0-9a-f]{64})\b"), "<id>"),
)
# A value of another length moves the columns after it and the rules around a table.
_WIDTHS = ((re.compile(r"(?<=\S) {2,}"), "  "), (re.compile(r"([─━═-])\1{2,}"), r"\1\1\1"))


class PageError(Exception):
    """A page is written in a way that cannot be replayed."""


@dataclass(frozen=True, slots=True)
class Step:
    """One command: `line` counts from 1; `expected` is ``lines[start:end]`` of the page, unindented."""

    line: int
    command: str
    expected: tuple[str, ...]
    start: int
    end: int
    indent: str


@dataclass(frozen=True, slots=True)
class Page:
    """What of a page is run, in order."""

    path: pathlib.Path
    lines: tuple[str, ...]
    setup: str
    steps: tuple[Step, ...]
    skipped: int


def read_page(path: pathlib.Path) -> Page:
    """Parse a page; raises PageError where a directive or a block makes no sense."""
    text = path.read_text(encoding="utf-8")
    lines = tuple(text.splitlines())
    setup, steps, skipped, directive = "", [], 0, ""
    for token in MarkdownIt("commonmark").parse(text):
        if token.type == "html_block" and (found := _DIRECTIVE.search(token.content)):
            directive = found[1]
            if directive.startswith("setup="):
                setup = _setup(path, token.map, directive, taken=bool(setup or steps))
            elif not re.match(r"skip because \S", directive):
                raise PageError(f"{_place(path, token.map)}: no replay directive with a reason: {directive}")
        elif token.type == "fence" and token.info.split()[:1] == ["console"]:
            if directive.startswith("skip"):
                skipped += 1
            else:
                steps += _steps(path, lines, token.map or [0, 0])
            directive = ""
        elif token.type != "html_block" and token.nesting >= 0:
            directive = ""
    return Page(path, lines, setup or "repository", tuple(steps), skipped)


def _setup(path: pathlib.Path, where: list[int] | None, directive: str, *, taken: bool) -> str:
    name = directive.removeprefix("setup=")
    if name not in SETUPS:
        raise PageError(f"{_place(path, where)}: unknown setup {name!r}, choose one of {', '.join(SETUPS)}")
    if taken:
        raise PageError(f"{_place(path, where)}: a page has one setup, before its first block")
    return name


def _place(path: pathlib.Path, where: list[int] | None) -> str:
    return f"{path}:{(where or [0])[0] + 1}"


def _steps(path: pathlib.Path, lines: Sequence[str], where: list[int]) -> Iterator[Step]:
    first, last = where[0] + 1, where[1] - 1
    fence = lines[where[0]]
    indent = fence[: len(fence) - len(fence.lstrip())]
    body = [line.removeprefix(indent) for line in lines[first:last]]
    if body and not body[0].startswith("$ "):
        raise PageError(f"{_place(path, [first])}: a console block starts with a command, `$ …`")
    at = 0
    while at < len(body):
        begin, command = at, [body[at][2:]]
        at += 1
        while at < len(body) and f"{body[at]} ".startswith("> ") and _CONTINUES.search("\n".join(command)):
            command.append(body[at][2:])
            at += 1
        end = next((n for n in range(at, len(body)) if body[n].startswith("$ ")), len(body))
        expected = tuple(body[at:end])
        yield Step(first + begin + 1, "\n".join(command), expected, first + at, first + end, indent)
        at = end


class Shell:
    """Bash in `home`, one process a command; directory, exported variables and ``$?`` carry over."""

    def __init__(self, home: pathlib.Path) -> None:
        self._home = home
        self._state = home / ".replay-state"
        self._state.write_text("", encoding="utf-8")
        self._folder = str(home)
        self._code = 0
        self._groups: list[int] = []
        self._port = _free_port()
        (home / ".tmp").mkdir(exist_ok=True)

    def run(self, command: str) -> tuple[str, ...]:
        """Lines that `command` printed, with the home folder as ``/home/you`` and no space at line ends."""
        script = '. "$1"; (exit "$2"); eval "$3"; code=$?; export -p >"$1"; pwd >>"$1.folder"; exit $code'
        line = command.replace(PORT, self._port)
        with subprocess.Popen(  # noqa: S603 - running what the page says is the purpose
            ["bash", "-c", script, "bash", str(self._state), str(self._code), line],  # noqa: S607
            cwd=self._folder,
            env={**os.environ, **IDENTITY, "COLUMNS": "80", "TMPDIR": str(self._home / ".tmp")},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as done:
            self._groups.append(done.pid)
            try:
                out, _ = done.communicate(timeout=PATIENCE)
            except BaseException:
                self.end()
                raise
        self._code = done.returncode
        folders = pathlib.Path(f"{self._state}.folder")
        if folders.exists():
            self._folder = folders.read_text(encoding="utf-8").splitlines()[-1]
        text = (
            out.decode("utf-8", "replace")
            .replace(str(self._home), HOME)
            .replace(f":{self._port}", f":{PORT}")
        )
        return tuple(line.rstrip() for line in text.splitlines())

    def end(self) -> None:
        """Ends what commands left running."""
        for group in self._groups:
            with suppress(ProcessLookupError):
                os.killpg(group, signal.SIGTERM)

    @property
    def failed(self) -> bool:
        """Whether the last command ended with another code than 0."""
        return self._code != 0


def _free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return str(server.getsockname()[1])


def normal(line: str) -> str:
    """`line` without what differs from run to run."""
    for pattern, word in (*_VARYING, *_WIDTHS):
        line = pattern.sub(word, line)
    return line.rstrip()


def matches(expected: Sequence[str], actual: Sequence[str]) -> bool:
    """Whether `actual` is what the page promises; ``...`` and ``…`` are wildcards of `expected`."""
    words = [_pattern(line) for line in expected]
    got = [normal(line) for line in actual]
    # reachable[n]: the lines of `expected` so far can account for the first n lines of `actual`.
    reachable = [True] + [False] * len(got)
    for word in words:
        if word is None:
            first = reachable.index(True) if True in reachable else len(reachable)
            reachable = [n >= first for n in range(len(reachable))]
        else:
            reachable = [False] + [
                before and word.fullmatch(line) is not None
                for before, line in zip(reachable[:-1], got, strict=True)
            ]
    return reachable[-1]


def _pattern(line: str) -> re.Pattern[str] | None:
    if line.strip() == "...":
        return None
    return re.compile(".*".join(re.escape(part) for part in normal(line).split("…")))


def replay(page: Page, home: pathlib.Path) -> tuple[list[str], str]:
    """Run a page in the empty folder `home`: one report per broken step, and the page as it should read.

    A step that holds keeps its text, wildcards and all.
    """
    shell = Shell(home)
    try:
        printed = shell.run(SETUPS[page.setup])
        if shell.failed:
            raise PageError(f"{page.path}: setup {page.setup!r} failed:\n" + "\n".join(printed))
        outcomes = [(step, shell.run(step.command)) for step in page.steps]
    finally:
        shell.end()
    reports, lines = [], list(page.lines)
    for step, actual in reversed(outcomes):
        if not matches(step.expected, actual):
            reports.insert(0, _report(page.path, step, actual))
            lines[step.start : step.end] = [(step.indent + line).rstrip() for line in _shown(actual)]
    return reports, "\n".join(lines) + "\n"


def _shown(actual: tuple[str, ...]) -> tuple[str, ...]:
    """Output as a page may show it: what would read as a command or end the block becomes ``...``."""
    return ("...",) if any(line.startswith(("$ ", "```")) for line in actual) else actual


def _report(path: pathlib.Path, step: Step, actual: tuple[str, ...]) -> str:
    expected = [line if line.strip() == "..." else normal(line) for line in step.expected]
    got = [normal(line) for line in actual]
    diff = difflib.unified_diff(expected, got, "the page", "this run", lineterm="")
    return "\n".join([f"{path}:{step.line}: $ {step.command}", *diff])
