"""``idse show`` and ``idse diff``: an entry of a ledger, a document as it was, what changed since."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import click

from idse_orchestrator.base.records import picked_or_none
from idse_orchestrator.base.text import printable
from idse_orchestrator.cli import options
from idse_orchestrator.cli.layout import WIDEST, Style, terminal_width
from idse_orchestrator.cli.options import command, flag, naming_session
from idse_orchestrator.cli.pager import paged, pager_option
from idse_orchestrator.cli.render.log import Look, damage_diagnostics, entry_data, full
from idse_orchestrator.cli.streams import encoded
from idse_orchestrator.cli.terminal import Answer, Raw, Said
from idse_orchestrator.documents.project_workspace import STAGE_OF
from idse_orchestrator.errors import EXIT_CHECK_FAILED, EXIT_OK
from idse_orchestrator.sessions.show_event import (
    Comparing,
    Difference,
    DiffRequest,
    Finder,
    Shown,
    artifact_at,
    show_event,
)
from idse_orchestrator.sessions.show_event import diff as compare

if TYPE_CHECKING:
    from idse_orchestrator.cli.terminal import Run
    from idse_orchestrator.sessions.trees import Change

_PATCH, _STAT, _NAMES = "patch", "stat", "names"
_HUNK = re.compile(r"@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@")
_BAR = re.compile(r"( \| +\d+ )(\+*)(-*)$")


@command("show", reads=True)
@click.argument("event", default="@{0}", metavar="[EVENT[:PATH]]")
@flag("-p", "--patch", help="Show the lines that changed, not just how many.")
@pager_option
def show(run: Run, event: str, patch: bool, pager: bool) -> Answer:  # noqa: FBT001 - click passes options by name
    """Show one entry of a ledger: what happened, who did it, what changed.

    EVENT is an event id or a ledger commit, each in full or by its first characters (at least four),
    or SESSION@{N}: N entries before the newest of a session. Without it,
    the newest entry of the current session is shown.

    EVENT:PATH prints a document exactly as it was then; PATH is relative to the session's folder, or
    the name of a stage.
    """
    finder = Finder(run.app.reader, run.app.history, run.app.trees, run.session)
    name, colon, path = event.partition(":")
    within = paged(run, wanted=pager)
    if colon:
        return Answer(lines=_document(artifact_at(finder, name or "@{0}", path)), within=within)
    shown = show_event(finder, name)
    return Answer(
        "idse.show/1",
        lambda: entry_data(shown.entry) | {"changes": _changes_data(shown.difference.changes())},
        _entry_lines(run, shown, patch=patch),
        damage_diagnostics([shown.entry]),
        within=within,
    )


def _entry_lines(run: Run, shown: Shown, *, patch: bool) -> Iterator[str]:
    on_terminal, width, style = sys.stdout.isatty(), terminal_width(), run.terminal.style
    lines = full(
        shown.entry, Look(style, width if on_terminal else None, time.time() if on_terminal else None)
    )
    if shown.difference.old == shown.difference.new:
        yield from lines[:-1]
        return
    yield from lines
    if patch:
        yield from _patch_lines(shown.difference.patch(), style)
    else:
        yield from _stat_lines(shown.difference.stat(min(width, WIDEST)), style)


def _document(content: bytes) -> Iterator[str | Raw]:
    """Yields the exact bytes; on a terminal, text that the terminal cannot be moved by."""
    if sys.stdout.isatty():
        text = content.decode("utf-8", "surrogateescape").replace("\r\n", "\n")
        yield Raw([encoded(printable(text, lines=True))])
    else:
        yield Raw([content])


@command("diff", reads=True)
@options.stage_named("stage", required=False, default="", metavar="[STAGE]")
@naming_session("--session", metavar="SESSION", help="The session to compare; the current one if left out.")
@flag(
    "--since-complete",
    help="Compare with what each stage was completed with; for one STAGE, also what it builds on.",
)
@click.option(
    "--at", default="", metavar="EVENT|REV", help="Compare with an entry of the ledger, or a code revision."
)
@click.option("--stat", "form", flag_value=_STAT, help="Show how much changed in each document.")
@click.option("--name-only", "form", flag_value=_NAMES, help="Show only which documents changed.")
@flag("--exit-code", help="Exit with 1 when something differs.")
@pager_option
def diff(
    run: Run, session: str | None, form: str | None, *, exit_code: bool, pager: bool, **asked: str | bool
) -> Answer:
    """Show what changed in the session's folder since its ledger recorded it.

    With STAGE, only that stage's document. Paths are relative to the session's folder.
    """
    key = run.session(session)
    app = run.app
    comparing = Comparing(app.reader, app.workspace, Finder(app.reader, app.history, app.trees, run.session))
    found = compare(comparing, key, DiffRequest(**asked))  # type: ignore[arg-type] # click gives each its type
    changes = found.changes()
    return Answer(
        "idse.diff/1",
        lambda: {
            "project": key[0],
            "session": key[1],
            "from": {"what": found.old_name, "tree": found.old},
            "to": {"what": found.new_name, "tree": found.new},
            "changes": _changes_data(changes),
        },
        _diff_lines(run, found, [change.path for change in changes], form or _PATCH),
        code=EXIT_CHECK_FAILED if changes and exit_code else EXIT_OK,
        within=paged(run, wanted=pager and bool(changes)),
    )


def _diff_lines(run: Run, found: Difference, names: list[str], form: str) -> Iterator[str | Raw]:
    style = run.terminal.style
    if not names:
        yield Said(f"nothing differs between {found.old_name} and {found.new_name}")
    elif form == _NAMES:
        yield from map(printable, names)
    elif form == _STAT:
        yield from _stat_lines(found.stat(min(terminal_width(), WIDEST)), style)
    elif sys.stdout.isatty() or style.enabled:
        yield from _patch_lines(found.patch(), style)
    else:
        yield Raw(found.patch())  # so that `git apply` can use it


def _changes_data(changes: Iterable[Change]) -> list[dict[str, object]]:
    """Returns paths that differ, with the stage whose artifact it is and the blob ids of both sides."""
    return [
        {
            "path": change.path,
            "stage": STAGE_OF.get(change.path),
            "status": change.status,
            **picked_or_none(change, "old new"),
        }
        for change in changes
    ]


def _patch_lines(lines: Iterable[bytes], style: Style) -> Iterator[str]:
    """Yields the lines of a patch, without line breaks; inside a hunk only its own counts say what a line is.

    The colours are idse's own: git's could not be told from those that a document itself contains.
    """
    old = new = 0
    for raw in lines:
        line = printable(
            raw.decode("utf-8", "surrogateescape").removesuffix("\n").removesuffix("\r"), lines=True
        )
        hunk = _HUNK.match(line) if old <= 0 and new <= 0 else None
        if hunk:
            old, new = int(hunk[1] or 1), int(hunk[2] or 1)
            yield style.cyan(hunk[0]) + line[hunk.end() :]
        elif old > 0 or new > 0:
            old -= line[:1] in ("-", " ", "")
            new -= line[:1] in ("+", " ", "")
            tint = {"+": style.green, "-": style.red}.get(line[:1], str)
            yield tint(line)
        else:
            yield line if line.startswith("\\") else style.bold(line)


def _stat_lines(lines: Iterable[str], style: Style) -> Iterator[str]:
    """Yields the lines of a summary with its bars coloured."""
    for line in lines:
        yield _BAR.sub(lambda bar: bar[1] + style.green(bar[2]) + style.red(bar[3]), printable(line))
