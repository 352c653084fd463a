"""`idse agents install`, `uninstall` and `status`: the files that tell agents of idse."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from idse_orchestrator.agents.agent_files import AGENTS, CLAUDE
from idse_orchestrator.agents.file_standing import EDITED, OUTDATED, UNCLEAR, hooks_off, standing_files
from idse_orchestrator.agents.install_files import (
    ABSENT,
    ADDED,
    CREATED,
    RENEWED,
    files_of,
    install_agent_files,
    uninstall_agent_files,
)
from idse_orchestrator.cli.options import command
from idse_orchestrator.cli.render.agent_files import outcome_lines, standing_data, standing_page
from idse_orchestrator.errors import EXIT_CHECK_FAILED, EXIT_OK, AgentFileKeptError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from idse_orchestrator.agents.agent_files import AgentFile
    from idse_orchestrator.agents.install_files import FileOutcome
    from idse_orchestrator.cli.run import Run

_only = click.option(
    "--only", default="", metavar="AGENTS", help="Of claude, codex, cursor, with commas between."
)
_dry_run = click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")


@command("install", project=False)
@_only
@click.option("--force", is_flag=True, help="Write anew what somebody changed by hand.")
@_dry_run
def install(run: Run, *, only: str, force: bool, dry_run: bool) -> int:
    """Tell Claude Code, Codex and Cursor about idse, and have the first two call it.

    Puts one marked block into CLAUDE.md, AGENTS.md and .cursor/rules/idse.mdc, and three hooks into
    .claude/settings.json and .codex/hooks.json. What stands around them is not touched, and doing it twice
    changes nothing. A block or hook that somebody changed, and a file in which ours cannot be told from
    theirs, is left as it is; the exit code is then 3. Nothing is committed.
    """
    outcomes = install_agent_files(run.app.agent_files, _files(only), force=force, dry_run=dry_run)
    _tell(run, outcomes, dry_run=dry_run)
    if not dry_run:
        say_what_follows(run, outcomes)
    refuse_kept(run, outcomes)
    return EXIT_OK


@command("uninstall", project=False)
@_only
@click.option("--force", is_flag=True, help="Also take out a block or command that somebody changed by hand.")
@_dry_run
def uninstall(run: Run, *, only: str, force: bool, dry_run: bool) -> int:
    """Take idse's blocks and hooks out of the agents' files again.

    What stands around them stays, byte for byte. Files and folders that were made for them go, unless
    something else is in them by now.
    """
    outcomes = uninstall_agent_files(run.app.agent_files, _files(only), force=force, dry_run=dry_run)
    if all(outcome.result == ABSENT for outcome in outcomes):
        run.terminal.say("nothing of idse is in the agents' files here")
        return EXIT_OK
    _tell(run, outcomes, dry_run=dry_run)
    refuse_kept(run, outcomes, "uninstall", "takes edited ones out, too")
    return EXIT_OK


@command("status", reads=True, project=False)
def status(run: Run) -> int:
    """Show what of idse stands in the agents' files. The exit code is 1 where something should be mended."""
    standings = standing_files(run.app.agent_files)
    program = _program(run)
    if run.terminal.as_json:
        from idse_orchestrator.cli.render.envelope import envelope

        run.terminal.data(envelope("idse.agents-status/1", standing_data(standings, program)))
    else:
        run.terminal.data(standing_page(standings, program, run.terminal.style))
    bad = any(each.condition in (OUTDATED, EDITED, UNCLEAR) for each in standings)
    return EXIT_CHECK_FAILED if bad else EXIT_OK


COMMANDS = (install, uninstall, status)
"""Sub-commands of `idse agents`."""


def say_what_follows(run: Run, outcomes: Sequence[FileOutcome]) -> None:
    """What a person has to do, or to know, after agent files were written."""
    written = [outcome for outcome in outcomes if outcome.result in (CREATED, ADDED, RENEWED)]
    if any(outcome.file.hooks and outcome.file.agent == "codex" for outcome in written):
        run.terminal.say("Codex runs a hook only once you trust it: type /hooks in Codex")
    if any(outcome.file.hooks for outcome in outcomes) and not _program(run):
        run.terminal.warn("idse is not on PATH, so no agent can call it (pipx install idse-orchestrator)")
    if any(outcome.file.hooks and outcome.file.agent == CLAUDE for outcome in written):
        off = hooks_off(run.app.agent_files)
        if off:
            run.terminal.warn(off)
    if written:
        run.terminal.say("nothing is committed: commit these files, and they work in every clone")


def refuse_kept(
    run: Run,
    outcomes: Sequence[FileOutcome],
    again: str = "install",
    with_force: str = "writes edited ones anew",
) -> None:
    """AgentFileKeptError where a file was left as it is; what to paste goes to standard output."""
    kept = [outcome for outcome in outcomes if outcome.is_trouble]
    if not kept:
        return
    for outcome in kept:
        if outcome.paste:
            run.terminal.say(f"to be put into {outcome.file.path} by hand:")
            run.terminal.data(outcome.paste)
    first = kept[0]
    count = "1 file was" if len(kept) == 1 else f"{len(kept)} files were"
    others = [f"{outcome.file.at(outcome.line)}: {outcome.detail}" for outcome in kept[1:]]
    raise AgentFileKeptError(
        f"{count} left as they are" if len(kept) > 1 else f"{count} left as it is",
        where=first.file.at(first.line),
        cause="; ".join([first.detail, *others]),
        fix=(
            f"mend it, then: idse agents {again}",
            f"idse agents {again} --force    ({with_force})",
        ),
    )


def kept_diagnostics(outcomes: Sequence[FileOutcome]) -> list[dict[str, object]]:
    """The same for a reader of JSON."""
    return [
        {
            "severity": "error",
            "code": AgentFileKeptError.code,
            "message": f"left as it is: {each.detail}",
            "where": each.file.at(each.line),
        }
        for each in outcomes
        if each.is_trouble
    ]


def _files(only: str) -> Sequence[AgentFile]:
    if not only:
        return files_of()
    names = [name.strip() for name in only.split(",")]
    unknown = [name for name in names if name not in AGENTS]
    if unknown:
        raise UsageError(
            f"there is no agent file for {unknown[0]!r}", cause="agents with files: " + ", ".join(AGENTS)
        )
    return files_of(names)


def _tell(run: Run, outcomes: Sequence[FileOutcome], *, dry_run: bool) -> None:
    for line in outcome_lines(outcomes):
        if dry_run:
            run.terminal.data(line)
        else:
            run.terminal.say(line)


def _program(run: Run) -> str:
    """The idse that agents would start; "" where there is none."""
    import shutil

    return shutil.which("idse", path=run.app.environment.get("PATH")) or ""
