"""``idse log``: who moved which stage when."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import click

from idse_orchestrator.base.text import did_you_mean
from idse_orchestrator.cli import options
from idse_orchestrator.cli.envelope import ascii_json
from idse_orchestrator.cli.layout import terminal_width
from idse_orchestrator.cli.options import command, flag, naming_stage, session_argument
from idse_orchestrator.cli.pager import paged, pager_option
from idse_orchestrator.cli.render import log as forms
from idse_orchestrator.cli.terminal import Answer, Run, Said, remark
from idse_orchestrator.errors import UsageError
from idse_orchestrator.ledger.entries import Drawn, Entry
from idse_orchestrator.sessions.log import LogRequest, log_of_project, log_of_session

Renderer = Callable[[Entry, forms.Look], list[str]]

_FORMATS: dict[str, Renderer] = {
    forms.ONELINE: forms.oneline,
    forms.SHORT: forms.short,
    forms.MEDIUM: forms.medium,
    forms.FULL: forms.full,
}
_JSON_LINES = "json-lines"


@command("log", reads=True)
@session_argument
@click.option(
    "-n", "--max-count", "limit", type=click.IntRange(min=0), metavar="N", help="Show N entries at most."
)
@click.option("--oneline", "form", flag_value="oneline", help="One line for each entry: --format oneline.")
@flag("--graph", help="Draw how histories of several clones came together.")
@naming_stage("--stage", default="", help="Only what is about this stage.")
@click.option(
    "--kind",
    default="",
    metavar="KIND",
    help="Only events of this kind, or 'merge'.",
    shell_complete=options.kinds,
)
@click.option("--agent", default="", metavar="AGENT", help="Only what this agent did.")
@click.option(
    "--since",
    default="",
    metavar="DATE",
    help='Not older than a date ("2 days ago"), in whatever order entries are.',
)
@click.option("--until", default="", metavar="DATE", help="Not newer than a date. A day is the whole day.")
@flag("--all", "everything", help="All sessions of the project, and the project itself.")
@flag("--sync", "syncs", help="Pushes and pulls instead, of every clone known here.")
@flag("--code", "is_code", help="The commits of code of the session instead, by the notes on them.")
@flag("--reverse", help="Oldest first.")
@click.option(
    "--date",
    type=click.Choice(["relative", "iso"]),
    help="How dates look. On a terminal they are relative, elsewhere ISO.",
)
@click.option("--format", "form", metavar="FORMAT", help="See below.")
@pager_option
def log(run: Run, session: str | None, form: str | None, **options: object) -> Answer:
    """Show the history of a session, newest first.

    An entry can be looked at in full with `idse show ID`.
    """
    now = time.time()
    is_code = options.pop("is_code")
    if is_code:
        return _code(run, session, form, now, options)
    if options.pop("syncs"):
        return _syncs(run, session, form, now, options)
    render = _renderer(form or forms.MEDIUM, now)
    date, pager, everything = options.pop("date"), options.pop("pager"), bool(options.pop("everything"))
    asked = LogRequest(**options, color=run.terminal.style.enabled)  # type: ignore[arg-type] # click gives each its type
    _check(run, asked, form, session=session, everything=everything)
    reader, history = run.app.reader, run.app.history
    if everything:
        entries = log_of_project(reader, history, run.project, asked)
    else:
        entries = log_of_session(reader, history, run.session(session), asked)
    seen: list[Entry] = []

    def data() -> dict[str, object]:
        seen.extend(item.entry for item in entries if item.entry)
        return {"entries": [forms.entry_data(entry) for entry in seen]}

    width = terminal_width() if sys.stdout.isatty() else None
    look = forms.Look(run.terminal.style, width, now if _is_relative(date) else None, everything)
    return Answer(
        "idse.log/1",
        data,
        _lines(entries, render, look, "" if asked.graph else form or forms.MEDIUM),
        forms.damage_diagnostics(seen),
        within=paged(run, wanted=bool(pager)),
    )


log.epilog = (
    "FORMAT is oneline, short, medium (the default), full, json-lines, or a template with placeholders: "
    f"{forms.HELP}; %n a line break; %% a percent sign; %x1f a character by its number."
)


def _syncs(run: Run, session: str | None, form: str | None, now: float, options: dict[str, Any]) -> Answer:
    from idse_orchestrator.cli.render.sync import sync_point_data, sync_point_line

    date, pager, limit = options.pop("date"), options.pop("pager"), options.pop("limit")
    if session or form or any(options.values()):
        raise UsageError("--sync lists pushes and pulls only", fix=("idse log --sync",))
    points = run.app.sync.points(limit)
    shown = now if _is_relative(date) else None
    return Answer(
        "idse.log-sync/1",
        lambda: {"entries": [sync_point_data(each) for each in points]},
        (sync_point_line(point, shown, run.terminal.style) for point in points),
        within=paged(run, wanted=bool(pager)),
    )


def _code(run: Run, session: str | None, form: str | None, now: float, options: dict[str, Any]) -> Answer:
    from idse_orchestrator.cli.render.log import code_data, code_line, code_remarks

    date, pager, limit = options.pop("date"), options.pop("pager"), options.pop("limit")
    if form or any(options.values()):
        raise UsageError("--code lists commits of code only", fix=("idse log --code",))
    found = run.app.code_commits(run.session(session))
    shown = now if _is_relative(date) else None
    remarks = code_remarks(found, is_bare=run.app.is_bare)
    return Answer(
        "idse.log-code/1",
        lambda: {"commits": [code_data(each) for each in found.commits[:limit]], "gone": found.gone},
        [
            *(code_line(each, shown, run.terminal.style) for each in found.commits[:limit]),
            *map(Said, remarks),
        ],
        [remark("note", words) for words in remarks],
        within=paged(run, wanted=bool(pager)),
    )


def _is_relative(date: object) -> bool:
    return date == "relative" or (date is None and sys.stdout.isatty())


def _lines(entries: Iterable[Drawn], render: Renderer, look: forms.Look, form: str) -> Iterator[str]:
    """Yields entries as lines, below the heads of `form`; a drawing ("") has none."""
    is_first = True
    for item in entries:
        if is_first and item.entry is not None:
            yield from forms.heads(form, look, item.entry)
        is_first = False
        if item.entry is None:
            yield item.prefix.rstrip()
        else:
            yield from forms.drawn(item, render(item.entry, look.beside(item.prefix)))


def _renderer(form: str, now: float) -> Renderer:
    if form in _FORMATS:
        return _FORMATS[form]
    if form == _JSON_LINES:
        return lambda entry, _look: [ascii_json(forms.entry_data(entry))]
    if "%" in form:
        return forms.template(form, now)
    known = (*_FORMATS, _JSON_LINES)
    raise UsageError(
        f"there is no format {form!r}",
        cause=f"known: {', '.join(known)}, or a template with %-placeholders",
        fix=did_you_mean(form, known),
    )


def _check(run: Run, asked: LogRequest, form: str | None, *, session: str | None, everything: bool) -> None:
    if everything and session:
        raise UsageError("--all and a session exclude each other", fix=("leave out one of them",))
    if asked.graph and (run.terminal.as_json or form == _JSON_LINES):
        raise UsageError("a graph has no JSON form", fix=("leave out --graph: `parents` says the same",))
