"""`idse uninstall`: take idse out of this repository again."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from idse_orchestrator.base.text import counted
from idse_orchestrator.cli.options import command
from idse_orchestrator.cli.terminal import Answer, Said, Warned
from idse_orchestrator.errors import EXIT_CONFLICT, EXIT_OK, NotConfirmedError

if TYPE_CHECKING:
    from idse_orchestrator.cli.run import Run
    from idse_orchestrator.health.uninstall import UninstallPlan


@command("uninstall", project=False)
@click.option("--ledgers", is_flag=True, help="Remove all history of sessions, too, after writing a backup.")
@click.option("--yes", is_flag=True, help="Do not ask before ledgers are removed.")
@click.option("--no-input", is_flag=True, help="Never ask: without --yes, remove no ledger.")
@click.option("--dry-run", is_flag=True, help="Say what would be removed, and remove nothing.")
def uninstall(run: Run, *, ledgers: bool, yes: bool, no_input: bool, dry_run: bool) -> Answer:
    """Remove hooks, agents' blocks and hooks, settings, views and idse's private folder.

    What stood there before comes back, byte for byte.

    Documents under .idse/ always stay, and so do the ledgers under refs/idse/ without --ledgers. With it, a
    bundle with all of them is written into the git directory first, and its path is printed.
    """
    from idse_orchestrator.health.uninstall import plan_uninstall
    from idse_orchestrator.health.uninstall import uninstall as carry_out

    footprint, hooks = run.app.footprint, run.app.hook_files()
    plan = plan_uninstall(footprint, hooks, with_ledgers=ledgers)
    if dry_run:
        return Answer(lines=_plan_lines(plan))
    if ledgers and plan.ledgers and not yes:
        _ask(run, len(plan.ledgers), no_input=no_input)
    if not ledgers:
        run.app.drain_spool()
    done = carry_out(footprint, hooks, plan)
    lines: list[str] = [Said(f"removed {_count(plan)}"), *map(Warned, done.kept)]
    if done.backup:
        back = "git fetch BUNDLE 'refs/idse/*:refs/idse/*'"
        lines += [Said(f"the ledgers are in this bundle; to bring them back: {back}"), done.backup]
    return Answer(lines=[*lines, *_kept_lines(plan)], code=EXIT_CONFLICT if done.kept else EXIT_OK)


def _ask(run: Run, count: int, *, no_input: bool) -> None:
    if no_input or not run.terminal.interactive:
        raise NotConfirmedError(
            f"{count} ledgers would be removed, and nobody can be asked here",
            fix=("idse uninstall    (keeps the ledgers)", "--yes answers for you; look at --dry-run first"),
        )
    sys.stderr.write(
        f"Remove {count} ledgers with all history of their sessions? A backup is written. [y/N] "
    )
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise NotConfirmedError("nothing was removed", fix=("idse uninstall    (keeps the ledgers)",))


def _plan_lines(plan: UninstallPlan) -> Iterator[str]:
    for trace in (*plan.traces, *(plan.ledgers if plan.with_ledgers else ())):
        yield f"remove {trace.kind}: {trace.where}"
    if plan.with_ledgers and plan.ledgers:
        yield Said("a backup of the ledgers would be written into the git directory first")
    yield from _kept_lines(plan)


def _kept_lines(plan: UninstallPlan) -> Iterator[str]:
    for folder in plan.documents:
        yield Said(f"kept: the documents in {folder}")
    if plan.ledgers and not plan.with_ledgers:
        yield Said(
            f"kept: {len(plan.ledgers)} ledgers and notes under refs/idse/ (git for-each-ref refs/idse)"
        )


def _count(plan: UninstallPlan) -> str:
    traces = [*plan.traces, *(plan.ledgers if plan.with_ledgers else ())]
    kinds = dict.fromkeys(trace.kind for trace in traces)
    words = [counted(sum(trace.kind == kind for trace in traces), kind) for kind in kinds]
    return ", ".join(words) or "nothing: idse has left nothing here"
