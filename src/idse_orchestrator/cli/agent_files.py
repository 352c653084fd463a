"""`idse agents install`, `uninstall` and `status`: the files that tell agents of idse."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from idse_orchestrator.agents import install_files
from idse_orchestrator.agents.hook_settings import AGENTS, CLAUDE
from idse_orchestrator.cli.layout import aligned, printable
from idse_orchestrator.cli.options import command, flag
from idse_orchestrator.cli.terminal import Answer, Said, Warned, remark
from idse_orchestrator.errors import EXIT_CHECK_FAILED, EXIT_OK, AgentFileKeptError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from idse_orchestrator.agents.hook_settings import AgentFile
    from idse_orchestrator.cli.layout import Style
    from idse_orchestrator.cli.terminal import Run

_only = click.option(
    "--only", default="", metavar="AGENTS", help="Of claude, codex, cursor, with commas between."
)
_TO_MEND = {install_files.OUTDATED, install_files.EDITED, install_files.UNCLEAR}
_dry_run = flag("--dry-run", help="Say what would be done, and do nothing.")


@command("install", project=False)
@_only
@flag("--force", help="Write anew what somebody changed by hand.")
@_dry_run
def install(run: Run, *, only: str, force: bool, dry_run: bool) -> Answer:
    """Tell Claude Code, Codex and Cursor about idse, and have the first two call it.

    Puts one marked block into CLAUDE.md, AGENTS.md and .cursor/rules/idse.mdc, and three hooks into
    .claude/settings.json and .codex/hooks.json. What stands around them is not touched, and doing it twice
    changes nothing. A block or hook that somebody changed, and a file in which ours cannot be told from
    theirs, is left as it is; the exit code is then 3. Nothing is committed.
    """
    outcomes = install_files.install_agent_files(
        run.app.agent_files, _files(only), force=force, dry_run=dry_run
    )

    def lines() -> Iterator[str]:
        yield from _outcome_lines(outcomes, dry_run=dry_run)
        if not dry_run:
            yield from what_follows(run, outcomes)
        yield from refuse_kept(outcomes)

    return Answer(lines=lines())


@command("uninstall", project=False)
@_only
@flag("--force", help="Also take out a block or command that somebody changed by hand.")
@_dry_run
def uninstall(run: Run, *, only: str, force: bool, dry_run: bool) -> Answer:
    """Take idse's blocks and hooks out of the agents' files again.

    What stands around them stays, byte for byte. Files and folders that were made for them go, unless
    something else is in them by now.
    """
    outcomes = install_files.uninstall_agent_files(
        run.app.agent_files, _files(only), force=force, dry_run=dry_run
    )

    def lines() -> Iterator[str]:
        if all(outcome.result == install_files.ABSENT for outcome in outcomes):
            yield Said("nothing of idse is in the agents' files here")
            return
        yield from _outcome_lines(outcomes, dry_run=dry_run)
        yield from refuse_kept(outcomes, "uninstall", "takes edited ones out, too")

    return Answer(lines=lines())


@command("status", reads=True, project=False)
def status(run: Run) -> Answer:
    """Show what of idse stands in the agents' files. The exit code is 1 where something should be mended."""
    standings = tuple(install_files.standing_files(run.app.agent_files))
    program = _program(run)
    bad = any(each.condition in _TO_MEND for each in standings)
    return Answer(
        "idse.agents-status/1",
        lambda: _standing_data(standings, program),
        _standing_lines(standings, program, run.terminal.style),
        code=EXIT_CHECK_FAILED if bad else EXIT_OK,
    )


COMMANDS = (install, uninstall, status)
"""Sub-commands of `idse agents`."""


def outcome_rows(outcomes: Sequence[install_files.FileOutcome]) -> list[str]:
    """Returns a plain line on each file: what was done about it."""
    rows = [
        (each.file.at(each.line if each.is_trouble else 0), each.result, each.detail) for each in outcomes
    ]
    return [printable(line) for line in aligned(rows)]


