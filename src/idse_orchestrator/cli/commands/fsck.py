"""`idse fsck`: replay every ledger and compare."""

from __future__ import annotations

from typing import TYPE_CHECKING

from idse_orchestrator.base.text import counted
from idse_orchestrator.cli.options import command, session_argument
from idse_orchestrator.cli.render.envelope import envelope
from idse_orchestrator.cli.render.style import printable
from idse_orchestrator.errors import EXIT_CHECK_FAILED, EXIT_OK

if TYPE_CHECKING:
    import click

    from idse_orchestrator.cli.run import Run
    from idse_orchestrator.cli.terminal import Terminal
    from idse_orchestrator.ledger.defects import Defect
    from idse_orchestrator.ledger.fsck import FsckReport


@command("fsck", reads=True)
@session_argument
def fsck(run: Run, session: str | None) -> int:
    """Replay every ledger and compare it with what its commits say.

    State, messages, schemas, roots, order and shape of every commit under refs/idse/ are checked; of one
    SESSION, or of --project, if given. Each defect is one line: ref, commit, code, what is wrong.
    Nothing is written. Exit code 1 says that there is a defect.
    """
    from idse_orchestrator.ledger.fsck import FoundRef, check_ledgers

    wanted = run.session(session) if session else None

    def only(ref: FoundRef) -> bool:
        if wanted is not None:
            return (ref.project, ref.session) == wanted
        return run.project_option in (None, ref.project)

    report = check_ledgers(
        run.app.ledger_source,
        only=only,
        on_progress=run.terminal.progress,
        expected=run.app.expected_merge,
        sync_problems=run.app.sync_problems,
    )
    if run.terminal.as_json:
        run.terminal.data(envelope("idse.fsck/1", _data(report), map(_diagnostic, report.notes)))
    else:
        _show(run.terminal, report)
    return EXIT_CHECK_FAILED if report.defects else EXIT_OK


def build() -> click.Command:
    """The command `idse fsck`."""
    return fsck


def _show(terminal: Terminal, report: FsckReport) -> None:
    for defect in report.defects:
        terminal.data(_line(defect, terminal))
    for note in report.notes:
        terminal.say(f"note: {note.ref} {note.commit[:12]}: {note.code} {note.what}".replace("  ", " "))
    for code in dict.fromkeys(defect.code for defect in report.defects):
        first = next(defect for defect in report.defects if defect.code == code)
        terminal.say(f"hint: {code}: {first.hint}")
    for ledger in report.ledgers:
        if ledger.defects:
            terminal.say(f"hint: {ledger.ref}: {_sound(ledger.sound)}")
    terminal.say(_summary(report))


def _line(defect: Defect, terminal: Terminal) -> str:
    place = f"{printable(defect.ref)} {defect.commit[:12]}".rstrip()
    return f"{place}: {terminal.style.red(defect.code)} {printable(defect.what)}"


def _sound(commit: str) -> str:
    return f"the last sound commit is {commit}" if commit else "no commit of it is sound"


def _summary(report: FsckReport) -> str:
    ledgers, commits, defects = len(report.ledgers), report.commits, len(report.defects)
    count = counted(defects, "defect") if defects else "no defects"
    return (
        f"{ledgers:,} ledger{'s' if ledgers != 1 else ''}, "
        f"{commits:,} commit{'s' if commits != 1 else ''}: {count}"
    )


def _data(report: FsckReport) -> dict[str, object]:
    return {
        "sound": not report.defects,
        "commits": report.commits,
        "ledgers": list(report.ledgers),
        "defects": [
            {
                "ref": defect.ref,
                "commit": defect.commit,
                "code": defect.code,
                "what": defect.what,
                "hint": defect.hint,
            }
            for defect in report.defects
        ],
    }


def _diagnostic(note: Defect) -> dict[str, object]:
    return {
        "severity": "note",
        "code": note.code,
        "message": note.what,
        "where": note.ref,
        "fix": [note.hint],
    }
