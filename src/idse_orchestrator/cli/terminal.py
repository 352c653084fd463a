"""Where a command writes: data to standard output, prose to standard error."""

from __future__ import annotations

import os
import sys

from idse_orchestrator.cli.render.style import Style, printable, style_for


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
        """How data on standard output is dressed."""
        return style_for(sys.stdout, self.color, os.environ)

    @property
    def prose_style(self) -> Style:
        """How prose on standard error is dressed."""
        return style_for(sys.stderr, self.color, os.environ)

    @property
    def interactive(self) -> bool:
        """Whether a person can be asked: on a terminal, outside of CI, and not in JSON."""
        return not self.as_json and not os.environ.get("CI") and sys.stdin.isatty() and sys.stderr.isatty()

    def data(self, text: str) -> None:
        """Write `text`, which is printable already, and a line break to standard output."""
        sys.stdout.write(text + "\n")

    def say(self, text: str) -> None:
        """Write a sentence for people to standard error, unless they asked for quiet or JSON."""
        if not self.quiet and not self.as_json:
            sys.stderr.write(printable(text, lines=True) + "\n")

    def warn(self, text: str) -> None:
        """Write a sentence that quiet does not silence to standard error."""
        if not self.as_json:
            sys.stderr.write(self.prose_style.yellow("warning: ") + printable(text, lines=True) + "\n")

    def progress(self, text: str) -> None:
        """Overwrite one line on a terminal's standard error; silent elsewhere. "" clears it."""
        if not self.quiet and not self.as_json and sys.stderr.isatty():
            sys.stderr.write("\r\x1b[K" + printable(text))
            sys.stderr.flush()
