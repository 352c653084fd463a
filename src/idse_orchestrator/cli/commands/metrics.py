"""``idse metrics``: figures of tasks, for Prometheus."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from idse_orchestrator.base.text import printable
from idse_orchestrator.cli import options
from idse_orchestrator.cli.terminal import Answer

if TYPE_CHECKING:
    from idse_orchestrator.cli.terminal import Run


@options.command("print", options.session_option, reads=True)
def print_metrics(run: Run, session: str | None) -> Answer:
    """Print figures of the project's tasks in the text format of Prometheus.

    They are folds of ledgers, so they survive restarts. For the textfile collector of the node exporter:
    write them into a file of its folder now and then, under another name first, and rename it.
    """
    from idse_orchestrator.runner.metrics import text_of
    from idse_orchestrator.wiring.metering import Ledgers

    key = run.session(session)
    ledgers = Ledgers(run.app)

    def lines() -> Iterator[str]:
        tasks = [*ledgers.tasks(ledgers.keys(key[0]))]
        levels = [level for level, _ in ledgers.levels()]
        yield from map(printable, text_of(tasks, ledgers.budgets(key), levels))

    return Answer(lines=lines())


metrics = options.Group("metrics", commands=[print_metrics], help="Print figures of tasks for Prometheus.")
