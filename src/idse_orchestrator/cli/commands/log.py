"""``idse log``: who moved which stage when."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import click

from idse_orchestrator.cli import completion_values
from idse_orchestrator.cli.options import command, session_argument
from idse_orchestrator.cli.pager import paged, pager_option
from idse_orchestrator.cli.render.columns import terminal_width
from idse_orchestrator.cli.render.envelope import ascii_json, envelope
from idse_orchestrator.cli.render.log import Look, drawn, medium, oneline, short
from idse_orchestrator.cli.render.log_full import full
from idse_orchestrator.cli.render.log_json import damage_diagnostics, entry_data
from idse_orchestrator.cli.render.log_template import HELP, template
from idse_orchestrator.cli.run import Run
from idse_orchestrator.errors import UsageError
from idse_orchestrator.ledger.entries import Drawn, Entry
from idse_orchestrator.sessions.log import Wish, log_of_project, log_of_session

Renderer = Callable[[Entry, Look], list[str]]

_FORMATS: dict[str, Renderer] = {"oneline": oneline, "short": short, "medium": medium, "full": full}
_JSON_LINES = "json-lines"


@command("log", reads=True)
@session_argument
@click.option(
    "-n", "--max-count", "limit", type=click.IntRange(min=0), metavar="N", help="Show N entries at most."
)
@click.option("--oneline", "form", flag_value="oneline", help="One line for each entry: --format oneline.")
@click.option("--graph", is_flag=True, help="Draw how histories of several clones came together.")
@click.option(
    "--stage",
    default="",
    metavar="STAGE",
    help="Only what is about this stage.",
    shell_complete=completion_values.stages,
)
@click.option(
    "--kind",
    default="",
    metavar="KIND",
    help="Only events of this kind, or 'merge'.",
    shell_complete=completion_values.kinds,
)
@click.option("--agent", default="", metavar="AGENT", help="Only what this agent did.")
@click.option(
    "--since", default="", metavar="DATE", help='Not older than a date, as git reads it ("2 days ago").'
)
@click.option("--until", default="", metavar="DATE", help="Not newer than a date.")
@click.option(
    "--all", "everything", is_flag=True, help="All sessions of the project, and the project itself."
)
@click.option("--sync", "syncs", is_flag=True, help="Pushes and pulls instead, of every clone known here.")
@click.option("--reverse", is_flag=True, help="Oldest first.")
@click.option(
    "--date",
    type=click.Choice(["relative", "iso"]),
    help="How dates look. On a terminal they are relative, elsewhere ISO.",
)
@click.option("--format", "form", metavar="FORMAT", help="See below.")
@pager_option
def log(run: Run, session: str | None, form: str | None, **options: object) -> None:
    """Show the history of a session, newest first.

    An entry can be looked at in full with `idse show ID`.
    """
    now = time.time()
    if options.pop("syncs"):
        return _show_syncs(run, session, form, now, options)
    render = _renderer(form or "medium", now)
    date, pager, everything = options.pop("date"), options.pop("pager"), bool(options.pop("everything"))
    wish = Wish(**options, color=run.terminal.style.enabled)  # type: ignore[arg-type] # click gives each its type
    _check(run, wish, form, session=session, everything=everything)
    entries = _entries(run, session, wish, everything=everything)
    if run.terminal.as_json:
        return _print_json(run, entries)
    look = _look(run, date, now, sessions=everything)
    with paged(run, wanted=bool(pager)):
        _print(run, entries, render, look)
    return None


log.epilog = (
    "FORMAT is oneline, short, medium (the default), full, json-lines, or a template with placeholders: "
    f"{HELP}; %n a line break; %% a percent sign; %x1f a character by its number."
)


def build() -> click.Command:
    """The click command."""
    return log


def _entries(run: Run, session: str | None, wish: Wish, *, everything: bool) -> Iterator[Drawn]:
    if everything:
        return log_of_project(run.app.reader, run.app.history, run.project, wish)
    return log_of_session(run.app.reader, run.app.history, run.session(session), wish)


def _show_syncs(run: Run, session: str | None, form: str | None, now: float, options: dict[str, Any]) -> None:
    from idse_orchestrator.cli.render.sync_log import sync_point_data, sync_point_line

    date, pager, limit = options.pop("date"), options.pop("pager"), options.pop("limit")
    if session or form or any(options.values()):
        raise UsageError("--sync lists pushes and pulls only", fix=("idse log --sync [-n N] [--date iso]",))
    points = run.app.sync.points(limit)
    if run.terminal.as_json:
        run.terminal.data(
            envelope("idse.log-sync/1", {"entries": [sync_point_data(each) for each in points]})
        )
        return
    relative = _is_relative(date)
    with paged(run, wanted=bool(pager)):
        for point in points:
            run.terminal.data(sync_point_line(point, now if relative else None, run.terminal.style))


def _is_relative(date: object) -> bool:
    return date == "relative" or (date is None and sys.stdout.isatty())


def _look(run: Run, date: object, now: float, *, sessions: bool) -> Look:
    on_terminal = sys.stdout.isatty()
    shown = now if _is_relative(date) else None
    return Look(run.terminal.style, terminal_width() if on_terminal else None, shown, sessions)


def _print(run: Run, entries: Iterator[Drawn], render: Renderer, look: Look) -> None:
    for item in entries:
        if item.entry is None:
            run.terminal.data(item.prefix.rstrip())
            continue
        for line in drawn(item, render(item.entry, look.beside(item.prefix))):
            run.terminal.data(line)


def _print_json(run: Run, drawn_entries: Iterator[Drawn]) -> None:
    entries = [item.entry for item in drawn_entries if item.entry]
    data = {"entries": [entry_data(entry) for entry in entries]}
    run.terminal.data(envelope("idse.log/1", data, damage_diagnostics(entries)))


def _renderer(form: str, now: float) -> Renderer:
    if form in _FORMATS:
        return _FORMATS[form]
    if form == _JSON_LINES:
        return lambda entry, _look: [ascii_json(entry_data(entry))]
    if "%" in form:
        return template(form, now)
    from difflib import get_close_matches

    known = (*_FORMATS, _JSON_LINES)
    raise UsageError(
        f"there is no format {form!r}",
        cause=f"known: {', '.join(known)}, or a template with %-placeholders",
        fix=tuple(f"did you mean {match}?" for match in get_close_matches(form, known, 1)),
    )


def _check(run: Run, wish: Wish, form: str | None, *, session: str | None, everything: bool) -> None:
    if everything and session:
        raise UsageError("--all and a session exclude each other", fix=("leave out one of them",))
    if wish.graph and (run.terminal.as_json or form == _JSON_LINES):
        raise UsageError("a graph has no JSON form", fix=("leave out --graph: `parents` says the same",))
