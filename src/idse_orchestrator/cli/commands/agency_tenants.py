"""``idse agency client`` and ``repository``: who is served, and what of theirs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from idse_orchestrator.cli.options import Group, Option, agency_command, flag
from idse_orchestrator.cli.render.agency import (
    client_details,
    client_lines,
    done_answer,
    list_answer,
    repository_details,
    repository_lines,
    row_data,
)
from idse_orchestrator.cli.terminal import Answer, Said
from idse_orchestrator.errors import UsageError
from idse_orchestrator.server.model.names import check_place
from idse_orchestrator.server.tenants.configuration import size
from idse_orchestrator.wiring.agency import tenants_at

if TYPE_CHECKING:
    from idse_orchestrator.cli.terminal import Run

_CLIENT = "idse.agency-client/1"
_REPOSITORY = "idse.agency-repository/1"

_name = click.argument("name", metavar="CLIENT")
_place = click.argument("place", metavar="CLIENT/REPOSITORY")


def _confirm(what: str) -> Option:
    return click.option("--confirm", default="", metavar="NAME", help=f"The name of the {what}, typed again.")


def _bytes(_context: click.Context, parameter: click.Parameter, value: str | None) -> int | None:
    try:
        return None if value is None else size(value)
    except ValueError as error:
        raise UsageError(f"--{parameter.name} cannot be {value!r}", cause=str(error)) from error


_max_bytes = click.option(
    "--bytes",
    metavar="SIZE",
    callback=_bytes,
    help="What all its repositories may take: 5G, 800M; 0: no limit.",
)
_max_repositories = click.option(
    "--repositories",
    type=click.IntRange(0),
    metavar="N",
    help="How many repositories it may have; 0: no limit.",
)


# --- clients ---


@agency_command("add")
@_name
@_max_bytes
@_max_repositories
def add_client(_run: Run, home: str, name: str, bytes: int | None, repositories: int | None) -> Answer:  # noqa: A002 - the option's name
    """Add a client. Its name stands in addresses, and is given once."""
    tenants = tenants_at(home, os.environ)
    set_up = tenants.home.configuration(os.environ)
    added = tenants.add_client(
        name,
        max_bytes=set_up.client_bytes if bytes is None else bytes,
        max_repositories=set_up.client_repositories if repositories is None else repositories,
    )
    return done_answer(_CLIENT, added, f"added client {added.name}", f"idse agency key issue {added.name}")


@agency_command("list")
def list_clients(_run: Run, home: str) -> Answer:
    """List all clients: repositories, size, last push, keys."""
    clients = tenants_at(home, os.environ).admin.clients()
    return list_answer("idse.agency-clients/1", clients, client_lines)


@agency_command("show")
@_name
def show_client(_run: Run, home: str, name: str) -> Answer:
    """Show a client: its quota, its repositories, its valid keys."""
    admin = tenants_at(home, os.environ).admin
    found = admin.client(name)
    repositories, keys = admin.repositories(found.name), admin.keys.all(found.name)
    return Answer(
        _CLIENT,
        lambda: {
            **row_data(found),
            "repositories": list(map(row_data, repositories)),
            "keys": list(map(row_data, keys)),
        },
        client_details(found, repositories, keys),
    )


@agency_command("quota")
@_name
@_max_bytes
@_max_repositories
def quota(_run: Run, home: str, name: str, bytes: int | None, repositories: int | None) -> Answer:  # noqa: A002 - the same
    """Set what a client may keep. A push that would go beyond it is refused."""
    if bytes is None and repositories is None:
        raise UsageError("there is nothing to set", fix=("name --bytes, --repositories, or both",))
    admin = tenants_at(home, os.environ).admin
    found = admin.set_quota(name, max_bytes=bytes, max_repositories=repositories)
    return done_answer(_CLIENT, found, f"set the quota of {found.name}")


@agency_command("rename")
@_name
@click.argument("new", metavar="NEW")
def rename_client(_run: Run, home: str, name: str, new: str) -> Answer:
    """Rename a client. Its old addresses lead to the new ones."""
    found = tenants_at(home, os.environ).rename_client(name, new)
    return done_answer(_CLIENT, found, f"client {name} is called {found.name} now")


@agency_command("archive")
@_name
def archive_client(_run: Run, home: str, name: str) -> Answer:
    """End all pushes of a client. Reads go on. One that is under way is waited for."""
    found = tenants_at(home, os.environ).archive_client(name)
    return done_answer(_CLIENT, found, f"client {found.name} is archived: reads go on, pushes are refused")


@agency_command("delete")
@_name
@_confirm("client")
@flag("--purge", help="Also remove bundles of its repositories, and details in the audit.")
def delete_client(_run: Run, home: str, name: str, confirm: str, *, purge: bool) -> Answer:
    """Delete a client that is archived and has no repository any more. Its keys end at once."""
    found = tenants_at(home, os.environ).delete_client(name, confirm=confirm, purge=purge)
    return done_answer(_CLIENT, found, f"deleted client {found.name}")


client = Group(
    "client",
    commands=[add_client, list_clients, show_client, quota, rename_client, archive_client, delete_client],
    help="Add, list, rename, archive and delete clients.",
)


# --- repositories ---


@agency_command("add")
@_place
def add_repository(_run: Run, home: str, place: str) -> Answer:
    """Add an empty repository. A key with scope create does it by its first push."""
    tenants = tenants_at(home, os.environ)
    tenants.add_repository(check_place(place))
    found = tenants.admin.repository(check_place(place))
    return done_answer(_REPOSITORY, found, f"added repository {found.place}")


@agency_command("list")
@click.argument("name", required=False, default="", metavar="[CLIENT]")
def list_repositories(_run: Run, home: str, name: str) -> Answer:
    """List the repositories of all clients, or of one: size, last push."""
    found = tenants_at(home, os.environ).admin.repositories(name)
    return list_answer("idse.agency-repositories/1", found, repository_lines)


@agency_command("show")
@_place
def show_repository(_run: Run, home: str, place: str) -> Answer:
    """Show a repository: its address, its folder, its size, the names that it had."""
    tenants = tenants_at(home, os.environ)
    found = tenants.admin.repository(check_place(place))
    base = tenants.home.configuration(os.environ).url
    url, path = f"{base}/git/{found.place}.git" if base else "", tenants.home.git_dir(found.place)
    return Answer(
        _REPOSITORY,
        lambda: {**row_data(found), "url": url or None, "folder": path},
        repository_details(found, url, path),
    )


@agency_command("rename")
@_place
@click.argument("new", metavar="NEW")
def rename_repository(_run: Run, home: str, place: str, new: str) -> Answer:
    """Rename a repository of a client. Its old address leads to the new one."""
    found = tenants_at(home, os.environ).rename_repository(check_place(place), new)
    return done_answer(_REPOSITORY, found, f"repository {place} is called {found.place} now")


@agency_command("archive")
@_place
def archive_repository(_run: Run, home: str, place: str) -> Answer:
    """End pushes to a repository. Reads go on. One that is under way is waited for."""
    found = tenants_at(home, os.environ).archive_repository(check_place(place))
    return done_answer(
        _REPOSITORY, found, f"repository {found.place} is archived: reads go on, pushes are refused"
    )


@agency_command("delete")
@_place
@_confirm("repository")
@flag("--purge", help="Also remove its bundle, kept verdicts, and details in the audit; may be done later.")
def delete_repository(_run: Run, home: str, place: str, confirm: str, *, purge: bool) -> Answer:
    """Delete a repository that is archived, once a bundle of it is in backup/ of the home."""
    tenants = tenants_at(home, os.environ)
    found, bundle = tenants.delete_repository(check_place(place), confirm=confirm, purge=purge)
    kept = f"; its bundle is {bundle}" if bundle else ""
    lines = [Said(f"deleted repository {found.place}{kept}")]
    return Answer(_REPOSITORY, lambda: {**row_data(found), "bundle": bundle or None}, lines)


repository = Group(
    "repository",
    commands=[
        add_repository,
        list_repositories,
        show_repository,
        rename_repository,
        archive_repository,
        delete_repository,
    ],
    help="Add, list, rename, archive and delete repositories.",
)
