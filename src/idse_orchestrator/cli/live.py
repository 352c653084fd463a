"""The live view of a run: one line of totals, and one for each task that is worked on, drawn in place."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from idse_orchestrator.base.text import one_line, printable
from idse_orchestrator.cli.layout import fitted
from idse_orchestrator.cli.streams import Door

if TYPE_CHECKING:
    from idse_orchestrator.cli.terminal import Terminal
    from idse_orchestrator.runner.multi_agent_orchestrator import MultiAgentOrchestrator

_REDRAW_S = 0.25


def duration(seconds: float) -> str:
    """Returns how long something took."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def counts(table: Mapping[str, int]) -> str:
    """Returns how many of each state there are, in words."""
    return ", ".join(f"{count} {state}" for state, count in sorted(table.items()))


class Live:
    """One line for each task that is worked on and one of totals, drawn again and again in place."""

    def __init__(self, terminal: Terminal, name: str) -> None:
        self._style = terminal.style
        self._name = name
        self._drawn = 0
        self._next = 0.0
        self._last: list[str] = []

    def line(self, text: str) -> None:
        """Writes a line that stays, above what is drawn."""
        self._clear()
        sys.stdout.write(text + "\n")
        self._draw(self._last)

    def show(self, orchestrator: MultiAgentOrchestrator) -> None:
        """Draws how the run stands, four times a second at most."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + _REDRAW_S
        self._clear()
        self._draw([*live_lines(orchestrator, self._name, _width())])

    def close(self) -> None:
        """Takes what is drawn away."""
        self._clear()
        sys.stdout.flush()
        self._last = []

    def _draw(self, lines: list[str]) -> None:
        for line in lines:
            sys.stdout.write(line + "\n")
        self._drawn, self._last = len(lines), lines
        sys.stdout.flush()

    def _clear(self) -> None:
        if self._drawn:
            sys.stdout.flush()
            command = sys.stdout.command if isinstance(sys.stdout, Door) else sys.stdout.write
            command(f"\x1b[{self._drawn}F\x1b[J")
            self._drawn = 0


def _width() -> int:
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns
    except OSError:
        return 80


def live_lines(orchestrator: MultiAgentOrchestrator, name: str, width: int) -> Iterator[str]:
    """Yields a line of totals, and one for each attempt."""
    totals = orchestrator.totals()
    every, done = sum(totals.values()), totals.get("done", 0)
    rest = {state: count for state, count in totals.items() if state not in ("done", "held")}
    parts = [name, f"{done} of {every} done", f"{len(orchestrator.attempts)} running", counts(rest)]
    parts += ["draining: Ctrl-C ends what runs"] if orchestrator.signals == 1 else []
    yield fitted(printable(" · ".join(filter(None, parts))), width - 1)
    for attempt in orchestrator.attempts:
        handler = attempt.handler
        taken, cost = handler.taken, handler.seen.cost_usd
        spent = f"  {cost:.2f} USD" if cost is not None else ""
        head = (
            f"  {taken.task:<6} {handler.adapter.name:<8} {taken.attempt}/{taken.max_attempts}"
            f"  {duration(handler.seconds):>6}  {handler.doing:<10}  "
        )
        yield fitted(printable(f"{head}{one_line(taken.text)}{spent}"), width - 1)
