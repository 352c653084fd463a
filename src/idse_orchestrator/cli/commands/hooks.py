"""`idse hooks`: install, remove and look at the git hooks that call idse."""

from __future__ import annotations

import click

from idse_orchestrator.cli.options import command
from idse_orchestrator.cli.render.hooks import (
    all_absent,
    hooks_data,
    hooks_page,
    outcome_lines,
    worktree_notice,
)
from idse_orchestrator.cli.run import Run
from idse_orchestrator.errors import EXIT_CHECK_FAILED, EXIT_CONFLICT, EXIT_OK, HooksRefusedError
from idse_orchestrator.worktree.hooks.hook import SKIPPED, HooksReport
from idse_orchestrator.worktree.hooks.install import hooks_status, install_hooks, uninstall_hooks


@command("install", project=False)
@click.option("--force", is_flag=True, help="Write them even where a hook manager is in charge.")
def install(run: Run, *, force: bool) -> int:
    """Make git call idse when something is committed, merged or rewritten.

    A hook of yours is kept, and runs first. Where pre-commit, husky or lefthook is in charge, nothing is
    written: the lines for its configuration are printed to standard output, and the exit code is 3. It is 3
    too where a hook could not be written. Doing it twice changes nothing.
    """
    report = install_hooks(run.app.hook_files(), force=force)
    if report.refusal and not report.works:
        if report.place.manager:
            run.terminal.data(report.place.manager.snippet.rstrip("\n"))
        raise HooksRefusedError(report.refusal, where=report.place.folder, fix=report.fix)
    if report.refusal:
        run.terminal.say(f"nothing to do: {report.refusal}, and it calls idse already")
        return EXIT_OK
    _say_outcomes(run, report)
    return EXIT_OK if report.works else EXIT_CONFLICT


@command("uninstall", project=False)
def uninstall(run: Run) -> int:
    """Take idse's hooks away, and put back those that stood there before, byte for byte.

    A hook of ours that somebody edited stays; the exit code is then 3.
    """
    report = uninstall_hooks(run.app.hook_files())
    if all_absent(report):
        run.terminal.say("no hook of idse is installed here")
        return EXIT_OK
    _say_outcomes(run, report)
    return EXIT_CONFLICT if any(outcome.result == SKIPPED for outcome in report.outcomes) else EXIT_OK


@command("status", reads=True, project=False)
def status(run: Run) -> int:
    """Show how the hooks stand. The exit code is 1 unless git calls idse for every one of them."""
    report = hooks_status(run.app.hook_files())
    if run.terminal.as_json:
        from idse_orchestrator.cli.render.envelope import envelope

        run.terminal.data(envelope("idse.hooks-status/1", hooks_data(report)))
    else:
        run.terminal.data(hooks_page(report, run.terminal.style))
    return EXIT_OK if report.works else EXIT_CHECK_FAILED


def build() -> click.Command:
    """The group."""
    return click.Group(
        "hooks", commands=[install, uninstall, status], help="Install, remove and look at the git hooks."
    )


def _say_outcomes(run: Run, report: HooksReport) -> None:
    run.terminal.say(f"hooks in {report.place.folder}")
    run.terminal.say(outcome_lines(report))
    if notice := worktree_notice(report):
        run.terminal.warn(notice)
