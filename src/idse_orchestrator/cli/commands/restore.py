"""``idse restore``: bring the session's folder back."""

from __future__ import annotations

import click

from idse_orchestrator.cli.options import command, session_argument
from idse_orchestrator.cli.run import Run
from idse_orchestrator.worktree.save import restore_session

_NAMED = 3
"""How many files are named one by one."""


@command("restore", reads=True)
@session_argument
@click.option(
    "--at", metavar="REV", help="A ledger commit, an event id, or @{N}: N entries before the newest."
)
@click.option("--force", is_flag=True, help="Save unsaved work to the ledger, then replace it.")
def _restore(run: Run, session: str | None, at: str | None, *, force: bool) -> int:
    """Make the session's folder what its ledger holds.

    Work that neither the ledger nor HEAD holds is never overwritten. An older
    text that came back is an edit: save or commit it, and the ledger says it
    again.
    """
    app = run.app
    key = run.session(session)
    done = restore_session(app.reader, app.writer, app.workspace, key, at, force=force)
    if done.saved_first:
        app.views.refresh(key[0])
    if run.terminal.as_json:
        from idse_orchestrator.cli.render.envelope import envelope

        data = {
            "source": done.source,
            "paths": list(done.paths),
            "saved_first": done.saved_first or None,
            "newest": done.newest,
        }
        run.terminal.data(envelope("idse.restore/1", data))
        return 0
    if done.saved_first:
        run.terminal.say(f"saved what was here  ({done.saved_first[:7]})")
    what = ", ".join(done.paths) if len(done.paths) <= _NAMED else f"{len(done.paths)} files"
    run.terminal.say(f"restored {what} from {done.source[:7]}" if done.paths else "nothing to restore")
    if not done.newest:
        run.terminal.say("the ledger holds a newer text: idse save keeps this one, idse restore goes back")
    return 0


def build() -> click.Command:
    """The click command."""
    return _restore
