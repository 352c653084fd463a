"""`idse agent-files install`, `uninstall` and `status`: the files that tell agents of idse."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import click

from idse_orchestrator.agents import install_files
from idse_orchestrator.agents.hook_settings import CLAUDE, CODEX
from idse_orchestrator.agents.known_agents import HOOKS, KNOWN_AGENTS
from idse_orchestrator.base.text import counted, did_you_mean, printable
from idse_orchestrator.cli.layout import aligned, headed
from idse_orchestrator.cli.options import command, flag
from idse_orchestrator.cli.terminal import Answer, Said, Warned, remark
from idse_orchestrator.documents.project_workspace import KNOWN_AGENTS_PATH
from idse_orchestrator.errors import EXIT_CHECK_FAILED, EXIT_OK, AgentFileKeptError, UsageError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from idse_orchestrator.agents.work_tree_files import GitAgentFiles
    from idse_orchestrator.cli.layout import Style
    from idse_orchestrator.cli.terminal import Run

_agents = click.argument(
    "agents",
    nargs=-1,
    metavar="[AGENT]...",
    shell_complete=lambda *_: [row.name for row in KNOWN_AGENTS],
)
_only = click.option("--only", default="", hidden=True)
"""How AGENT was given before, with commas between."""
_TO_MEND = {install_files.OUTDATED, install_files.EDITED, install_files.UNCLEAR}
_dry_run = flag("--dry-run", help="Say what would be done, and do nothing.")


@command("install", project=False)
@_agents
@_only
@flag("--force", help="Write anew what somebody changed by hand, or has in its place.")
@_dry_run
def install(run: Run, *, agents: tuple[str, ...], only: str, force: bool, dry_run: bool) -> Answer:
    """Tell coding agents about idse, give them its commands, and have those with hooks call it.

    AGENT is claude, codex, cursor, gemini, copilot, opencode, windsurf, or one of .idse/agents.yaml. Without
    any, it is claude, codex, cursor, and whoever else has a file or folder here.

    Puts one marked block into the file of instructions that an agent reads, a skill or command for each
    step of the work (/idse-next, /idse-check, one for each stage) into its folder, and three hooks into the
    settings of Claude Code and Codex. What stands around them is not touched, and doing it twice changes
    nothing. What somebody changed, a file of the same name that is not of idse, and a file in which ours
    cannot be told from theirs, is left as it is; the exit code is then 3. Nothing is committed.
    """
    store = run.app.agent_files
    outcomes = install_files.install_agent_files(
        store,
        install_files.chosen_files(store, _known(store, (*agents, *filter(None, only.split(","))))),
        force=force,
        dry_run=dry_run,
    )

    def lines() -> Iterator[str]:
        yield from _outcome_lines(outcomes, dry_run=dry_run)
        if not dry_run:
            yield from what_follows(run, outcomes)
        yield from refuse_kept(outcomes)

    return Answer(lines=lines())


@command("uninstall", project=False)
@_agents
@_only
@flag("--force", help="Also take out what somebody changed by hand.")
@_dry_run
def uninstall(run: Run, *, agents: tuple[str, ...], only: str, force: bool, dry_run: bool) -> Answer:
    """Take idse's blocks, commands and hooks out of the agents' files again.

    Without AGENT, those of all agents. What stands around them stays, byte for byte. Files and folders that
    were made for them go, unless something else is in them by now, or another agent that is told of idse
    reads them.
    """
    store = run.app.agent_files
    outcomes = install_files.uninstall_agent_files(
        store, _known(store, (*agents, *filter(None, only.split(",")))), force=force, dry_run=dry_run
    )

    def lines() -> Iterator[str]:
        there = [each for each in outcomes if each.result != install_files.ABSENT]
        if not there:
            yield Said("nothing of idse is in the agents' files here")
            return
        yield from _outcome_lines(there, dry_run=dry_run)
        yield from refuse_kept(outcomes, "uninstall", "takes edited ones out, too")

    return Answer(lines=lines())


@command("status", reads=True, project=False)
def status(run: Run) -> Answer:
    """Show what of idse stands in the agents' files. The exit code is 1 where something should be mended."""
    store = run.app.agent_files
    here = install_files.agents_here(store, install_files.table_of(store))
    standings = [
        each
        for each in install_files.standing_files(store)
        if each.condition != install_files.MISSING or not set(here).isdisjoint(each.file.agents)
    ]
    program = _program(run)
    bad = any(each.condition in _TO_MEND for each in standings) or install_files.half_removed(standings)
    return Answer(
        "idse.agents-status/1",
        lambda: _standing_data(standings, program),
        _standing_lines(standings, here, program, run.terminal.style),
        code=EXIT_CHECK_FAILED if bad else EXIT_OK,
    )


COMMANDS = (install, uninstall, status)
"""Sub-commands of `idse agent-files`."""


def _hidden(found: click.Command) -> click.Command:
    twin = copy.copy(found)
    twin.hidden = True
    return twin


