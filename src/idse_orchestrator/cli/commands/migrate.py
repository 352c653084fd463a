"""``idse migrate``: take over sessions of older layouts."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import nullcontext
from typing import TYPE_CHECKING, Self

import click

from idse_orchestrator.cli.options import command, flag
from idse_orchestrator.cli.terminal import Answer, Progress, Said
from idse_orchestrator.errors import EXIT_CONFLICT, EXIT_OK, StorageError, UsageError

if TYPE_CHECKING:
    from idse_orchestrator.cli.terminal import Run
    from idse_orchestrator.migrate.archive import Archive
    from idse_orchestrator.migrate.values import Migrated, MigrationPlan
    from idse_orchestrator.wiring.migration import Migration


@command("migrate", reads=True)
@click.argument("path", metavar="PATH", type=click.Path(readable=False))
@flag("--dry-run", help="Show the whole plan; write nothing.")
@flag("--no-history", help="Leave the commits of the source out.")
@click.option("--report", metavar="FILE", default="", help="Write what became of every file, as JSON.")
@click.option(
    "--archive",
    metavar="NAME",
    default="",
    help="Write notices for the old place to a new branch (of a repository) or a new folder.",
)
def migrate(run: Run, path: str, *, dry_run: bool, no_history: bool, report: str, archive: str) -> Answer:
    """Take over the sessions of an older layout at PATH: a folder, a work tree or a bare repository.

    The source is only read. Each session becomes a ledger with its documents byte for byte, a `migrated`
    event for each commit that touched it, its stages as far as the source recorded them, and waivers for
    what today's rules say of it. Running it again writes only what is missing.

    With --project the source's project is called NAME here; of several, NAME is the one that is taken over.
    """
    from idse_orchestrator.migrate.apply import apply_plan
    from idse_orchestrator.migrate.archive import notices
    from idse_orchestrator.migrate.plan import plan_migration
    from idse_orchestrator.migrate.values import Migrated, MigrationRequest
    from idse_orchestrator.wiring.migration import Migration

    with _Phases(run) as progress:
        migration = Migration(run.app, path, progress, with_history=not no_history)
        place = migration.archive(archive) if archive else None
        _check_report(report, migration)
        request = MigrationRequest(run.project_option or "", with_history=not no_history)
        done = Migrated()
        with nullcontext() if dry_run else run.app.alone():  # a second one plans when the first has written
            plan, found = plan_migration(migration.planning, request)
            if not dry_run:
                done = apply_plan(migration.applying(found), plan)
        if place is not None and not dry_run:
            place.write(notices(plan))
    if report:
        _write_report(report, plan, done)
    from idse_orchestrator.cli.render.migration import migration_data

    return Answer(
        "idse.migrate/1",
        lambda: {**migration_data(plan, done), "dry_run": dry_run},
        _lines(run, plan, done, place, dry_run=dry_run),
        code=EXIT_CONFLICT if done.refused or plan.waiting else EXIT_OK,
    )


class _Phases:
    """Shows the progress of work that has several parts: each of them is counted by itself."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._what = ""
        self._progress: Progress | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        if self._progress is not None:
            self._progress.__exit__()

    def __call__(self, what: str, done: int, total: int) -> None:
        if self._progress is None or what != self._what:
            self.__exit__()
            self._what, self._progress = what, Progress(self._run.terminal, what)
        self._progress(done, total)


def _check_report(report: str, migration: Migration) -> None:
    if not report:
        return
    if os.path.lexists(report):
        raise UsageError("the report would overwrite a file", where=report, fix=("choose another name",))
    folder = os.path.realpath(os.path.dirname(report) or ".")
    root = migration.source.root
    if os.path.commonpath([folder, root]) == root and not _is_own_work_tree(root):
        raise UsageError(
            "the report would be written into the source, which is never changed",
            where=report,
            fix=("choose a folder outside of it",),
        )


def _is_own_work_tree(root: str) -> bool:
    """Returns True if we stand in the source itself: then a file in it is where the user asked for it."""
    here = os.path.realpath(".")
    return os.path.commonpath([here, root]) == root


def _write_report(report: str, plan: MigrationPlan, done: Migrated) -> None:
    from idse_orchestrator.cli.envelope import ascii_json
    from idse_orchestrator.cli.render.migration import migration_data

    try:
        with open(report, "x", encoding="utf-8") as file:
            file.write(ascii_json(migration_data(plan, done), indent=2) + "\n")
    except OSError as error:
        raise StorageError(
            "the report cannot be written", where=report, cause=error.strerror, fix=("choose another place",)
        ) from error


def _lines(
    run: Run, plan: MigrationPlan, done: Migrated, place: Archive | None, *, dry_run: bool
) -> Iterator[str]:
    from idse_orchestrator.cli.render.migration import migration_lines, outcome_lines

    yield from migration_lines(plan, run.terminal.style, verbose=bool(run.terminal.verbose) or dry_run)
    yield from map(Said, outcome_lines(plan, done, dry_run=dry_run))
    if place is not None:
        yield Said(f"notices for the old place: {'would go to ' if dry_run else ''}{place.description}")
