"""``idse agency serve`` and what sshd runs instead of a shell."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from idse_orchestrator.cli.options import agency_command, flag
from idse_orchestrator.errors import EXIT_OK, UsageError
from idse_orchestrator.wiring.serving import agency_at

if TYPE_CHECKING:
    from idse_orchestrator.cli.terminal import Run


@agency_command(
    "serve",
    click.option("--listen", metavar="HOST:PORT", help="Where to listen; port 0 takes any that is free."),
    click.option("--socket", metavar="PATH", help="Listen on a unix socket instead."),
    flag("--read-only", help="Take no pushes: fetches go on."),
    reads=False,
)
def serve(_run: Run, home: str, *, listen: str | None, socket: str | None, read_only: bool) -> int:
    """Serve git to the clients of an Agency, and judge every push before anybody can read it.

    It tests itself first, and does not start unless bad pushes are refused. SIGTERM ends it: what is under
    way is finished. Put a proxy with TLS before it where others can reach it. One line of JSON for each
    request goes to standard output.
    """
    options = {"listen": listen, "read_only": "true" if read_only else None}
    agency = agency_at(home, os.environ, options)
    from idse_orchestrator.server.gateway.serve import Listening
    from idse_orchestrator.wiring.serving import serve_agency

    where = agency.configuration.listen
    host, colon, port = where.rpartition(":")
    if not socket and not (colon and port.isdecimal()):
        raise UsageError(f"{where!r} is no place to listen", fix=("--listen 127.0.0.1:8417",))
    listening = Listening(path=socket) if socket else Listening(host.strip("[]"), int(port))

    def tell(address: str) -> None:
        _tell(f"the Agency in {agency.home.path} listens at {address}")

    serve_agency(agency, listening, tell, _log)
    return EXIT_OK


@agency_command("ssh-shell", click.argument("key_id"), reads=False)
def ssh_shell(_run: Run, home: str, *, key_id: str) -> int:
    """Serve one git over ssh for the key KEY_ID: what `key issue --ssh` puts before a public key.

    sshd runs it instead of a shell. It takes nothing but git-upload-pack and git-receive-pack for a
    repository of the key's client, and judges pushes as the server does, which must run.
    """
    agency = agency_at(home, os.environ)
    from idse_orchestrator.server.gateway.ssh_shell import ssh_shell as shell

    asked, protocol = os.environ.get("SSH_ORIGINAL_COMMAND", ""), os.environ.get("GIT_PROTOCOL", "")
    return shell(agency, key_id, asked, protocol, _tell)


def _tell(words: str) -> None:
    sys.stderr.write(f"idse: {words}\n")
    sys.stderr.flush()


def _log(line: str) -> None:
    """Writes a line of the log to standard output, where the service manager takes it."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
