"""``idse diff``: what changed since the ledger, or since a stage was complete."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

import click

from idse_orchestrator.cli import completion_values
from idse_orchestrator.cli.options import command
from idse_orchestrator.cli.pager import paged, pager_option
from idse_orchestrator.cli.render.columns import terminal_width
from idse_orchestrator.cli.render.diff import patch_lines, stat_lines
from idse_orchestrator.cli.render.envelope import envelope
from idse_orchestrator.cli.render.log_json import changes_data
from idse_orchestrator.cli.render.style import printable
from idse_orchestrator.cli.run import Run
from idse_orchestrator.errors import EXIT_CHECK_FAILED, EXIT_OK
from idse_orchestrator.sessions.diff import Comparing, DiffWish
from idse_orchestrator.sessions.diff import diff as compare
from idse_orchestrator.sessions.show_event import Difference, Finder
from idse_orchestrator.sessions.trees import Change

_PATCH, _STAT, _NAMES = "patch", "stat", "names"


@command("diff", reads=True)
@click.argument("stage", default="", metavar="[STAGE]", shell_complete=completion_values.stages)
@click.option(
    "--session",
    metavar="SESSION",
    help="The session to compare; the current one if left out.",
    shell_complete=completion_values.sessions,
)
@click.option(
    "--since-complete",
    is_flag=True,
    help="Compare with what each stage was completed with; for one STAGE, also what it builds on.",
)
@click.option(
    "--at", default="", metavar="EVENT|REV", help="Compare with an entry of the ledger, or a code revision."
)
@click.option("--stat", "form", flag_value=_STAT, help="Show how much changed in each document.")
@click.option("--name-only", "form", flag_value=_NAMES, help="Show only which documents changed.")
@click.option("--exit-code", is_flag=True, help="Exit with 1 when something differs.")
@pager_option
def diff(
    run: Run,
    session: str | None,
    form: str | None,
    *,
    exit_code: bool,
    pager: bool,
    **wish: str | bool,
) -> int:
    """Show what changed in the session's folder since its ledger recorded it.

    With STAGE, only that stage's document. Paths are relative to the session's folder.
    """
    key = run.session(session)
    app = run.app
    comparing = Comparing(app.reader, app.workspace, Finder(app.reader, app.history, app.trees, run.session))
    found = compare(comparing, key, DiffWish(**wish))  # type: ignore[arg-type] # click gives each its type
    changes = found.changes()
    if run.terminal.as_json:
        run.terminal.data(envelope("idse.diff/1", _data(key, found, changes)))
    elif changes:
        with paged(run, wanted=pager):
            _print(run, found, [change.path for change in changes], form or _PATCH)
    else:
        run.terminal.say(f"nothing differs between {found.old_name} and {found.new_name}")
    return EXIT_CHECK_FAILED if changes and exit_code else EXIT_OK


def build() -> click.Command:
    """The click command."""
    return diff


def _data(key: tuple[str, str], found: Difference, changes: Sequence[Change]) -> dict[str, object]:
    return {
        "project": key[0],
        "session": key[1],
        "from": {"what": found.old_name, "tree": found.old},
        "to": {"what": found.new_name, "tree": found.new},
        "changes": changes_data(changes),
    }


def _print(run: Run, found: Difference, names: list[str], form: str) -> None:
    style = run.terminal.style
    if form == _NAMES:
        lines: Iterable[str] = map(printable, names)
    elif form == _STAT:
        lines = stat_lines(found.stat(min(terminal_width(), 100)), style)
    elif sys.stdout.isatty() or style.enabled:
        lines = patch_lines(found.patch(), style)
    else:
        return _print_exactly(found)  # a patch that `git apply` can use
    for line in lines:
        run.terminal.data(line)
    return None


def _print_exactly(found: Difference) -> None:
    sys.stdout.flush()
    sys.stdout.buffer.writelines(found.patch())
    sys.stdout.buffer.flush()
