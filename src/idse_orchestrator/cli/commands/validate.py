"""`idse validate`: hold documents to the constitution, wherever they are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import click

from idse_orchestrator.cli.options import command, session_argument
from idse_orchestrator.cli.progress import Progress
from idse_orchestrator.cli.render.report import FORMATS, render_report
from idse_orchestrator.cli.render.report_words import Rules, summary
from idse_orchestrator.cli.render.style import PLAIN
from idse_orchestrator.cli.run import Run
from idse_orchestrator.constitution.findings import Report
from idse_orchestrator.constitution.scope import Scope
from idse_orchestrator.constitution.validate import validate
from idse_orchestrator.errors import EXIT_CHECK_FAILED, EXIT_OK, UsageError
from idse_orchestrator.sessions import choice as choices
from idse_orchestrator.sessions.choice import Choice
from idse_orchestrator.sessions.verdicts import record_verdicts

_SOURCES = {
    "--staged": choices.INDEX,
    "--commit": choices.COMMIT,
    "--from-ref": choices.RANGE,
    "--ledger": choices.LEDGER,
    "--all": choices.WORKTREE,
}


@dataclass(frozen=True, slots=True)
class _Options:
    """What was typed, besides the session."""

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
    def sources(self) -> list[str]:
        """The options given that choose a source."""
        given = (
            self.staged,
            self.commit is not None,
            self.from_ref is not None,
            self.ledger,
            self.everything,
        )
        return [name for name, is_given in zip(_SOURCES, given, strict=True) if is_given]


@command("validate", reads=True)
@session_argument
@click.option("--staged", is_flag=True, help="Judge what the next commit would change, as the hook does.")
@click.option("--commit", metavar="REV", help="Judge every session of a commit.")
@click.option("--from-ref", metavar="REV", help="Judge what changed since REV, as in CI.")
@click.option("--to-ref", metavar="REV", help="Where the changes since --from-ref end.  [default: HEAD]")
@click.option("--ledger", is_flag=True, help="Judge the documents that the session's ledger holds.")
@click.option("--all", "everything", is_flag=True, help="Judge every session of this work tree.")
@click.option("--strict", is_flag=True, help="Say no to warnings too.")
@click.option("--format", "form", type=click.Choice(FORMATS), help="How to report.  [default: text]")
@click.option("--output", metavar="FILE", help="Write the report to FILE instead of standard output.")
@click.option("--record", is_flag=True, help="Record in the ledgers which sessions pass, where that changed.")
def validate_command(run: Run, session: str | None, **options: Any) -> int:  # noqa: ANN401 - click hands over what it parsed
    """Hold documents to the constitution.

    Without options the session we stand in or work on is judged as it is in this work tree, and all
    sessions where there is none. With --staged, --commit and --from-ref, SESSION or --project narrow
    what is judged.

    The exit code is 1 when an error was found (with --strict, anything that is not waived), else 0.
    Nothing is written but a cache in the git directory, unless --record is given.
    """
    asked = _Options(**options)
    form = _form(run, asked)
    choice = _choice(run, session, asked)
    with Progress(run.terminal, "documents judged") as progress:
        validation, scope = run.app.judging.validation_of(choice, progress)
        report = validate(validation, scope)
    choices.refuse_unknown_project(run.app.asking, choice.scope, report)
    _show(run, report, validation.examiner.constitution.by_id, form, asked.output)
    if asked.record:
        _record(run, report)
    return EXIT_CHECK_FAILED if report.blocks(strict=asked.strict) else EXIT_OK


def build() -> click.Command:
    """The command."""
    return validate_command


def _form(run: Run, asked: _Options) -> str:
    if run.terminal.as_json and asked.form not in (None, "json"):
        raise UsageError(f"--json and --format {asked.form} exclude each other", fix=("give one of them",))
    form = "json" if run.terminal.as_json else asked.form or "text"
    run.terminal.as_json = form == "json" and asked.output in (None, "-")
    return form


def _choice(run: Run, session: str | None, asked: _Options) -> Choice:
    given = asked.sources + ([session] if session and asked.everything else [])
    if len(given) > 1:
        raise UsageError(f"{given[0]} and {given[1]} exclude each other", fix=("give one of them",))
    if asked.to_ref is not None and asked.from_ref is None:
        raise UsageError("--to-ref needs --from-ref", fix=(f"idse validate --commit {asked.to_ref}",))
    kind = _SOURCES[asked.sources[0]] if asked.sources else choices.WORKTREE
    if asked.record and kind not in (choices.WORKTREE, choices.LEDGER):
        raise UsageError(
            f"{asked.sources[0]} and --record exclude each other",
            cause="a ledger records how its session stands now, not what another commit held",
            fix=("idse validate --record",),
        )
    choice = Choice(kind, asked.commit or asked.to_ref or "HEAD", asked.from_ref or "")
    return _scoped(run, choice, session, everything=asked.everything)


def _scoped(run: Run, choice: Choice, session: str | None, *, everything: bool) -> Choice:
    asking, option = run.app.asking, run.project_option
    if session:
        scope = choices.named_scope(asking, choice.kind, option, session)
    elif choice.kind == choices.LEDGER:
        scope = Scope(*run.session())
    elif everything or choice.kind != choices.WORKTREE:
        scope = choices.project_scope(option)
    else:
        scope = choices.default_scope(asking, option)
    return replace(choice, scope=scope)


def _show(run: Run, report: Report, rules: Rules, form: str, output: str | None) -> None:
    """Formats for machines carry the notes, or have no place for them; people read them as prose."""
    shown = report._replace(notes=()) if form == "text" else report
    to_file = output not in (None, "-")
    plain = to_file and run.terminal.color != "always"
    text = render_report(form, shown, rules, PLAIN if plain else run.terminal.style)
    if output is not None and to_file:
        _write(output, text + "\n" if text else "")
    elif text:
        run.terminal.data(text)
    for note in report.notes:
        run.terminal.say(f"note: {note}")
    if to_file or form == "concise":
        run.terminal.say(summary(report))


def _write(path: str, text: str) -> None:
    try:
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise UsageError(
            "the report cannot be written", where=path, cause=error.strerror, fix=("name another --output",)
        ) from error


def _record(run: Run, report: Report) -> None:
    recorded = record_verdicts(report, run.app.writer, run.app.views)
    for verdict in recorded:
        run.terminal.say(f"recorded: {verdict.session} {verdict.before} → {verdict.now}")
    if not recorded:
        run.terminal.say("nothing to record: the ledgers say so already")
