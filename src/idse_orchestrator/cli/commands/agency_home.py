"""``idse agency init``, ``backup``, ``restore`` and ``doctor``: the home of an Agency as a whole."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from idse_orchestrator.base.text import counted
from idse_orchestrator.cli.options import agency_command, flag
from idse_orchestrator.cli.render.agency import size_words
from idse_orchestrator.cli.render.checkup import result_data, result_lines
from idse_orchestrator.cli.terminal import Answer, Said, Warned
from idse_orchestrator.errors import EXIT_CHECK_FAILED, EXIT_OK
from idse_orchestrator.wiring import agency as wiring

if TYPE_CHECKING:
    from idse_orchestrator.cli.terminal import Run
    from idse_orchestrator.server.tenants.backup import Saved


@agency_command("init")
@click.option(
    "--url", default="", metavar="BASE", help="Where clients reach the server, for what is printed."
)
@click.option(
    "--database",
    default="",
    metavar="URL",
    help="Keep the projection in this PostgreSQL: postgresql://USER@HOST/NAME, without a password.",
)
def init(_run: Run, home: str, url: str, database: str) -> Answer:
    """Make the home of an Agency: a folder that only its owner can read.

    What is there: agency.toml, rules for all clients, and an empty database. The folder is made, or empty.

    --database makes roles, tables and policies in a PostgreSQL, as the user it names, whose password comes
    from PGPASSWORD or ~/.pgpass. How the server logs in is kept in secrets/. Clients, keys and audit stay in
    the home all the same.
    """
    from idse_orchestrator.server.tenants.home import make_home

    made = make_home(home, url=url, rules=wiring.FIRST_RULES, database=wiring.database_maker(database))
    steps = (
        "idse agency client add NAME",
        "idse agency key issue NAME --scope read,push,create",
        "idse agency serve",
    )
    lines = [Said(f"made the home of an Agency in {made.path}"), *(Said(f"next: {step}") for step in steps)]
    return Answer("idse.agency-init/1", lambda: {"home": made.path, "next": list(steps)}, lines)


@agency_command("backup")
@click.argument("folder", type=click.Path(file_okay=False))
@flag("--with-secrets", help="Also what is in secrets/: keep such a backup as you keep those.")
def backup(run: Run, home: str, folder: str, *, with_secrets: bool) -> Answer:
    """Write everything into FOLDER, which is made, or empty: repositories, database, rules, configuration.

    Pushes go on meanwhile. The manifest with all checksums is written last: without one, a backup is not
    whole, and restore refuses it.
    """
    from idse_orchestrator.server.tenants.backup import back_up
    from idse_orchestrator.server.tenants.bundles import agency_git

    tenants = wiring.tenants_at(home, os.environ)
    today = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    saved = back_up(
        tenants,
        agency_git(os.environ),
        folder,
        today,
        with_secrets=with_secrets,
        say=run.terminal.progress,
    )
    run.terminal.progress("")
    return Answer("idse.agency-backup/1", lambda: _saved(folder, saved), [Said(_counts("saved", saved))])


@agency_command("restore")
@click.argument("folder", type=click.Path(file_okay=False))
def restore(run: Run, home: str, folder: str) -> Answer:
    """Make a home of the backup in FOLDER, where nothing stands or an empty folder.

    Every file is compared with its checksum first, and every ledger is read at the end, as idse fsck does.
    Exit code 1 says that a ledger has a defect; it came back as it was saved.
    """
    from idse_orchestrator.server.tenants import backup as backups
    from idse_orchestrator.server.tenants.bundles import agency_git

    saved, defects = backups.restore(
        folder,
        home,
        agency_git(os.environ),
        check=wiring.ledger_check(os.environ),
        say=run.terminal.progress,
    )
    run.terminal.progress("")
    return Answer(
        "idse.agency-restore/1",
        lambda: {**_saved(home, saved), "defects": defects},
        _restored(saved, defects),
        code=EXIT_CHECK_FAILED if defects else EXIT_OK,
    )


def _restored(saved: Saved, defects: Mapping[str, int]) -> Iterator[str]:
    yield Said(_counts("restored", saved))
    for name, count in defects.items():
        yield Warned(
            f"{name}: {counted(count, 'defect')} in its ledgers; idse agency doctor --fsck says more"
        )
    yield Said("next: idse agency doctor")


def _saved(folder: str, saved: Saved) -> dict[str, object]:
    return {"folder": folder, **saved._asdict()}


def _counts(done: str, saved: Saved) -> str:
    repositories = f"{saved.repositories} {'repository' if saved.repositories == 1 else 'repositories'}"
    parts = (counted(saved.clients, "client"), repositories, counted(saved.refs, "ref", ","))
    return f"{done} {', '.join(parts)}: {size_words(saved.bytes)}"


@agency_command("doctor")
@flag("--fix", help="Mend what can be mended without losing anything.")
@flag("--fsck", help="Also read every ledger of every repository.")
def doctor(run: Run, home: str, *, fix: bool, fsck: bool) -> Answer:
    """Check rights, configuration, database, audit, folders, disk and clock, and what killed pushes left.

    With --fix, what is safe is mended and said: rights, folders that moved half, missing rows and records,
    quarantines older than a day. Where there is no database, clients and repositories are made anew from
    the folders; keys and audit come back from a backup alone. Exit code 1 says that a problem remains.
    """
    from idse_orchestrator.base.checkup import examine

    results = examine(wiring.checks_at(home, os.environ, with_ledgers=fsck), mend=fix)
    healthy = all(result.is_well for result in results)
    return Answer(
        "idse.agency-doctor/1",
        lambda: {"healthy": healthy, "checks": [result_data(each) for each in results]},
        result_lines(
            results,
            run.terminal.style,
            everything=bool(run.terminal.verbose),
            command="idse agency doctor",
        ),
        code=EXIT_OK if healthy else EXIT_CHECK_FAILED,
    )
