"""One line of progress on a terminal, for work that turns out to take more than a second."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Self

from idse_orchestrator.cli.terminal import Terminal

PATIENCE = 1.0
"""Seconds before anything is shown: most runs are over by then."""

_BETWEEN = 0.1


class Progress:
    """A `Progress` callback: ``(done, total)``. As a context it leaves a clean line behind.

    `what` names what is counted; `clock` gives seconds.
    """

    def __init__(self, terminal: Terminal, what: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._terminal = terminal
        self._what = what
        self._clock = clock
        self._next = clock() + PATIENCE
        self._shown = False

    def __enter__(self) -> Self:
        """Nothing is shown yet."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Clear the line."""
        if self._shown:
            self._terminal.progress("")

    def __call__(self, done: int, total: int) -> None:
        """Show how far the work is, ten times a second at most."""
        now = self._clock()
        if now >= self._next:
            self._next = now + _BETWEEN
            self._shown = True
            self._terminal.progress(f"{self._what}: {done} of {total}")
