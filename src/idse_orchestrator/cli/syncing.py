"""``idse sync push`` and ``idse sync pull`` without click, which costs more than finding nothing to do."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

from idse_orchestrator.ledger.sync_point import PULL, PUSH
from idse_orchestrator.sync.syncing import no_news

if TYPE_CHECKING:
    from idse_orchestrator.cli.run import Run
    from idse_orchestrator.sync.syncing import Syncing, SyncOutcome


def run_push(run: Run, *, dry_run: bool = False) -> int:
    """Push, or with `dry_run` say what a push would send; the exit code."""
    with run.app.sync.open(run.terminal.progress) as syncing:
        outcome = no_news(syncing, PUSH) or _push(syncing, dry_run=dry_run)
    if outcome.refs and not dry_run:
        _afterwards(run)
    return _tell(run, outcome, "idse.sync-push/1", dry_run=dry_run)


def run_pull(run: Run) -> int:
    """Pull; the exit code."""
    with run.app.sync.open(run.terminal.progress) as syncing:
        outcome = no_news(syncing, PULL) or _pull(syncing)
    if outcome.refs:
        _afterwards(run)
    return _tell(run, outcome, "idse.sync-pull/1")


def _push(syncing: Syncing, *, dry_run: bool) -> SyncOutcome:
    from idse_orchestrator.sync.push import plan_push, push

    gc.enable()  # what there is to do may be much
    return plan_push(syncing) if dry_run else push(syncing)


def _pull(syncing: Syncing) -> SyncOutcome:
    from idse_orchestrator.sync.pull import pull

    gc.enable()
    return pull(syncing)


def _afterwards(run: Run) -> None:
    run.app.views.refresh_all()
    run.app.sync.tidy()


def _tell(run: Run, outcome: SyncOutcome, schema: str, *, dry_run: bool = False) -> int:
    from idse_orchestrator.cli.render.sync import outcome_data, outcome_lines, outcome_summary, ref_label

    terminal = run.terminal
    if terminal.as_json:
        from idse_orchestrator.cli.render.envelope import envelope

        terminal.data(envelope(schema, outcome_data(outcome)))
        return outcome.exit_code
    terminal.say(f"{'to' if outcome.direction == 'push' else 'from'} {outcome.agency.url}")
    for line in outcome_lines(outcome, terminal.style):
        terminal.data(line)
    for ref in outcome.conflicts:
        name = ref_label(ref)
        terminal.warn(f"{name} has conflict markers: idse restore {name}, resolve them, idse save {name}")
    summary = outcome_summary(outcome)
    if outcome.exit_code:
        terminal.warn(summary)
    else:
        terminal.say(f"{summary} (nothing was sent)" if dry_run and outcome.refs else summary)
    return outcome.exit_code
