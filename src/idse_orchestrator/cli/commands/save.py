"""``idse save`` and ``idse restore``: the session's folder to its ledger, and back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import click

from idse_orchestrator.base.text import counted
from idse_orchestrator.cli.options import command, flag, reason_option, session_argument
from idse_orchestrator.cli.render.warnings import conflict_words
from idse_orchestrator.cli.terminal import Answer, Run, Said, Warned
from idse_orchestrator.errors import (
    EXIT_CONFLICT,
    EXIT_OK,
    IdseError,
    InvalidArtifactError,
    UnknownNameError,
    UnsavedWorkError,
    UsageError,
)
from idse_orchestrator.sessions.resolve import sound_states
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
@flag("--all", "every", help="The folders of all sessions, or of those of --project.")
def restore(run: Run, session: str | None, at: str | None, *, force: bool, every: bool) -> Answer:
    """Make the session's folder what its ledger holds.

    Work that neither the ledger nor HEAD holds is never overwritten. An older
    text that came back is an edit: save or commit it, and the ledger says it
    again.
    """
    if every:
        if session or at:
            raise UsageError("--all names no session and no entry", fix=("idse restore --all",))
        return _restore_all(run, force=force)
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


def _restore_all(run: Run, *, force: bool) -> Answer:
    """Restores each folder; one that holds work which nothing else holds stops none of the others."""
    app = run.app
    done: dict[str, Restored] = {}
    kept: dict[str, IdseError] = {}
    for project in run.projects:
        for key, state in sound_states(app.reader, project).items():
            name = "/".join(key)
            try:
                if not state.is_deleted:
                    done[name] = restore_session(app.reader, app.writer, app.workspace, key, force=force)
            except (UnsavedWorkError, InvalidArtifactError, UnknownNameError) as error:
                kept[name] = error
        app.views.refresh(project)
    return Answer(
        "idse.restore-all/1",
        lambda: {
            "restored": {name: list(each.paths) for name, each in done.items() if each.paths},
            "kept": {name: error.message for name, error in kept.items()},
        },
        _all_lines(done, kept),
        code=EXIT_CONFLICT if kept else EXIT_OK,
    )


def _all_lines(done: Mapping[str, Restored], kept: Mapping[str, IdseError]) -> Iterator[str]:
    for name, each in done.items():
        if each.saved_first:
            yield Said(f"{name}: saved what was here  ({each.saved_first[:7]})")
        if each.paths:
            yield Said(f"{name}: restored {counted(len(each.paths), 'file')} from {each.source[:7]}")
    for name, error in kept.items():
        yield Warned(f"{name} is as it was: {error.message}: idse restore {name}")
    if not kept and not any(each.paths for each in done.values()):
        yield Said("nothing to restore")


def _restored_lines(done: Restored) -> Iterator[str]:
    if done.saved_first:
        yield Said(f"saved what was here  ({done.saved_first[:7]})")
    files = ", ".join(done.paths) if len(done.paths) <= _NAMED else f"{len(done.paths)} files"
    yield Said(f"restored {files} from {done.source[:7]}" if done.paths else "nothing to restore")
    if not done.newest:
        yield Said("the ledger holds a newer text: idse save keeps this one, idse restore goes back")
