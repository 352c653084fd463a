"""Prints what a doctor found: a line for each check that is not well, and one for the rest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from idse_orchestrator.base.checkup import OK
from idse_orchestrator.base.text import counted, printable
from idse_orchestrator.cli.layout import Style, from_here
from idse_orchestrator.cli.terminal import Said

if TYPE_CHECKING:
    from idse_orchestrator.base.checkup import CheckResult

_WIDTH = 17


def result_data(result: CheckResult) -> object:
    """Returns what JSON says of a check."""
    return replace(result, fix=tuple(map(from_here, result.fix)))


def result_lines(
    results: Sequence[CheckResult], style: Style, *, everything: bool, command: str
) -> Iterator[str]:
    """Yields what is wrong or worth knowing; with `everything` also what is well. `command` is the doctor."""
    colors = {"problem": style.red, "warning": style.yellow, "fixed": style.green, "ok": style.dim}
    rest = 0 if everything else sum(result.verdict == OK for result in results)
    for result in results:
        if result.verdict == OK and not everything:
            continue
        verdict = colors.get(result.verdict, style.cyan)(result.verdict.ljust(8))
        yield f"{verdict} {result.name.ljust(_WIDTH)} {printable(result.says)}"
        if result.done:
            yield f"{' ' * 9}{'':{_WIDTH}} done: {printable(result.done)}"
        for step in result.fix:
            yield f"{' ' * 9}{'':{_WIDTH}} fix:  {printable(from_here(step))}"
    if rest:
        yield f"{style.dim('ok'.ljust(8))} {counted(rest, 'check')}: {command} -v shows all"
    if any(result.mendable for result in results):
        yield Said(f"{command} --fix mends what is safe")
