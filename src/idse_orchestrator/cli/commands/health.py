"""``idse doctor`` and ``idse fsck``: the health of a repository, and of the ledgers in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from idse_orchestrator.base.text import counted
from idse_orchestrator.cli.options import command, session_argument
from idse_orchestrator.cli.style import Style, printable
from idse_orchestrator.cli.terminal import Answer, Said
from idse_orchestrator.errors import EXIT_CHECK_FAILED, EXIT_OK

if TYPE_CHECKING:
    from idse_orchestrator.base.checkup import CheckResult
    from idse_orchestrator.cli.run import Run
    from idse_orchestrator.ledger.defects import Defect
    from idse_orchestrator.ledger.fsck import FsckReport

_WIDTH = 17


@command("doctor", reads=True, project=False)
@click.option("--fix", is_flag=True, help="Mend what can be mended without losing anything.")
def doctor(run: Run, *, fix: bool) -> Answer:
    """Check git, the repository, hooks, views, locks, sessions and whatever a killed process left behind.

    With --fix, what is safe is mended and said: stale locks, leftovers, views, a current session without a
    ledger, the setting that shows notes, outdated hooks, missing reflogs, the spool, what stopped syncs
    left behind. Nothing else is touched. Exit code 1 says that a problem remains.
    """
    from idse_orchestrator.base.checkup import examine

    results = examine(run.app.health_checks(), mend=fix)
    healthy = all(result.is_well for result in results)
    return Answer(
        "idse.doctor/1",
        lambda: {"healthy": healthy, "checks": list(results)},
        _result_lines(results, run.terminal.style),
        code=EXIT_OK if healthy else EXIT_CHECK_FAILED,
    )


def _result_lines(results: Sequence[CheckResult], style: Style) -> Iterator[str]:
    colors = {"problem": style.red, "warning": style.yellow, "fixed": style.green, "ok": style.dim}
    for result in results:
        verdict = colors.get(result.verdict, style.cyan)(result.verdict.ljust(8))
        yield f"{verdict} {result.name.ljust(_WIDTH)} {printable(result.says)}"
        if result.done:
            yield f"{' ' * 9}{'':{_WIDTH}} done: {printable(result.done)}"
        for step in result.fix:
            yield f"{' ' * 9}{'':{_WIDTH}} fix:  {printable(step)}"
    if any(result.mendable for result in results):
        yield Said("idse doctor --fix mends what is safe")


@command("fsck", reads=True)
@session_argument
def fsck(run: Run, session: str | None) -> Answer:
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
    return Answer(
        "idse.fsck/1",
        lambda: _data(report),
        _defect_lines(report, run.terminal.style),
        map(_diagnostic, report.notes),
        EXIT_CHECK_FAILED if report.defects else EXIT_OK,
    )


def _defect_lines(report: FsckReport, style: Style) -> Iterator[str]:
    for defect in report.defects:
        place = f"{printable(defect.ref)} {defect.commit[:12]}".rstrip()
        yield f"{place}: {style.red(defect.code)} {printable(defect.what)}"
    for note in report.notes:
        yield Said(f"note: {note.ref} {note.commit[:12]}: {note.code} {note.what}".replace("  ", " "))
    for code in dict.fromkeys(defect.code for defect in report.defects):
        first = next(defect for defect in report.defects if defect.code == code)
        yield Said(f"hint: {code}: {first.hint}")
    for ledger in report.ledgers:
        if ledger.defects:
            yield Said(f"hint: {ledger.ref}: {_sound(ledger.sound)}")
    defects = counted(len(report.defects), "defect") if report.defects else "no defects"
    yield Said(
        f"{counted(len(report.ledgers), 'ledger', ',')}, {counted(report.commits, 'commit', ',')}: {defects}"
    )


def _sound(commit: str) -> str:
    return f"the last sound commit is {commit}" if commit else "no commit of it is sound"


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
