"""``idse doctor``, ``fsck`` and ``uninstall``: mend a repository, check its ledgers, take idse out of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from idse_orchestrator.base.records import picked
from idse_orchestrator.base.text import counted, printable
from idse_orchestrator.cli.layout import Style
from idse_orchestrator.cli.options import command, flag, session_argument
from idse_orchestrator.cli.render.checkup import result_data, result_lines
from idse_orchestrator.cli.terminal import Answer, Said, Warned, remark
from idse_orchestrator.errors import EXIT_CHECK_FAILED, EXIT_CONFLICT, EXIT_OK, NotConfirmedError
from idse_orchestrator.ledger.refs import LOCAL, PUBLISHED

if TYPE_CHECKING:
    from idse_orchestrator.cli.terminal import Run
    from idse_orchestrator.health.footprint import Trace, UninstallPlan
    from idse_orchestrator.ledger.fsck import FsckReport


@command("doctor", reads=True, project=False)
@flag("--fix", help="Mend what can be mended without losing anything.")
def doctor(run: Run, *, fix: bool) -> Answer:
    """Check git, the repository, hooks, views, locks, sessions and whatever a killed process left behind.

    Of each ledger it reads what stands at its tip; `idse fsck` reads all. With --fix, what is safe is mended
    and said: lost refs, stale locks, leftovers, views, a current session without a ledger, the setting that
    shows notes, outdated hooks, missing reflogs, the spool, what stopped syncs left behind. Nothing else is
    touched. Exit code 1 says that a problem remains.

    What is wrong or worth knowing is printed, and one line for the rest; -v prints every check.
    """
    from idse_orchestrator.base.checkup import examine

    results = examine(run.app.health_checks(), mend=fix)
    healthy = all(result.is_well for result in results)
    return Answer(
        "idse.doctor/2",
        lambda: {"healthy": healthy, "checks": [result_data(each) for each in results]},
        result_lines(
            results, run.terminal.style, everything=bool(run.terminal.verbose), command="idse doctor"
        ),
        code=EXIT_OK if healthy else EXIT_CHECK_FAILED,
    )


@command("fsck", reads=True)
@session_argument
def fsck(run: Run, session: str | None) -> Answer:
    """Replay every ledger and compare it with what its commits say.

    State, messages, schemas, roots, order and shape of every commit under refs/idse/ are checked, and of all
    tasks under refs/idse-local/tasks/; of one SESSION, or of --project, if given. Each defect is one line:
    ref, commit, code, what is wrong.
    Nothing is written. Exit code 1 says that there is a defect.
    """
    from idse_orchestrator.ledger.fsck import FoundRef, check_ledgers
    from idse_orchestrator.wiring.tasks import checked_tasks

    wanted = run.session(session) if session is not None else None

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
    tasks = checked_tasks(run.app, only, run.terminal.progress)
    if tasks is not None:
        report = report.and_also(tasks)
    return Answer(
        "idse.fsck/1",
        lambda: _data(report),
        _defect_lines(report, run.terminal.style),
        (remark("note", note.what, note.code, where=note.ref, fix=[note.hint]) for note in report.notes),
        EXIT_CHECK_FAILED if report.defects else EXIT_OK,
    )


def _defect_lines(report: FsckReport, style: Style) -> Iterator[str]:
    from idse_orchestrator.ledger.defects import CANNOT_JUDGE

    for defect in report.defects:
        place = f"{printable(defect.ref)} {defect.commit[:12]}".rstrip()
        yield f"{place}: {style.red(defect.code)} {printable(defect.what)}"
    for note in report.notes:
        yield Said(f"note: {note.ref} {note.commit[:12]}".rstrip() + f": {note.code} {note.what}")
    for code in dict.fromkeys(defect.code for defect in report.defects):
        first = next(defect for defect in report.defects if defect.code == code)
        yield Said(f"hint: {code}: {first.hint}")
    damaged = {defect.ref for defect in report.defects if defect.code not in CANNOT_JUDGE}
    for ledger in report.ledgers:
        if ledger.ref in damaged:
            sound = f"the last sound commit is {ledger.sound}" if ledger.sound else "no commit of it is sound"
            yield Said(f"hint: {ledger.ref}: {sound}")
    defects = counted(len(report.defects), "defect") if report.defects else "no defects"
    tasks = sum(ledger.ref.startswith(LOCAL) for ledger in report.ledgers)
    if tasks:
        yield Said(f"{counted(tasks, 'task', ',')} among them, which never leave this repository")
    yield Said(
        f"{counted(len(report.ledgers), 'ledger', ',')}, {counted(report.commits, 'commit', ',')}: {defects}"
    )


def _data(report: FsckReport) -> dict[str, object]:
    return {
        "sound": not report.defects,
        "commits": report.commits,
        "ledgers": report.ledgers,
        "defects": [picked(defect, "ref commit code what hint") for defect in report.defects],
    }


@command("uninstall", project=False)
@flag("--ledgers", help="Remove all history of sessions, too, after writing a backup.")
@flag("--yes", help="Do not ask before ledgers are removed.")
@flag("--no-input", help="Never ask: without --yes, remove no ledger.")
@flag("--dry-run", help="Say what would be removed, and remove nothing.")
def uninstall(run: Run, *, ledgers: bool, yes: bool, no_input: bool, dry_run: bool) -> Answer:
    """Remove hooks, agents' blocks and hooks, settings, views and idse's private folder.

    What stood there before comes back, byte for byte.

    Documents under .idse/ always stay, and so do the ledgers under refs/idse/ without --ledgers; tasks, and
    what was made for them, stay and go with the ledgers. With it, a bundle with all of them is written into
    the git directory first, and its path is printed.
    """
    from idse_orchestrator.health.footprint import plan_uninstall
    from idse_orchestrator.health.footprint import uninstall as carry_out

    footprint, hooks = run.app.footprint, run.app.hook_files()
    plan = plan_uninstall(footprint, hooks, with_ledgers=ledgers)
    if dry_run:
        return Answer(lines=_plan_lines(plan))
    if ledgers and plan.ledgers and not yes:
        _ask(run, len(plan.ledgers), no_input=no_input)
    if not ledgers:
        run.app.drain_spool()
    done = carry_out(footprint, hooks, plan)
    lines: list[str] = [Said(f"removed {_count(plan)}"), *map(Warned, done.kept)]
    if done.backup:
        places = [place for place in (PUBLISHED, LOCAL) if any(map(_below(place), plan.ledgers))]
        back = "git fetch BUNDLE " + " ".join(f"'{place}*:{place}*'" for place in places)
        lines += [Said(f"the ledgers are in this bundle; to bring them back: {back}"), done.backup]
    return Answer(lines=[*lines, *_kept_lines(plan)], code=EXIT_CONFLICT if done.kept else EXIT_OK)


def _ask(run: Run, count: int, *, no_input: bool) -> None:
    if no_input or not run.terminal.interactive:
        raise NotConfirmedError(
            f"{count} ledgers would be removed, and nobody can be asked here",
            fix=(
                "idse uninstall  # keeps the ledgers",
                "idse uninstall --ledgers --dry-run",
                "--yes answers for you",
            ),
        )
    question = f"Remove {count} ledgers with all history of their sessions? A backup is written."
    if not run.terminal.confirms(question, by_default=False):
        raise NotConfirmedError("nothing was removed", fix=("idse uninstall  # keeps the ledgers",))


def _plan_lines(plan: UninstallPlan) -> Iterator[str]:
    for trace in (*plan.traces, *(plan.ledgers if plan.with_ledgers else ())):
        yield f"remove {trace.kind}: {trace.where}"
    if plan.with_ledgers and plan.ledgers:
        yield Said("a backup of the ledgers would be written into the git directory first")
    yield from _kept_lines(plan)


def _kept_lines(plan: UninstallPlan) -> Iterator[str]:
    for folder in plan.documents:
        yield Said(f"kept: the documents in {folder}")
    if plan.ledgers and not plan.with_ledgers:
        ours = sum(map(_below(LOCAL), plan.ledgers))
        published = len(plan.ledgers) - ours
        yield Said(f"kept: {published} ledgers and notes under refs/idse/ (git for-each-ref refs/idse)")
        if ours:
            yield Said(f"kept: {counted(ours, 'ref')} of tasks (git for-each-ref {LOCAL.rstrip('/')})")


def _below(place: str) -> Callable[[Trace], bool]:
    return lambda trace: trace.where.startswith(place)


def _count(plan: UninstallPlan) -> str:
    traces = [*plan.traces, *(plan.ledgers if plan.with_ledgers else ())]
    kinds = dict.fromkeys(trace.kind for trace in traces)
    words = [counted(sum(trace.kind == kind for trace in traces), kind) for kind in kinds]
    return ", ".join(words) or "nothing: idse has left nothing here"
