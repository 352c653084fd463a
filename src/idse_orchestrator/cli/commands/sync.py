"""``idse sync``: push ledgers to the Agency, pull from it, compare, and say where it is."""

from __future__ import annotations

import click

from idse_orchestrator.cli.options import command
from idse_orchestrator.cli.render.sync import setup_lines
from idse_orchestrator.cli.render.sync_status import standing_data, standing_lines, standing_summary
from idse_orchestrator.cli.run import Run
from idse_orchestrator.cli.syncing import run_pull, run_push
from idse_orchestrator.errors import EXIT_OK


@command("push", reads=True, project=False)
@click.option("-n", "--dry-run", is_flag=True, help="Only say what would be sent.")
def push(run: Run, *, dry_run: bool) -> int:
    """Send what the Agency does not have: ledgers, notes and sync points, all of them or none.

    What the Agency has and this repository does not is pulled first. Every ref is held to the publish
    guard: nothing of the repository but its IDSE documents ever leaves. Exit code 1: a ref was refused
    or rejected; 3: others kept pushing; 4: not authorized; 5: the Agency cannot be reached, and what
    waits is sent by the next push.
    """
    return run_push(run, dry_run=dry_run)


@command("pull", reads=True, project=False)
def pull(run: Run) -> int:
    """Bring what the Agency has. Everything is judged before a ref of this repository points at it.

    Where both sides went on, both histories are joined. The documents in your work tree are not touched:
    `idse restore` brings them. A ref that is no sound ledger is named and left out; exit code 1.
    """
    return run_pull(run)


@command("status", reads=True, project=False)
@click.option("--all", "everything", is_flag=True, help="List those that are equal, too.")
def status(run: Run, *, everything: bool) -> int:
    """Say how each ledger here stands to the Agency's: equal, ahead, behind, diverged or conflicted.

    Nothing is changed on either side. Where the Agency cannot be reached, what it had when it was last
    reached is compared instead, and the exit code is 5.
    """
    from idse_orchestrator.sync.status import sync_status

    with run.app.sync.open(run.terminal.progress, alone=False) as syncing:
        found = sync_status(syncing)
    if run.terminal.as_json:
        from idse_orchestrator.cli.render.envelope import diagnostic, envelope

        problems = [diagnostic(found.unreachable)] if found.unreachable else []
        run.terminal.data(envelope("idse.sync-status/1", standing_data(found), problems))
        return found.unreachable.exit_code if found.unreachable else EXIT_OK
    run.terminal.say(f"agency {found.agency.url}")
    for line in standing_lines(found, run.terminal.style, everything=everything):
        run.terminal.data(line)
    run.terminal.say(standing_summary(found))
    if found.unreachable:
        raise found.unreachable
    return EXIT_OK


@command("setup", reads=True, project=False)
@click.argument("url", metavar="[URL]", default="")
@click.option("--remote", default="agency", metavar="NAME", help="The git remote to be the Agency.")
def setup(run: Run, url: str, remote: str) -> int:
    """Say where the Agency is: write a normal git remote for it, or make an existing one the Agency.

    After that plain `git push agency` and `git fetch agency` do the right thing, too. URL is whatever git
    can reach: a path, ssh, https. `--remote origin` makes the remote of your code the Agency as well. A
    remote that leads elsewhere is never changed, and a second run changes nothing.
    """
    done = run.app.sync.set_up(url, remote)
    if run.terminal.as_json:
        from idse_orchestrator.cli.render.envelope import envelope

        data = {"url": done.agency.url, "remote": done.agency.remote, "written": done.written}
        doubts = [{"severity": "warning", "message": doubt} for doubt in done.doubts]
        run.terminal.data(envelope("idse.sync-setup/1", data, doubts))
        return EXIT_OK
    for line in setup_lines(done):
        run.terminal.say(line)
    for doubt in done.doubts:
        run.terminal.warn(doubt)
    return EXIT_OK


def build() -> click.Command:
    """The group."""
    return click.Group("sync", commands=[push, pull, status, setup], help="Push, pull and compare ledgers.")
