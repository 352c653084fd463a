"""``idse show``: one entry of a ledger in full, or an artifact as it was then."""

from __future__ import annotations

import sys
import time

import click

from idse_orchestrator.cli.options import command
from idse_orchestrator.cli.pager import paged, pager_option
from idse_orchestrator.cli.render.columns import terminal_width
from idse_orchestrator.cli.render.diff import patch_lines, stat_lines
from idse_orchestrator.cli.render.envelope import envelope
from idse_orchestrator.cli.render.log import Look
from idse_orchestrator.cli.render.log_full import full
from idse_orchestrator.cli.render.log_json import changes_data, damage_diagnostics, entry_data
from idse_orchestrator.cli.render.style import printable
from idse_orchestrator.cli.run import Run
from idse_orchestrator.errors import UsageError
from idse_orchestrator.sessions.show_event import Finder, Shown, artifact_at, show_event


@command("show", reads=True)
@click.argument("event", default="@{0}", metavar="[EVENT[:PATH]]")
@click.option("-p", "--patch", is_flag=True, help="Show the lines that changed, not just how many.")
@pager_option
def show(run: Run, event: str, patch: bool, pager: bool) -> None:  # noqa: FBT001 - click passes options by name
    """Show one entry of a ledger: what happened, who did it, what changed.

    EVENT is an event id or a ledger commit, each in full or by its first characters (at least four),
    or SESSION@{N}: N entries before the newest of a session. Without it,
    the newest entry of the current session is shown.

    EVENT:PATH prints a document exactly as it was then; PATH is relative to the session's folder, or
    the name of a stage.
    """
    finder = Finder(run.app.reader, run.app.history, run.app.trees, run.session)
    name, colon, path = event.partition(":")
    if colon:
        return _print_artifact(run, artifact_at(finder, name or "@{0}", path), pager=pager)
    shown = show_event(finder, name)
    if run.terminal.as_json:
        data = entry_data(shown.entry) | {"changes": changes_data(shown.difference.changes())}
        return run.terminal.data(envelope("idse.show/1", data, damage_diagnostics([shown.entry])))
    with paged(run, wanted=pager):
        _print(run, shown, patch=patch)
    return None


def build() -> click.Command:
    """The click command."""
    return show


def _print(run: Run, shown: Shown, *, patch: bool) -> None:
    on_terminal, width, style = sys.stdout.isatty(), terminal_width(), run.terminal.style
    look = Look(style, width if on_terminal else None, time.time() if on_terminal else None)
    lines = full(shown.entry, look)
    if shown.difference.old == shown.difference.new:
        lines = lines[:-1]
    elif patch:
        lines += patch_lines(shown.difference.patch(), style)
    else:
        lines += stat_lines(shown.difference.stat(min(width, 100)), style)
    for line in lines:
        run.terminal.data(line)


def _print_artifact(run: Run, content: bytes, *, pager: bool) -> None:
    """The exact bytes; on a terminal, text that the terminal cannot be moved by."""
    if run.terminal.as_json:
        raise UsageError("a document has no JSON form", fix=("leave out --json",))
    if not sys.stdout.isatty():
        sys.stdout.flush()
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return
    text = content.decode("utf-8", "surrogateescape").replace("\r\n", "\n")
    with paged(run, wanted=pager):
        sys.stdout.write(printable(text, lines=True))
