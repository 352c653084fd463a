"""``idse save``: record the session's folder in its ledger."""

from __future__ import annotations

import click

from idse_orchestrator.cli.options import command, session_argument
from idse_orchestrator.cli.render.conflicts import conflict_words
from idse_orchestrator.cli.run import Run
from idse_orchestrator.worktree.save import Saved, save_session


@command("save", reads=True)
@session_argument
@click.option("-m", "reason", default="", metavar="WHY", help="Why; part of the history.")
def _save(run: Run, session: str | None, reason: str) -> int:
    """Record the session's folder, as it is now, in its ledger.

    A code commit does the same by itself. Saving is for work that is not ready to be committed.
    """
    app = run.app
    key = run.session(session)
    saved = save_session(app.reader, app.writer, app.workspace, key, reason)
    app.views.refresh(key[0])
    _render(run, saved)
    return 0


def build() -> click.Command:
    """The click command."""
    return _save


def _render(run: Run, saved: Saved) -> None:
    terminal = run.terminal
    if terminal.as_json:
        from idse_orchestrator.cli.render.envelope import envelope

        data = {
            "ledger": saved.tip.commit,
            "changed": dict(saved.changed),
            "behind": saved.behind,
            "conflicts": [conflict.path for conflict in saved.conflicts],
            "conflict_kinds": {conflict.path: conflict.kind for conflict in saved.conflicts},
        }
        terminal.data(envelope("idse.save/1", data))
        return
    if saved.changed:
        terminal.say(f"saved {', '.join(sorted(saved.changed))}  ({saved.tip.commit[:7]})")
    else:
        terminal.say("nothing to save")
    if saved.behind:
        terminal.say("the ledger also holds edits that this folder does not have: idse diff, idse restore")
    for conflict in saved.conflicts:
        terminal.warn(conflict_words(conflict, saved.before))
