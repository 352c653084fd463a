"""Text laid out for people: columns on a terminal, aligned rows, wrapped prose, labels, and dates."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, TextIO

from idse_orchestrator.base.text import counted, printable

if TYPE_CHECKING:
    from idse_orchestrator.ledger.entries import Entry


class Style:
    """Wraps text in ANSI colours when `enabled`, and gives it back as it is when not.

    A plain class: a hot command would pay more for importing dataclasses than for its own work.
    """

    __slots__ = ("enabled",)

    def __init__(self, *, enabled: bool = False) -> None:
        self.enabled = enabled

    def bold(self, text: str) -> str:
        """Marks what a reader looks for first."""
        return self._wrap("1", text)

    def dim(self, text: str) -> str:
        """Marks what most readers skip."""
        return self._wrap("2", text)

    def red(self, text: str) -> str:
        """Marks what blocks."""
        return self._wrap("31", text)

    def green(self, text: str) -> str:
        """Marks what holds."""
        return self._wrap("32", text)

    def yellow(self, text: str) -> str:
        """Marks what needs a look."""
        return self._wrap("33", text)

    def cyan(self, text: str) -> str:
        """Marks what can be typed, and for ids."""
        return self._wrap("36", text)

    def _wrap(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.enabled and text else text


PLAIN = Style()


def style_for(stream: TextIO, choice: str, environ: Mapping[str, str]) -> Style:
    """Returns the style for `stream`, in this order of precedence.

    1. `choice` ``always`` or ``never``. 2. A non-empty ``NO_COLOR``: off. 3. ``FORCE_COLOR`` other
    than empty or ``0``: on. 4. ``TERM=dumb``: off. 5. On where `stream` is a terminal.
    """
    if choice != "auto":
        return Style(enabled=choice == "always")
    if environ.get("NO_COLOR"):
        return PLAIN
    if environ.get("FORCE_COLOR", "0") not in {"", "0"}:
        return Style(enabled=True)
    return Style(enabled=environ.get("TERM") != "dumb" and stream.isatty())


WIDTH = 78
"""Prose is wrapped at so many columns."""

WIDEST = 100
"""Lines are not laid out wider than this: nobody reads across a whole wide screen."""

_LABEL = 7
_BEFORE_LABEL = len("   = ")
COLOR = re.compile(r"(\x1b\[(?:[012]|3[1-6])m)")
"""Matches the colours that `Style` writes: the only escapes that may reach a terminal."""

_MINUTE, _HOUR, _DAY, _WEEK = 60, 3600, 86_400, 604_800
_MONTH, _YEAR = 2_629_746, 31_556_952
_SCALE = (
    (90, 1, "second"),
    (90 * _MINUTE, _MINUTE, "minute"),
    (36 * _HOUR, _HOUR, "hour"),
    (14 * _DAY, _DAY, "day"),
    (10 * _WEEK, _WEEK, "week"),
    (_YEAR, _MONTH, "month"),
)
"""Below so many seconds, count in units of so many."""


def terminal_width() -> int:
    """Returns the columns of the terminal at standard output, or ``COLUMNS`` if set; WIDEST for neither."""
    wanted = os.environ.get("COLUMNS", "")
    if wanted.isdecimal() and 0 < int(wanted) < 10_000:
        return int(wanted)
    try:
        return os.get_terminal_size(sys.__stdout__.fileno()).columns or WIDEST if sys.__stdout__ else WIDEST
    except (OSError, ValueError):
        return WIDEST


def columns(text: str) -> int:
    """Counts the columns that `text` takes; colours take none, East Asian characters and most emoji two."""
    if text.isascii() and "\x1b" not in text:
        return len(text)
    return sum(map(_width, COLOR.sub("", text)))


def fitted(text: str, width: int) -> str:
    """Returns `text`, without colours, cut with an ellipsis if it takes more than `width` columns."""
    if columns(text) <= width:
        return text
    kept, left = [], width - 1
    for char in text:
        left -= _width(char)
        if left < 0:
            break
        kept.append(char)
    return "".join(kept).rstrip() + "…" if width > 0 else ""


def filled(text: str, width: int) -> str:
    """Returns `text` with spaces behind it up to `width` columns; colours in it do not count."""
    return text + " " * (width - columns(text))


def aligned(rows: Iterable[Sequence[str]], gap: int = 2) -> list[str]:
    """Returns one line for each row, every column as wide as its widest cell; no spaces at the ends."""
    cells = [list(row) for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        (" " * gap).join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    ]


def headed(head: Sequence[str], rows: Iterable[Sequence[str]]) -> tuple[list[str], list[str]]:
    """Returns the line above `rows`, and `rows` aligned.

    Only a terminal has that line, and only above something: what reads a pipe reads rows.
    """
    cells = list(rows)
    if not cells or not sys.stdout.isatty():
        return [], aligned(cells)
    above, *lines = aligned([head, *cells])
    style = style_for(sys.stdout, getattr(sys.stdout, "color", "auto"), os.environ)
    return [style.dim(above)], lines


def coloured(rows: Iterable[Sequence[str]], tints: Iterable[Callable[[str], str]]) -> list[str]:
    """Returns `rows` aligned and set in, the first cell of each in its tint."""
    cells = list(rows)
    return [
        "  " + tint(row[0]) + line.removeprefix(row[0])
        for row, line, tint in zip(cells, aligned(cells), tints, strict=True)
    ]


def moved(old: str, new: str) -> str:
    """Says from where to where a ref went; `old` is "" where there was none."""
    return f"{old[:7]}..{new[:7]}" if old else "new"


def wrapped(text: str, indent: str = "", first: str | None = None, width: int = WIDTH) -> list[str]:
    """Returns `text` as lines of at most `width`, each after `indent`, the first after `first`.

    Words longer than a line stay whole, so that a path or a command can be copied.
    """
    from textwrap import wrap

    return wrap(
        text,
        width,
        initial_indent=indent if first is None else first,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def labelled_prose(label: str, text: str, column: int = 11) -> list[str]:
    """Returns `text` beside `label`, in lines that begin at `column`; a line break in `text` stays one."""
    lines: list[str] = []
    for part in text.split("\n"):
        first = None if lines else label.ljust(column)
        lines += wrapped(part, " " * column, first) or [(first or "").rstrip()]
    return lines


def place(where: str, style: Style = PLAIN) -> str:
    """Returns the line that says where: ``  --> path:12:1``. `where` is printable already."""
    return f"  {style.cyan('-->')} {where}"


def labelled(label: str, texts: Iterable[str], style: Style = PLAIN) -> str:
    """Returns ``   = fix:   first``, and every further text aligned beneath it."""
    name = f"{label}: ".ljust(_LABEL)
    beneath = "\n" + " " * (_BEFORE_LABEL + len(name))
    return f"   {style.cyan('=')} {name}" + beneath.join(printable(text) for text in texts)


def help_command(code: str) -> str:
    """Returns the command that explains `code`: errors of the tool are in help, rules in the constitution."""
    return f"idse help {code}" if code.startswith("IDSE0") else f"idse rule show {code}"


def seconds_of(entry: Entry) -> float | None:
    """Returns the Unix time at which `entry` happened; None where its event has no date that can be read."""
    if entry.event is None:
        return float(entry.committed)
    from datetime import UTC, datetime

    try:
        at = datetime.fromisoformat(entry.event.at)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def iso(entry: Entry) -> str:
    """Returns the date in UTC, ``2026-01-31T10:00:00Z``; of an event as it stands there."""
    if entry.event is not None:
        return entry.event.at
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(entry.committed))


def relative(entry: Entry, now: float) -> str:
    """Returns how long before `now` (Unix time) it was, ``2 hours ago``; a date that is none as it stands."""
    then = seconds_of(entry)
    return iso(entry) if then is None else ago(now - then)


def ago(seconds: float) -> str:
    """Puts a number of seconds in the past into words, as git does."""
    if seconds < 0:
        return "in the future"
    for limit, unit, name in _SCALE:
        if seconds < limit:
            return f"{counted(round(seconds / unit), name)} ago"
    years, rest = divmod(seconds, _YEAR)
    months = int(rest // _MONTH)
    tail = f", {counted(months, 'month')}" if months and years < 5 else ""
    return f"{counted(int(years), 'year')}{tail} ago"


def _width(char: str) -> int:
    if char.isascii():
        return 1
    from unicodedata import combining, east_asian_width

    if combining(char) or char in "\u200c\u200d\ufe0f":
        return 0
    return 2 if east_asian_width(char) in "WF" else 1


_FROM_THE_TOP = re.compile(r"(^|[\s'\"])\.idse/")


def from_here(command: str) -> str:
    """Returns `command` with paths that begin with ``.idse/`` as they are from where the reader stands.

    What advises knows them from the top of the work tree.
    """
    if ".idse/" not in command:
        return command
    return _FROM_THE_TOP.sub(lambda found: f"{found[1]}{_to_the_top()}.idse/", command)


def _to_the_top() -> str:
    """Returns the steps to the nearest folder around here that has ``.idse``; "" for this one, or none."""
    try:
        folder = os.getcwd()
    except OSError:
        return ""
    steps = ""
    while not os.path.isdir(os.path.join(folder, ".idse")):
        above = os.path.dirname(folder)
        if above == folder:
            return ""
        folder, steps = above, f"{steps}../"
    return steps
