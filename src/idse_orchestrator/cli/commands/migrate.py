"""``idse migrate``: take over sessions of older layouts.

It says what each session became, and what became of every file.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import click

from idse_orchestrator.base.records import picked
from idse_orchestrator.base.text import counted, few, one_word, printable
from idse_orchestrator.cli.layout import Style
from idse_orchestrator.cli.options import command, flag
from idse_orchestrator.cli.terminal import Answer, Progress, Said
from idse_orchestrator.documents.project_workspace import STAGE_OF
from idse_orchestrator.errors import EXIT_CONFLICT, EXIT_OK, UsageError
from idse_orchestrator.migrate import values
from idse_orchestrator.migrate.files import STUB, UNKNOWN, Fate, unknown_groups
from idse_orchestrator.migrate.paths import LAYOUTS
from idse_orchestrator.migrate.stored import database_fates

if TYPE_CHECKING:
    from idse_orchestrator.cli.terminal import Run
    from idse_orchestrator.migrate.archive import Archive
    from idse_orchestrator.wiring.migration import Migration


@command("migrate", reads=True)
@click.argument("path", metavar="PATH", type=click.Path(readable=False))
@flag("--dry-run", help="Show the whole plan; write nothing.")
@flag("--no-history", help="Leave the commits of the source out.")
@click.option(
    "--only",
    metavar="PROJECT",
    multiple=True,
    help="Take over this project of the source alone; may be given several times.",
)
@click.option("--report", metavar="FILE", default="", help="Write what became of every file, as JSON.")
@click.option(
    "--archive",
    metavar="NAME",
    default="",
    help="Write notices for the old place to a new branch (of a repository) or a new folder.",
)
def migrate(run: Run, path: str, *, dry_run: bool, report: str, archive: str, **which: object) -> Answer:
    """Take over the sessions of an older layout at PATH: a folder, a work tree or a bare repository.

    The source is only read. Each session becomes a ledger with its documents byte for byte, a `migrated`
    event for each commit that touched it, its stages as far as the source recorded them, and waivers for
    what today's rules say of it. Running it again writes only what is missing.

    --project NAME says what the project is called here; without it the source says so. Of a source with
    several projects --only chooses, by the names they have there.
    """
    from idse_orchestrator.migrate.apply import apply_plan
    from idse_orchestrator.migrate.archive import notices
    from idse_orchestrator.migrate.plan import plan_migration
    from idse_orchestrator.wiring.migration import Migration

    with Progress(run.terminal) as progress:
        only: tuple[str, ...] = which["only"]  # type: ignore[assignment] # click gives each its type
        request = values.MigrationRequest(run.project_option or "", not which["no_history"], only)
        migration = Migration(run.app, path, progress.of, with_history=request.with_history)
        place = migration.archive(archive) if archive else None
        _check_report(report, migration)
        done = values.Migrated()
        with nullcontext() if dry_run else run.app.alone():  # a second one plans when the first has written
            plan, found = plan_migration(migration.planning, request)
            if not dry_run:
                done = apply_plan(migration.applying(found), plan)
                done.tracked += migration.in_place.tracked_views
        if place is not None and not dry_run:
            place.write(notices(plan))
    if report:
        _write_report(report, plan, done)

    return Answer(
        "idse.migrate/1",
        lambda: {**_data(plan, done), "dry_run": dry_run},
        _lines(run, plan, done, place, dry_run=dry_run),
        code=EXIT_CONFLICT if done.refused or plan.waiting or plan.taken or plan.unread else EXIT_OK,
    )


def _check_report(report: str, migration: Migration) -> None:
    if not report:
        return
    if os.path.lexists(report) and not (os.path.isfile(report) and _is_report(report)):
        raise UsageError("the report would overwrite a file", where=report, fix=("choose another name",))
    if not os.path.isdir(os.path.dirname(report) or "."):
        raise UsageError(
            "there is no folder for the report",
            where=report,
            fix=(f"mkdir -p {one_word(os.path.dirname(report))}",),
        )
    root = migration.source.root
    # Who stands in the source itself asked for a file in it.
    if _is_in(os.path.dirname(report) or ".", root) and not _is_in(".", root):
        raise UsageError(
            "the report would be written into the source, which is never changed",
            where=report,
            fix=("choose a folder outside of it",),
        )


def _is_report(path: str) -> bool:
    """Tests whether an earlier run wrote the file at `path`."""
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(found, dict) and found.keys() >= _REPORTED


def _is_in(folder: str, root: str) -> bool:
    return os.path.commonpath([os.path.realpath(folder), root]) == root


def _write_report(report: str, plan: values.MigrationPlan, done: values.Migrated) -> None:
    from idse_orchestrator.base.files import write_atomically
    from idse_orchestrator.cli.envelope import ascii_json

    write_atomically(report, (ascii_json(_data(plan, done), indent=2) + "\n").encode())


def _lines(
    run: Run, plan: values.MigrationPlan, done: values.Migrated, place: Archive | None, *, dry_run: bool
) -> Iterator[str]:

    yield from _plan_lines(plan, run.terminal.style, verbose=bool(run.terminal.verbose), dry_run=dry_run)
    yield from map(Said, _outcome_lines(plan, done, dry_run=dry_run))
    if place is not None:
        yield Said(f"notices for the old place: {'would go to ' if dry_run else ''}{place.description}")


_REPORTED = {"source", "counts", "total", "sessions", "files"}
_FEW = 20
_FEW_DOUBTS = 3
_COUNTABLE = ("side file", "stub", "duplicate")
_SHORT = {"pending": "-", "in_progress": "in progress", "complete": "complete"}


def _data(plan: values.MigrationPlan, done: values.Migrated) -> dict[str, Any]:
    return {
        **picked(plan, "source left_out"),
        "current": "/".join(plan.current) if plan.current else None,
        "counts": values.count(plan.fates),
        "total": len(plan.fates),
        "sessions": [_session_data(session) for session in plan.sessions],
        "own": _names(plan.own),
        "files": list(_file_data(plan, plan.fates)),
        "databases": [
            {**picked(each, "path parts tables notes"), "problem": each.problem or None, "holds": each.counts}
            for each in plan.stored
        ],
        "records": list(_file_data(plan, plan.records)),
        "registries": {
            project: {"file": found.path, "agents": len(found.registry.agents), "doubts": found.doubts}
            for project, found in plan.registries.items()
        },
        "notes": plan.notes,
        "written": _names(done.written),
        "completed": _names(done.completed),
        "folders": _names(done.folders),
        "new_forms": _names(done.new_forms),
        "kept_folders": _names(done.kept_folders),
        "problems": {"/".join(key): problem for key, problem in done.problems.items()},
        "tracked_views": done.tracked,
        "refused": _names(done.refused),
        **picked(done, "projects agents events changed"),
    }


def _names(keys: Iterable[tuple[str, str]]) -> list[str]:
    return ["/".join(key) for key in keys]


def _session_data(session: values.SessionPlan) -> dict[str, Any]:
    facts = session.facts
    return {
        "session": session.name,
        "called": "/".join(session.source_key),
        "verdict": session.verdict,
        "layouts": [LAYOUTS[letter] for letter in session.layouts],
        **picked(facts, "type title owner"),
        "parents": session.parents,
        "created_at": facts.created.at if facts.created else None,
        "commits": len(session.steps),
        "handoffs": sum(story.is_handoff for story in session.stories),
        "claims": [claim.id for claim in session.claims],
        "stages": session.stages,
        "recorded": facts.stages,
        "waived": {
            rule: [f"{finding.path}:{finding.line}: {finding.message}" for finding in findings]
            for rule, findings in session.waived.items()
        },
        "doubts": session.doubts,
    }


def _file_data(plan: values.MigrationPlan, fates: Iterable[Fate]) -> Iterator[dict[str, Any]]:
    owners = {path: session.name for session in plan.sessions for path in session.places}
    for fate in fates:
        yield {
            **picked(fate, "path fate reason"),
            "session": owners.get(fate.path),
            "target": fate.target or None,
        }


def _plan_lines(plan: values.MigrationPlan, style: Style, *, verbose: bool, dry_run: bool) -> Iterator[str]:
    """Yields a paragraph for each session, then the files that need a look, then the counts."""
    yield f"source: {style.bold(printable(plan.source))}"
    said = Counter(doubt for session in plan.sessions for doubt in session.doubts)
    shared = {doubt: count for doubt, count in said.items() if count > 1}
    for session in plan.sessions:
        own = [doubt for doubt in session.doubts if doubt not in shared]
        yield from _session_lines(session, own if verbose or dry_run else own[:_FEW_DOUBTS], style)
        if not (verbose or dry_run) and len(own) > _FEW_DOUBTS:
            more = counted(len(own) - _FEW_DOUBTS, "more doubt")
            yield f"  … and {more}: --report FILE, or -v, lists all"
    for key in plan.own:
        yield f"{style.bold('/'.join(key))}: migrated already"
    for project, found in sorted(plan.registries.items()):
        yield f"agents of {project}: {len(found.registry.agents)} in {printable(found.path)}"
    for each in plan.stored:
        yield f"database {printable(each.path)}: {printable(database_fates(each)[0].reason)}"
    for note in (*(f"of {count} sessions: {doubt}" for doubt, count in shared.items()), *plan.notes):
        yield f"  {style.yellow('doubt:')} {printable(note)}"
    yield from _file_lines(plan, style, verbose=verbose, dry_run=dry_run)
    yield f"files: {_counted(plan.fates)}"
    if plan.stored:
        yield f"texts of databases: {_counted(plan.records)}"


def _counted(fates: Sequence[Fate]) -> str:
    counts = values.count(fates)
    words = ", ".join(
        f"{count:,} {fate}{'s' if fate in _COUNTABLE and count != 1 else ''}"
        for fate, count in counts.items()
    )
    return f"{words}: {len(fates):,} in all"


def _session_lines(session: values.SessionPlan, doubts: Sequence[str], style: Style) -> Iterator[str]:
    called = f"  (was {printable('/'.join(session.source_key))})" if session.was_renamed else ""
    yield f"{style.bold(session.name)}: {_verdict_words(session, style)}{called}"
    if session.verdict in (values.CHANGED, values.TAKEN, values.CLOSED):
        return
    artifacts = sum(1 for path in session.arranged.files if path in STAGE_OF)
    others = len(session.arranged.files) - artifacts
    handoffs = sum(story.is_handoff for story in session.stories)
    parts = [
        " + ".join(LAYOUTS[letter] for letter in session.layouts),
        counted(artifacts, "artifact"),
        counted(others, "side file"),
        *([counted(len(session.steps), "commit")] if session.steps else ()),
        *([counted(handoffs, "handoff")] if handoffs else ()),
        *([counted(len(session.claims), "claim")] if session.claims else ()),
    ]
    yield "  " + ", ".join(part for part in parts if part)
    begun = [(stage, status) for stage, status in session.stages.items() if status != "pending"]
    if begun:
        yield "  " + ", ".join(f"{stage} {_SHORT[status]}" for stage, status in begun)
    if session.waived:
        yield "  waived: " + ", ".join(f"{rule} ({len(found)})" for rule, found in session.waived.items())
    for doubt in doubts:
        yield f"  {style.yellow('doubt:')} {printable(doubt)}"


def _verdict_words(session: values.SessionPlan, style: Style) -> str:
    instead = ", instead of a template that nobody wrote in" if session.template else ""
    instead += ", and its folder gets today's form" if session.has_own_folder else ""
    words: Mapping[str, str] = {
        values.NEW: style.green(f"new{instead}"),
        values.CHANGED: style.yellow("not touched: it was migrated, and the source has another text now"),
        values.DONE: "migrated already",
        values.TAKEN: style.yellow("not touched: another session has that name here"),
        values.LATE: style.green("here already, and gets what the database has of it"),
        values.CLOSED: style.yellow(f"waits: {printable(session.closed)} cannot be read"),
    }
    return words[session.verdict]


def _file_lines(plan: values.MigrationPlan, style: Style, *, verbose: bool, dry_run: bool) -> Iterator[str]:
    """Yields the files: all of a plan that is only shown, else those that nobody took, together by folder."""
    if verbose:
        for fate in (*plan.fates, *plan.records):
            yield _file_line(fate, style)
        return
    fates = (*plan.fates, *plan.records)
    known = [fate for fate in fates if fate.fate != UNKNOWN] if dry_run else []
    yield from (_file_line(fate, style) for fate in known)
    groups = unknown_groups(fates)
    for group in groups if dry_run else groups[:_FEW]:
        reason = style.dim(f"  ({printable(group.reason)})")
        yield f"  {style.yellow(UNKNOWN)}: {printable(group.words)}{reason}"
    if not dry_run and len(groups) > _FEW:
        rest = sum(group.size for group in groups[_FEW:])
        yield f"  … and {rest:,} more unknown files: --report FILE, or -v, lists all"


def _file_line(fate: Fate, style: Style) -> str:
    target = f" → {printable(fate.target)}" if fate.target else ""
    reason = f"  ({printable(fate.reason)})" if fate.reason else ""
    shown = style.yellow(fate.fate) if fate.fate in (UNKNOWN, STUB) else fate.fate
    return f"  {shown}: {printable(fate.path)}{target}{style.dim(reason)}"


def _outcome_lines(plan: values.MigrationPlan, done: values.Migrated, *, dry_run: bool) -> Iterator[str]:
    """Yields sentences on the work that was done."""
    new = sum(1 for session in plan.sessions if session.verdict == values.NEW)
    if plan.left_out:
        yield f"not looked into: {', '.join(plan.left_out[:3])}"
    if dry_run:
        yield f"this is a plan: nothing was written; {counted(new, 'session')} would be"
        return
    if not done.changed:
        rest = "" if plan.taken or plan.waiting else ": everything that can be taken over is here already"
        yield f"nothing was changed{rest}"
    if done.written:
        yield f"migrated {counted(len(done.written), 'session')} in {done.events:,} events"
    if done.completed:
        yield f"{counted(len(done.completed), 'session')} got what a database has, below migrated/database/"
    if done.agents:
        yield f"took over {counted(done.agents, 'agent')}: idse agents list"
    yield from _folder_lines(done)
    yield from _left_lines(plan, done)
    if done.written:
        yield "next: idse session list, idse validate; hooks: idse hooks install"


def _folder_lines(done: values.Migrated) -> Iterator[str]:
    if done.new_forms:
        words = few(_names(done.new_forms))
        yield f"the folder of {words} has today's form now: commit it"
    for key, problem in done.problems.items():
        yield printable(f"the folder of {'/'.join(key)} was left as it is: {problem}")
    kept = _names(key for key in done.kept_folders if key not in done.problems)
    for name in kept[:3]:
        yield f"{name} has a folder in this work tree, which was left as it is: idse diff, idse restore"
    if len(kept) > 3:
        yield f"so have {len(kept) - 3} more"
    if done.tracked:
        views = " ".join(one_word(f":/{view}") for view in done.tracked)
        yield f"next: git rm -q --cached {views}  # idse writes these, and git need not carry them"


def _left_lines(plan: values.MigrationPlan, done: values.Migrated) -> Iterator[str]:
    for session in plan.taken:
        only = f" --only {one_word(session.source_key[0])}" if len(plan.projects) > 1 else ""
        yield f"to take {session.name} over beside the one here: idse migrate PATH{only} --project NAME"
    for key in done.refused:
        yield f"{'/'.join(key)} was begun by somebody else meanwhile: run the command again"
    if plan.waiting:
        waiting = counted(len(plan.waiting), "session")
        yield f"{waiting} cannot be read whole: make the files readable, then run it again"
    for each in plan.unread:
        yield f"{printable(each.path)} waits: what only it has comes over once it can be read"
