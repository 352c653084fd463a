"""``idse save`` and ``idse restore``: the session's folder to its ledger, and back."""

from __future__ import annotations

from collections.abc import Iterator

import click

from idse_orchestrator.cli.options import command, flag, reason_option, session_argument
from idse_orchestrator.cli.render.warnings import conflict_words
from idse_orchestrator.cli.terminal import Answer, Run, Said, Warned
from idse_orchestrator.worktree.save import Restored, Saved, restore_session, save_session

_NAMED = 3
"""How many files are named one by one."""


@command("save", reads=True)
@session_argument
@reason_option
def save(run: Run, session: str | None, reason: str) -> Answer:
    """Record the session's folder, as it is now, in its ledger.

    A code commit does the same by itself. Saving is for work that is not ready to be committed.
    """
    app = run.app
    key = run.session(session)
    saved = save_session(app.reader, app.writer, app.workspace, key, reason)
    app.views.refresh(key[0])
    return Answer(
        "idse.save/1",
        lambda: {
            "ledger": saved.tip.commit,
            "changed": dict(saved.changed),
            "behind": saved.behind,
            "conflicts": [conflict.path for conflict in saved.conflicts],
            "conflict_kinds": {conflict.path: conflict.kind for conflict in saved.conflicts},
        },
        _saved_lines(saved),
    )


def _saved_lines(saved: Saved) -> Iterator[str]:
    if saved.changed:
        yield Said(f"saved {', '.join(sorted(saved.changed))}  ({saved.tip.commit[:7]})")
    else:
        yield Said("nothing to save")
    if saved.is_back:
        yield Said("it was deleted, and this brings it back")
    if saved.behind:
        yield Said("the ledger also holds edits that this folder does not have: idse diff, idse restore")
    for conflict in saved.conflicts:
        yield Warned(conflict_words(conflict, saved.before))


@command("restore", reads=True)
@session_argument
@click.option(
    "--at", metavar="REV", help="A ledger commit, an event id, or @{N}: N entries before the newest."
)
@flag("--force", help="Save unsaved work to the ledger, then replace it.")
def restore(run: Run, session: str | None, at: str | None, *, force: bool) -> Answer:
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
    return Answer(
        "idse.restore/1",
        lambda: {
            "source": done.source,
            "paths": list(done.paths),
            "saved_first": done.saved_first or None,
            "newest": done.newest,
        },
        _restored_lines(done),
    )


def _restored_lines(done: Restored) -> Iterator[str]:
    if done.saved_first:
        yield Said(f"saved what was here  ({done.saved_first[:7]})")
    files = ", ".join(done.paths) if len(done.paths) <= _NAMED else f"{len(done.paths)} files"
    yield Said(f"restored {files} from {done.source[:7]}" if done.paths else "nothing to restore")
    if not done.newest:
        yield Said("the ledger holds a newer text: idse save keeps this one, idse restore goes back")
