"""`idse validate`: hold documents to the constitution, wherever they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.cli.layout import PLAIN
from idse_orchestrator.cli.options import command, flag, session_argument
from idse_orchestrator.cli.render.report import FORMATS, SCHEMA, render_report, summary
from idse_orchestrator.cli.render.warnings import conflict_remark, markers_warning, session_name
from idse_orchestrator.cli.terminal import Answer, Progress, Said
from idse_orchestrator.constitution.report_data import report_data
from idse_orchestrator.constitution.scope import Scope
from idse_orchestrator.constitution.validate import validate as judge
from idse_orchestrator.errors import EXIT_CHECK_FAILED, EXIT_OK, UsageError
from idse_orchestrator.sessions import choice as choices
from idse_orchestrator.sessions.choice import Choice
from idse_orchestrator.sessions.verdicts import record_verdicts

if TYPE_CHECKING:
    from idse_orchestrator.cli.terminal import Run
    from idse_orchestrator.constitution.rules import Report

_SOURCES = {
    "staged": choices.INDEX,
    "commit": choices.COMMIT,
    "from_ref": choices.RANGE,
    "ledger": choices.LEDGER,
    "everything": choices.WORKTREE,
}
_NAMES = {"from_ref": "--from-ref", "everything": "--all"}
"""Options whose name is not that of their value."""


class _Options(NamedTuple):
    """Options as they were typed."""

    staged: bool
    commit: str | None
    from_ref: str | None
    to_ref: str | None
    ledger: bool
    everything: bool
    strict: bool
    form: str | None
    output: str | None
    record: bool

    @property
    def is_to_file(self) -> bool:
        """True where the report does not go to standard output."""
        return self.output not in (None, "-")

    @property
    def sources(self) -> list[str]:
        """Names the values given that choose a source."""
        return [name for name in _SOURCES if getattr(self, name) not in (None, False)]


@command("validate", reads=True)
@session_argument
@flag("--staged", help="Judge what the next commit would change, as the hook does.")
@click.option("--commit", metavar="REV", help="Judge every session of a commit.")
@click.option("--from-ref", metavar="REV", help="Judge what changed since REV, as in CI.")
@click.option("--to-ref", metavar="REV", help="Where the changes since --from-ref end.  [default: HEAD]")
@flag("--ledger", help="Judge the documents that the session's ledger holds.")
@flag("--all", "everything", help="Judge every session of this work tree.")
@flag("--strict", help="Say no to warnings too.")
@click.option("--format", "form", type=click.Choice(tuple(FORMATS)), help="How to report.  [default: text]")
@click.option("--output", metavar="FILE", help="Write the report to FILE instead of standard output.")
@flag("--record", help="Record in the ledgers which sessions pass, where that changed.")
def validate(run: Run, session: str | None, **options: Any) -> Answer:  # noqa: ANN401 - click hands over what it parsed
    """Hold documents to the constitution.

    Without options the session we stand in or work on is judged as it is in this work tree, and all
    sessions where there is none. With --staged, --commit and --from-ref, SESSION or --project narrow
    what is judged.

    The exit code is 1 when an error was found (with --strict, anything that is not waived), else 0.
    With --strict it is 2 where the ledgers are missing that say what was promised.
    Nothing is written but a cache in the git directory, unless --record is given.
    """
    asked = _Options(**options)
    form = _form(run, asked)
    choice = _choice(run, session, asked)
    with Progress(run.terminal, "documents judged") as progress:
        validation, scope = run.app.judging.validation_of(choice, progress)
        report = judge(validation, scope)
    choices.refuse_unknown_project(run.app.asking, choice.scope, report)
    if asked.strict or choices.needs_ledgers(report, run.app.setting):
        choices.refuse_unchecked(report)
    rules = validation.examiner.constitution.by_id
    shown = report._replace(notes=()) if form == "text" else report  # people read notes as prose
    plain = asked.is_to_file and run.terminal.color != "always"
    text = render_report(form, shown, rules, PLAIN if plain else run.terminal.style)
    if asked.output is not None and asked.is_to_file:
        _write(asked.output, text + "\n" if text else "")
        text = ""
    recorded = _recorded(run, report) if asked.record else ()
    places = () if asked.sources else run.app.conflicts(report.sessions)
    return Answer(
        SCHEMA,
        lambda: report_data(report, rules),
        [
            *_lines(text, report, recorded, counts=asked.is_to_file or form == "concise"),
            *(markers_warning(session_name(place), place) for place in places),
        ],
        [conflict_remark(place) for place in places],
        code=EXIT_CHECK_FAILED if report.blocks(strict=asked.strict) else EXIT_OK,
    )


def _lines(text: str, report: Report, recorded: Sequence[str], *, counts: bool) -> Iterator[str]:
    if text:
        yield text
    for note in report.notes:
        yield Said(f"note: {note}")
    if counts:
        yield Said(summary(report))
    yield from map(Said, recorded)


def _form(run: Run, asked: _Options) -> str:
    given = "json" if run.terminal.as_json else None
    if given and asked.form not in (None, given):
        raise UsageError(f"--json and --format {asked.form} exclude each other", fix=("give one of them",))
    form = given or asked.form or "text"
    run.terminal.as_json = form == "json" and not asked.is_to_file
    return form


def _choice(run: Run, session: str | None, asked: _Options) -> Choice:
    given = [_NAMES.get(source, f"--{source}") for source in asked.sources]
    given += [session] if session and asked.everything else []
    if len(given) > 1:
        raise UsageError(f"{given[0]} and {given[1]} exclude each other", fix=("give one of them",))
    if asked.to_ref is not None and asked.from_ref is None:
        raise UsageError("--to-ref needs --from-ref", fix=(f"idse validate --commit {asked.to_ref}",))
    kind = _SOURCES[asked.sources[0]] if asked.sources else choices.WORKTREE
    if asked.record and kind not in (choices.WORKTREE, choices.LEDGER):
        raise UsageError(
            f"{given[0]} and --record exclude each other",
            cause="a ledger records how its session stands now, not what another commit held",
            fix=("idse validate --record",),
        )
    asking, option = run.app.asking, run.project_option
    if session is not None:
        scope = choices.named_scope(asking, kind, option, session)
    elif kind == choices.LEDGER:
        scope = Scope(*run.session())
    elif asked.everything or kind != choices.WORKTREE:
        scope = choices.project_scope(option)
    else:
        scope = choices.default_scope(asking, option)
    return Choice(kind, asked.commit or asked.to_ref or "HEAD", asked.from_ref or "", scope)


def _write(path: str, text: str) -> None:
    try:
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise UsageError(
            "the report cannot be written", where=path, cause=error.strerror, fix=("name another --output",)
        ) from error


def _recorded(run: Run, report: Report) -> list[str]:
    verdicts = record_verdicts(report, run.app.writer, run.app.views)
    lines = [f"recorded: {verdict.session} {verdict.before} → {verdict.now}" for verdict in verdicts]
    return lines or ["nothing to record: the ledgers say so already"]
