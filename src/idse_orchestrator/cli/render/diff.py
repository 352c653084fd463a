"""Patches and summaries for people: in idse's own colours, with nothing a terminal could obey.

git's colours cannot be used: they could not be told from those that a document itself contains.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from idse_orchestrator.cli.render.style import Style, printable

_HUNK = re.compile(r"@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@")
_BAR = re.compile(r"( \| +\d+ )(\+*)(-*)$")


def patch_lines(lines: Iterable[bytes], style: Style) -> Iterator[str]:
    """The lines of a patch, without line breaks. Inside a hunk only its own counts say what a line is."""
    old = new = 0
    for raw in lines:
        line = printable(
            raw.decode("utf-8", "surrogateescape").removesuffix("\n").removesuffix("\r"), lines=True
        )
        hunk = _HUNK.match(line) if old <= 0 and new <= 0 else None
        if hunk:
            old, new = int(hunk[1] or 1), int(hunk[2] or 1)
            yield style.cyan(hunk[0]) + line[hunk.end() :]
        elif old > 0 or new > 0:
            old -= line[:1] in ("-", " ", "")
            new -= line[:1] in ("+", " ", "")
            yield _body(line, style)
        else:
            yield line if line.startswith("\\") else style.bold(line)


def stat_lines(lines: Iterable[str], style: Style) -> Iterator[str]:
    """The lines of a summary with its bars coloured."""
    for line in lines:
        yield _BAR.sub(lambda bar: bar[1] + style.green(bar[2]) + style.red(bar[3]), printable(line))


def _body(line: str, style: Style) -> str:
    if line.startswith("+"):
        return style.green(line)
    return style.red(line) if line.startswith("-") else line
