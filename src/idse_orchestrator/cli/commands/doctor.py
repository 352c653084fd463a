"""`idse doctor`: check the health of this repository, and mend what is safe."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from idse_orchestrator.cli.options import command
from idse_orchestrator.cli.render.envelope import envelope
from idse_orchestrator.cli.render.style import printable
from idse_orchestrator.errors import EXIT_CHECK_FAILED, EXIT_OK

if TYPE_CHECKING:
    from collections.abc import Sequence

    from idse_orchestrator.base.checkup import CheckResult
    from idse_orchestrator.cli.run import Run
    from idse_orchestrator.cli.terminal import Terminal

_WIDTH = 17


@command("doctor", reads=True, project=False)
@click.option("--fix", is_flag=True, help="Mend what can be mended without losing anything.")
def doctor(run: Run, *, fix: bool) -> int:
    """Check git, the repository, hooks, views, locks, sessions and whatever a killed process left behind.

    With --fix, what is safe is mended and said: stale locks, leftovers, views, a current session without a
    ledger, the setting that shows notes, outdated hooks, missing reflogs, the spool, what stopped syncs
    left behind. Nothing else is touched. Exit code 1 says that a problem remains.
    """
    from idse_orchestrator.base.checkup import examine

    results = examine(run.app.health_checks(), mend=fix)
    if run.terminal.as_json:
        run.terminal.data(envelope("idse.doctor/1", _data(results)))
    else:
        _show(run.terminal, results)
    return EXIT_OK if all(result.is_well for result in results) else EXIT_CHECK_FAILED


def build() -> click.Command:
    """The command `idse doctor`."""
    return doctor


def _show(terminal: Terminal, results: Sequence[CheckResult]) -> None:
    style = terminal.style
    colors = {"problem": style.red, "warning": style.yellow, "fixed": style.green, "ok": style.dim}
    for result in results:
        verdict = colors.get(result.verdict, style.cyan)(result.verdict.ljust(8))
        terminal.data(f"{verdict} {result.name.ljust(_WIDTH)} {printable(result.says)}")
        if result.done:
            terminal.data(f"{' ' * 9}{'':{_WIDTH}} done: {printable(result.done)}")
        for step in result.fix:
            terminal.data(f"{' ' * 9}{'':{_WIDTH}} fix:  {printable(step)}")
    if any(result.mendable for result in results):
        terminal.say("idse doctor --fix mends what is safe")


def _data(results: Sequence[CheckResult]) -> dict[str, object]:
    return {"healthy": all(result.is_well for result in results), "checks": list(results)}
