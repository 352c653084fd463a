"""``idse agency index``: the projection of an Agency, brought up to date, made anew, or compared."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from idse_orchestrator.base.text import counted
from idse_orchestrator.cli.options import agency_command, flag
from idse_orchestrator.cli.terminal import Answer, Said, Warned
from idse_orchestrator.errors import EXIT_CHECK_FAILED, EXIT_OK, UsageError
from idse_orchestrator.server.model.names import check_place
from idse_orchestrator.wiring import agency as wiring

if TYPE_CHECKING:
    from idse_orchestrator.cli.terminal import Run
    from idse_orchestrator.server.projection.index import Difference
    from idse_orchestrator.server.tenants.admin import Admin, Repository

_SHOWN = 100


@agency_command(
    "index",
    click.argument("where", metavar="[CLIENT[/REPOSITORY]]", required=False, default=""),
    flag(
        "--rebuild", help="Make all tables anew from git, beside those in use, then have them change places."
    ),
    flag("--compare", help="Say where the tables are not as git says. Exit code 1 if they differ."),
)
def index(run: Run, home: str, where: str, *, rebuild: bool, compare: bool) -> Answer:
    """Bring the projection up to date with git, rules and audit: the tables that REST, MCP and pages read.

    A server that runs does so by itself after each push, and every few minutes. Nothing is lost with the
    projection: it can be deleted at any time, and --rebuild makes it again while it is read.
    """
    from idse_orchestrator.server.projection import index as work

    if rebuild and (compare or where):
        raise UsageError(
            "--rebuild is about everything",
            cause="it makes all tables anew",
            fix=("idse agency index --rebuild", "idse agency index --compare"),
        )
    projector, admin = wiring.projector_at(home, os.environ)
    chosen = _chosen(admin, where)
    say = run.terminal.progress
    behind, differences = 0, list[work.Difference]()
    if rebuild:
        work.rebuild(projector, admin.repositories, say)
    else:
        behind = work.reconcile(projector, chosen, say)
        if compare:
            differences = work.compare(projector, chosen, say)
    say("")
    projector.store.close()
    done = (
        f"made anew from {_count(chosen)}" if rebuild else f"{counted(behind, 'ref', ',')} brought up to date"
    )
    return Answer(
        "idse.agency-index/1",
        lambda: {
            "repositories": len(chosen),
            "behind": behind,
            "rebuilt": rebuild,
            "differences": [
                {"table": each.table, "key": list(each.key), "what": each.what} for each in differences
            ],
        },
        _lines(done, chosen, differences, compared=compare),
        code=EXIT_CHECK_FAILED if differences else EXIT_OK,
    )


def _chosen(admin: Admin, where: str) -> Sequence[Repository]:
    if not where:
        return admin.repositories()
    if "/" not in where:
        return admin.repositories(where)
    return [admin.repository(check_place(where))]


def _count(chosen: Sequence[Repository]) -> str:
    return f"{len(chosen)} {'repository' if len(chosen) == 1 else 'repositories'}"


def _lines(
    done: str, chosen: Sequence[Repository], differences: Sequence[Difference], *, compared: bool
) -> Iterator[str]:
    yield Said(f"the projection: {done}")
    for each in differences[:_SHOWN]:
        key = "/".join(map(str, each.key))
        yield Warned(f"{each.table} {key}: {each.what}")
    if len(differences) > _SHOWN:
        yield Warned(f"and {len(differences) - _SHOWN:,} more")
    if differences:
        yield Said("next: idse agency index --rebuild")
    elif compared:
        yield Said(f"no row of {_count(chosen)} is otherwise than git says")
