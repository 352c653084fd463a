"""``idse agency key``: who may do what, and for how long."""

from __future__ import annotations

import os
import shutil
import sys
from typing import TYPE_CHECKING

import click

from idse_orchestrator.base.text import one_word
from idse_orchestrator.cli.options import Group, agency_command, flag
from idse_orchestrator.cli.render.agency import key_data, key_lines
from idse_orchestrator.cli.terminal import Answer, Said
from idse_orchestrator.errors import UsageError
from idse_orchestrator.server.model.push import SCOPES
from idse_orchestrator.server.tenants.issued_keys import Wanted
from idse_orchestrator.server.tenants.keys import authorized_keys_line, duration
from idse_orchestrator.wiring.agency import tenants_at

if TYPE_CHECKING:
    from idse_orchestrator.cli.terminal import Run
    from idse_orchestrator.server.tenants.home import Home
    from idse_orchestrator.server.tenants.keys import Key

_KEY = "idse.agency-key/1"
_id = click.argument("key_id", metavar="KEY-ID")


@agency_command("issue")
@click.argument("client", required=False, metavar="CLIENT")
@flag("--admin", help="A key of an operator, for all clients.")
@click.option("--name", default="", metavar="NAME", help="Whose it is, or what it is for.")
@click.option("--email", multiple=True, metavar="EMAIL", help="An e-mail under which its person commits.")
@click.option("--role", default="", metavar="ROLE", help="What its person does.")
@click.option("--agent", default="", metavar="NAME", help="The agent that it belongs to: it never approves.")
@click.option(
    "--scope",
    multiple=True,
    default=("read,push",),
    show_default="read,push",
    metavar="SCOPE",
    help=f"What it may do: {', '.join(SCOPES)}; several with commas.",
)
@click.option("--repository", multiple=True, metavar="NAME", help="Limit it to this repository.")
@click.option("--project", "projects", multiple=True, metavar="NAME", help="Limit it to this project.")
@click.option("--expires", metavar="DURATION", help="When it ends: 90d, 12h.")
@click.option(
    "--ssh",
    type=click.Path(exists=True, dir_okay=False),
    metavar="FILE",
    help="A public key of ssh: print its line for authorized_keys instead.",
)
def issue(  # noqa: PLR0913 - one for each option
    _run: Run,
    home: str,
    client: str | None,
    *,
    admin: bool,
    name: str,
    email: tuple[str, ...],
    role: str,
    agent: str,
    scope: tuple[str, ...],
    repository: tuple[str, ...],
    projects: tuple[str, ...],
    expires: str | None,
    ssh: str | None,
) -> Answer:
    """Issue a key, and print it this one time: only a hash of it is kept.

    It goes into a password manager or a credential helper of git, where the user name is the client's.
    """
    if admin == bool(client):
        raise UsageError(
            "a key is for a client or for an operator",
            fix=("idse agency key issue CLIENT", "idse agency key issue --admin"),
        )
    tenants = tenants_at(home, os.environ)
    public = _public_key(ssh) if ssh else ""
    wanted = Wanted(
        client or "",
        name,
        tuple(part for each in scope for part in each.replace(" ", "").split(",") if part),
        email,
        role,
        agent,
        repository,
        projects,
        duration(expires) if expires else 0,
    )
    key, secret = tenants.admin.keys.issue(wanted)
    if public:
        line = authorized_keys_line(public, _ssh_command(tenants.home, key))
        return Answer(
            _KEY,
            lambda: {**key_data(key), "secret": None, "authorized_keys": line},
            [Said(f"key {key.id}: this line goes into ~/.ssh/authorized_keys of the server's user"), line],
        )
    return _secret_answer(
        key, secret, f"key {key.id} of {key.client or 'the operator'}, shown this one time:"
    )


def _public_key(path: str) -> str:
    """Returns the public key in a file; UsageError where it holds none."""
    with open(path, encoding="utf-8", errors="replace") as file:
        text = file.read(1 << 16)
    authorized_keys_line(text, "")
    return text


def _ssh_command(home: Home, key: Key) -> str:
    program = os.path.abspath(sys.argv[0])
    if os.path.basename(program) != "idse" or not os.access(program, os.X_OK):
        program = shutil.which("idse") or "idse"
    return f"{one_word(program)} agency --home {one_word(home.path)} ssh-shell {key.id}"


@agency_command("list")
@click.argument("client", required=False, default="", metavar="[CLIENT]")
def list_keys(_run: Run, home: str, client: str) -> Answer:
    """List all keys, or those of a client: what each may do, until when, and when it was last used."""
    found = tenants_at(home, os.environ).admin.keys.all(client)
    return Answer("idse.agency-keys/1", lambda: list(map(key_data, found)), key_lines(found))


@agency_command("revoke")
@_id
def revoke(_run: Run, home: str, key_id: str) -> Answer:
    """End a key at once: the next request with it is refused."""
    found = tenants_at(home, os.environ).admin.keys.revoke(key_id)
    return Answer(_KEY, lambda: key_data(found), [Said(f"key {found.id} is revoked")])


@agency_command("rotate")
@_id
@click.option("--overlap", default="7d", show_default=True, metavar="DURATION", help="How long both hold.")
def rotate(_run: Run, home: str, key_id: str, overlap: str) -> Answer:
    """Issue a key in the place of another, which ends after the overlap; the new one is printed."""
    key, secret = tenants_at(home, os.environ).admin.keys.rotate(key_id, duration(overlap))
    return _secret_answer(key, secret, f"key {key.id} replaces {key_id}, which ends in {overlap}:")


def _secret_answer(key: Key, secret: str, says: str) -> Answer:
    return Answer(_KEY, lambda: {**key_data(key), "secret": secret}, [Said(says), secret])


key = Group("key", commands=[issue, list_keys, revoke, rotate], help="Issue, list, rotate and revoke keys.")
