"""A fresh clone: `git clone` brings the branches and no ledger, so ``idse init`` fetches them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from idse_orchestrator.errors import IdseError

if TYPE_CHECKING:
    from idse_orchestrator.cli.run import Run
    from idse_orchestrator.sync.syncing import SyncOutcome


def bring_ledgers(run: Run, project: str) -> SyncOutcome | None:
    """Pull what the Agency, or else `origin`, has of the ledgers that this clone lacks.

    None where there was nothing to look for. That nobody answers is a warning: what begins here meanwhile
    is joined with those ledgers by the next pull.
    """
    app = run.app
    carried = any(owner == project for owner, _ in app.workspace.session_folders())
    if not carried or project in app.reader.projects():
        return None
    agency = app.sync.ledgers_elsewhere()
    if agency is None:
        return None
    from idse_orchestrator.sync.pull import pull

    run.terminal.progress(f"looking for ledgers at {agency.url}")
    try:
        with app.sync.open(run.terminal.progress, agency=agency) as syncing:
            return pull(syncing)
    except IdseError as error:
        run.terminal.warn(f"the ledgers of {project} could not be fetched: {error.message}: {error.cause}")
        run.terminal.say("         idse sync pull    (brings them later, and joins them with yours)")
        return None
    finally:
        run.terminal.progress("")


def say_brought(run: Run, outcome: SyncOutcome | None) -> None:
    """Tell what was fetched, and whatever was refused."""
    if outcome is None or not outcome.refs:
        return
    from idse_orchestrator.cli.render.sync import outcome_lines, outcome_summary

    run.terminal.say(f"from {outcome.agency.url}: {outcome_summary(outcome)}")
    for line in outcome_lines(outcome) if outcome.exit_code else ():
        run.terminal.say(line)
    if outcome.agency.remote == "origin":
        run.terminal.say("  to push there, too: idse sync setup --remote origin")