OLDER_COMMANDS = tuple(map(_hidden, COMMANDS))
"""The same as sub-commands of `idse agents`, where they were before."""


def outcome_rows(outcomes: Sequence[install_files.FileOutcome]) -> list[str]:
    """Returns a plain line on each file, or on each folder of commands: what was done about it."""
    return _rows(
        (
            each.file.at(each.line) if each.is_trouble else each.file.label,
            each.result,
            each.detail,
        )
        for each in outcomes
    )


def _rows(rows: Iterable[tuple[str, ...]], head: Sequence[str] = ()) -> list[str]:
    """Returns aligned lines; one that is the same for many files is there once, and says for how many.

    They are below `head`, on a terminal.
    """
    counts: dict[tuple[str, ...], int] = {}
    for row in rows:
        counts[row] = counts.get(row, 0) + 1
    many = [
        (*row[:-1], ", ".join(filter(None, (counted(count, "command"), row[-1])))) if count > 1 else row
        for row, count in counts.items()
    ]
    above, lines = headed(head, [tuple(map(printable, row)) for row in many]) if head else ([], aligned(many))
    return [*above, *map(printable, lines)]


def what_follows(run: Run, outcomes: Sequence[install_files.FileOutcome]) -> Iterator[str]:
    """Yields what a person has to do, or to know, after agent files were written."""
    written = [
        outcome
        for outcome in outcomes
        if outcome.result in (install_files.CREATED, install_files.ADDED, install_files.RENEWED)
    ]
    if any(outcome.file.kind == HOOKS and outcome.file.agent == CODEX for outcome in written):
        yield Said("Codex runs a hook only once you trust it: type /hooks in Codex")
    if any(outcome.file.kind == HOOKS for outcome in outcomes) and not _program(run):
        yield Warned("idse is not on PATH, so no agent can call it (pipx install idse-orchestrator)")
    if any(outcome.file.kind == HOOKS and outcome.file.agent == CLAUDE for outcome in written):
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
    who = "" if "" in edited else "".join(f" {agent}" for agent in edited)
    others = [f"{outcome.file.at(outcome.line)}: {outcome.detail}" for outcome in kept[1:]]
    raise AgentFileKeptError(
        f"{len(kept)} files were left as they are" if len(kept) > 1 else "1 file was left as it is",
        where=first.file.at(first.line),
        cause="; ".join([first.detail, *others]),
        fix=(
            "mend it, then run the command again",
            *((f"idse agent-files {again}{who} --force  # {with_force}",) if edited else ()),
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


def _known(store: GitAgentFiles, names: Collection[str]) -> Collection[str]:
    """Returns `names`; UsageError for one that is not in the table."""
    known = [row.name for row in install_files.table_of(store)]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise UsageError(
            f"there is no agent {unknown[0]!r} in the table",
            cause="agents with files: " + ", ".join(known),
            fix=(*did_you_mean(unknown[0], known), f"add it to {KNOWN_AGENTS_PATH}"),
        )
    return names


def _outcome_lines(outcomes: Sequence[install_files.FileOutcome], *, dry_run: bool) -> list[str]:
    """Returns a plan as data, what was done as prose."""
    rows = outcome_rows(outcomes)
    return rows if dry_run else [Said(row) for row in rows]


def _standing_lines(
    standings: Sequence[install_files.FileStanding], here: Collection[str], program: str, style: Style
) -> list[str]:
    """Returns how the files of the agents used `here` stand, and which idse the hooks would start."""
    half = install_files.half_removed(standings)
    rows = [_standing_row(each, here, alone=each in half) for each in standings]
    lines = _rows(rows, ("agents", "file", "condition", ""))
    found = {each.condition for each in standings}
    has_hooks = any(each.file.kind == HOOKS and each.condition != install_files.MISSING for each in standings)
    if found <= {install_files.MISSING, install_files.SHARED, install_files.FOREIGN}:
        lines.append("no agent is told about idse: idse agent-files install")
    elif found & _TO_MEND or half:
        lines.append(style.yellow("not all is as idse writes it: idse agent-files install"))
    if has_hooks:
        says = f"agents call {printable(program)}" if program else "idse is not on PATH: no agent can call it"
        lines.append(style.green(says) if program else style.yellow(says))
    return lines


def _standing_row(
    standing: install_files.FileStanding, here: Collection[str], *, alone: bool
) -> tuple[str, ...]:
    file, condition = standing.file, standing.condition
    who = [agent for agent in file.agents if agent in here] or file.agents
    is_alike = condition in (install_files.CURRENT, install_files.OUTDATED, install_files.MISSING)
    place = file.label if file.group and is_alike and not alone else file.at(standing.line)
    return ", ".join(who), place, condition, standing.detail


def _standing_data(standings: Sequence[install_files.FileStanding], program: str) -> dict[str, object]:
    files = [
        {
            "agents": list(each.file.agents),
            "path": each.file.path,
            "kind": each.file.kind,
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
