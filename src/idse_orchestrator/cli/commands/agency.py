"""``idse agency``: a table of its commands, each of which is imported when it is called."""

from __future__ import annotations

import os
from importlib import import_module

import click

from idse_orchestrator.cli.options import AGENCY_HOME, Group

_TABLE = {
    "init": ("agency_home:init", "Make the home of an Agency."),
    "serve": ("agency_serve:serve", "Serve clients: their git remote, with a judge for each push."),
    "client": ("agency_tenants:client", "Add, list, rename, archive and delete clients."),
    "repository": ("agency_tenants:repository", "Add, list, rename, archive and delete repositories."),
    "key": ("agency_keys:key", "Issue, list, rotate and revoke keys."),
    "rules": ("agency_rules:rules", "Show the rules in force, and which sessions would fail today."),
    "index": ("agency_index:index", "Bring the projection up to date, make it anew, or compare it with git."),
    "backup": ("agency_home:backup", "Write a backup of everything into a folder."),
    "restore": ("agency_home:restore", "Make a home of a backup."),
    "doctor": ("agency_home:doctor", "Check the home, and mend what is safe."),
    "ssh-shell": ("agency_serve:ssh_shell", "What sshd runs for a key: git, judged as over http."),
}
_FOLDER = "idse_orchestrator.cli.commands"


class _Lazy(Group):
    """Lists the commands of the table, and imports the one that is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Names the commands in the order of the help."""
        return list(_TABLE)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - the same
        """Imports the command of that name; None where there is none."""
        if cmd_name not in _TABLE:
            return None
        module, _, name = _TABLE[cmd_name][0].partition(":")
        found: click.Command = getattr(import_module(f"{_FOLDER}.{module}"), name)
        return found

    def format_commands(
        self,
        ctx: click.Context,
        formatter: click.HelpFormatter,
    ) -> None:
        """Lists the commands with the summaries of the table: none is imported for it."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, _TABLE[name][1]) for name in self.list_commands(ctx)])


def _choose_home(context: click.Context, _option: click.Parameter, home: str | None) -> None:
    """Says to the command which home is meant; see `options.agency_command`."""
    context.meta[AGENCY_HOME] = os.path.abspath(home) if home else None


@click.group(
    "agency",
    cls=_Lazy,
    help="Run the Agency: a git remote of many clients, with rules that nobody can switch off.\n\n"
    "Everything it keeps is in one folder, its home, that --home or IDSE_AGENCY_HOME names.",
)
@click.option(
    "--home",
    metavar="DIR",
    expose_value=False,
    callback=_choose_home,
    help="The home of the Agency.  [env: IDSE_AGENCY_HOME]",
)
def agency() -> None:
    """Does nothing by itself."""
