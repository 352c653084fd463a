"""``idse sync``: push ledgers to the Agency, pull from it, compare, and say where it is.

Push and pull start without click (see ``cli/main.py``), which costs more than finding nothing to do.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import TYPE_CHECKING

from idse_orchestrator.cli.render.sync import brought_folder, outcome_answer, setup_lines
from idse_orchestrator.cli.terminal import Answer, Said, Warned, remark
from idse_orchestrator.errors import EXIT_OK
from idse_orchestrator.ledger.refs import session_ref
from idse_orchestrator.sync.published_refs import PULL, PUSH
from idse_orchestrator.sync.syncing import no_news

if TYPE_CHECKING:
    import click

    from idse_orchestrator.cli.terminal import Run
    from idse_orchestrator.sync.push import SyncStatus
    from idse_orchestrator.sync.syncing import Syncing, SyncOutcome


def push(run: Run, *, dry_run: bool = False) -> Answer:
    """Send what the Agency does not have: ledgers, notes and sync points, all of them or none.

    What the Agency has and this repository does not is pulled first. Every ref is held to the publish
    guard: nothing of the repository but its IDSE documents ever leaves. Exit code 1: a ref was refused
    or rejected; 3: others kept pushing, or a ledger here has a conflict; 4: not authorized; 5: the Agency
    cannot be reached, and what waits is sent by the next push.
    """
    if not dry_run:
        run.app.carry_rules()
    with run.app.sync.open(run.terminal.progress, sends=not dry_run) as syncing:
        outcome = no_news(syncing, PUSH) or _push(syncing, dry_run=dry_run)
    if outcome.refs and not dry_run:
        _afterwards(run)
    return outcome_answer("idse.sync-push/2", outcome, run.terminal.style, dry_run=dry_run)


def pull(run: Run) -> Answer:
    """Bring what the Agency has. Everything is judged before a ref of this repository points at it.

    Where both sides went on, both histories are joined. The documents in your work tree are not touched:
    `idse restore` brings them. Only where the session you work on has no folder, here or on a branch, that
    comes from its ledger, as with `idse switch`. A ref that is no sound ledger is named and left out; exit
    code 1. A conflict that this or an earlier sync left in a ledger is named with its line; exit code 3.
    """
    with run.app.sync.open(run.terminal.progress) as syncing:
        outcome = no_news(syncing, PULL) or _pull(syncing)
    if outcome.refs:
        _afterwards(run)
    return outcome_answer("idse.sync-pull/2", outcome, run.terminal.style, brought=brought_folder(run))


def _push(syncing: Syncing, *, dry_run: bool) -> SyncOutcome:
    from idse_orchestrator.sync.push import plan_push
    from idse_orchestrator.sync.push import push as send

    gc.enable()  # what there is to do may be much
    return plan_push(syncing) if dry_run else send(syncing)


def _pull(syncing: Syncing) -> SyncOutcome:
    from idse_orchestrator.sync.pull import pull as bring

    gc.enable()
    return bring(syncing)


def _afterwards(run: Run) -> None:
    run.app.views.refresh_all()
    run.app.sync.tidy()


def _status(run: Run, *, everything: bool) -> Answer:
    """Say how each ledger here stands to the Agency's: equal, ahead, behind, diverged or conflicted.

    Nothing is changed on either side. Where the Agency cannot be reached, what it had when it was last
    reached is compared instead, and the exit code is 5.
    """
    from idse_orchestrator.cli.envelope import diagnostic
    from idse_orchestrator.cli.render.sync import standing_data
    from idse_orchestrator.sync.push import sync_status

    with run.app.sync.open(run.terminal.progress, alone=False) as syncing:
        found = sync_status(syncing)
    found = found.without(_deleted(run))
    return Answer(
        "idse.sync-status/1",
        lambda: standing_data(found),
        _standing_lines(run, found, everything=everything),
        [diagnostic(found.unreachable)] if found.unreachable else [],
        found.unreachable.exit_code if found.unreachable else EXIT_OK,
    )


def _deleted(run: Run) -> frozenset[str]:
    """Returns the refs of sessions that were deleted: where they are equal there is nothing to say."""
    reader = run.app.reader
    states = [run.app.known_states(project) for project in sorted({key[0] for key in reader.sessions()})]
    found = {key for each in states for key, state in each.items() if state.is_deleted}
    return frozenset(session_ref(*key) for key in found)


def _standing_lines(run: Run, found: SyncStatus, *, everything: bool) -> Iterator[str]:
    from idse_orchestrator.cli.render.sync import ref_label, standing_lines, standing_summary, teammate_line
    from idse_orchestrator.cli.render.warnings import markers_warning

    yield Said(f"agency {found.agency.url}")
    yield from standing_lines(found, run.terminal.style, everything=everything)
    for place in found.conflicts:
        yield markers_warning(ref_label(place.ref), place)
    yield Said(standing_summary(found))
    yield Said(teammate_line(found.agency))
    if found.unreachable:
        raise found.unreachable


def _setup(run: Run, url: str, remote: str) -> Answer:
    """Say where the Agency is: write a normal git remote for it, or make an existing one the Agency.

    After that plain `git push agency` and `git fetch agency` do the right thing, too. URL is whatever git
    can reach: a path, ssh, https. `--remote origin` makes the remote of your code the Agency as well. A
    remote that leads elsewhere is never changed, and a second run changes nothing.
    """
    done = run.app.sync.set_up(url, remote)
    return Answer(
        "idse.sync-setup/1",
        lambda: {"url": done.agency.url, "remote": done.agency.remote, "written": done.written},
        [*map(Said, setup_lines(done)), *map(Warned, done.doubts)],
        [remark("warning", doubt) for doubt in done.doubts],
    )


def sync() -> click.Group:
    """Makes the click group."""
    import click

    from idse_orchestrator.cli.options import Group, command, flag

    dry_run = flag("-n", "--dry-run", help="Only say what would be sent.")
    everything = flag("--all", "everything", help="List those that are equal, too.")
    url = click.argument("url", metavar="[URL]", default="")
    remote = click.option(
        "--remote", default="agency", metavar="NAME", help="The git remote to be the Agency."
    )
    commands = [
        command("push", dry_run, reads=True, project=False)(push),
        command("pull", reads=True, project=False)(pull),
        command("status", everything, reads=True, project=False)(_status),
        command("setup", url, remote, reads=True, project=False)(_setup),
    ]
    return Group("sync", commands=commands, help="Push, pull and compare ledgers.")