def what_follows(run: Run, outcomes: Sequence[install_files.FileOutcome]) -> Iterator[str]:
    """Yields what a person has to do, or to know, after agent files were written."""
    written = [
        outcome
        for outcome in outcomes
        if outcome.result in (install_files.CREATED, install_files.ADDED, install_files.RENEWED)
    ]
    if any(outcome.file.hooks and outcome.file.agent == "codex" for outcome in written):
        yield Said("Codex runs a hook only once you trust it: type /hooks in Codex")
    if any(outcome.file.hooks for outcome in outcomes) and not _program(run):
        yield Warned("idse is not on PATH, so no agent can call it (pipx install idse-orchestrator)")
    if any(outcome.file.hooks and outcome.file.agent == CLAUDE for outcome in written):
        off = install_files.hooks_off(run.app.agent_files)
        if off:
            yield Warned(off)
    if written:
        yield Said("nothing is committed: commit these files, and they work in every clone")


def refuse_kept(
    outcomes: Sequence[install_files.FileOutcome],
    again: str = "install",
    with_force: str = "writes edited ones anew",
) -> Iterator[str]:
    """Yields what to paste where a file was left as it is, and then raises AgentFileKeptError."""
    kept = [outcome for outcome in outcomes if outcome.is_trouble]
    if not kept:
        return
    for outcome in kept:
        if outcome.paste:
            yield Said(f"to be put into {outcome.file.path} by hand:")
            yield outcome.paste
    first = kept[0]
    edited = dict.fromkeys(outcome.file.agent for outcome in kept if outcome.yields)
    others = [f"{outcome.file.at(outcome.line)}: {outcome.detail}" for outcome in kept[1:]]
    raise AgentFileKeptError(
        f"{len(kept)} files were left as they are" if len(kept) > 1 else "1 file was left as it is",
        where=first.file.at(first.line),
        cause="; ".join([first.detail, *others]),
        fix=(
            "mend it, then run the command again",
            *((f"idse agents {again} --only {','.join(edited)} --force  # {with_force}",) if edited else ()),
        ),
    )


def kept_diagnostics(outcomes: Sequence[install_files.FileOutcome]) -> list[dict[str, object]]:
    """Returns those that were left as they are, as entries of ``diagnostics``."""
    return [
        remark(
            "error", f"left as it is: {each.detail}", AgentFileKeptError.code, where=each.file.at(each.line)
        )
        for each in outcomes
        if each.is_trouble
    ]


def _files(only: str) -> Sequence[AgentFile]:
    if not only:
        return install_files.files_of()
    names = [name.strip() for name in only.split(",")]
    unknown = [name for name in names if name not in AGENTS]
    if unknown:
        raise UsageError(
            f"there is no agent file for {unknown[0]!r}", cause="agents with files: " + ", ".join(AGENTS)
        )
    return install_files.files_of(names)


def _outcome_lines(outcomes: Sequence[install_files.FileOutcome], *, dry_run: bool) -> list[str]:
    """Returns a plan as data, what was done as prose."""
    rows = outcome_rows(outcomes)
    return rows if dry_run else [Said(row) for row in rows]


def _standing_lines(standings: Sequence[install_files.FileStanding], program: str, style: Style) -> list[str]:
    """Returns how every file stands, and which idse the hooks would start."""
    rows = [(each.file.agent, each.file.at(each.line), each.condition, each.detail) for each in standings]
    lines = [printable(line) for line in aligned(rows)]
    found = {each.condition for each in standings}
    has_hooks = any(each.file.hooks and each.condition != install_files.MISSING for each in standings)
    if found <= {install_files.MISSING, install_files.SHARED}:
        lines.append("no agent is told about idse: idse agents install")
    elif found & _TO_MEND:
        lines.append(style.yellow("not all is as idse writes it: idse agents install"))
    if has_hooks:
        says = f"agents call {printable(program)}" if program else "idse is not on PATH: no agent can call it"
        lines.append(style.green(says) if program else style.yellow(says))
    return lines


def _standing_data(standings: Sequence[install_files.FileStanding], program: str) -> dict[str, object]:
    files = [
        {
            "agent": each.file.agent,
            "path": each.file.path,
            "kind": "hooks" if each.file.hooks else "block",
            "condition": each.condition,
            "line": each.line or None,
            "detail": each.detail,
        }
        for each in standings
    ]
    return {"files": files, "program": program or None}


def _program(run: Run) -> str:
    """Finds the idse that agents would start; "" where there is none."""
    import shutil

    return shutil.which("idse", path=run.app.environment.get("PATH")) or ""
