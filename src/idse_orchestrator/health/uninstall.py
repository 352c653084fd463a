"""Take idse out of a repository again: what it put there goes, what people wrote stays.

In this order: the spool becomes notes, agent files, hooks, settings, views, current sessions, the private
folder; and only where it was asked for, after a backup, the ledgers. A run that was stopped is simply run
again.
"""

from __future__ import annotations

from dataclasses import dataclass

from idse_orchestrator.agents.install_files import KEPT, traces_of, uninstall_agent_files
from idse_orchestrator.agents.work_tree_files import GitAgentFiles
from idse_orchestrator.health.footprint import (
    CURRENT_SESSION,
    LEDGER,
    PRIVATE_FOLDER,
    SETTING,
    TRACKING,
    VIEW,
    GitFootprint,
    Trace,
)
from idse_orchestrator.worktree.hooks.files import GitHookFiles
from idse_orchestrator.worktree.hooks.hook import FOREIGN, MISSING, SKIPPED
from idse_orchestrator.worktree.hooks.install import uninstall_hooks

HOOK = "hook"
AGENT_FILE = "agent file"
KINDS = (HOOK, AGENT_FILE, SETTING, VIEW, CURRENT_SESSION, TRACKING, PRIVATE_FOLDER, LEDGER)


@dataclass(frozen=True, slots=True)
class UninstallPlan:
    """What goes and what stays. `ledgers` is what is there; `with_ledgers`: it goes, too."""

    traces: tuple[Trace, ...]
    ledgers: tuple[Trace, ...]
    documents: tuple[str, ...]
    with_ledgers: bool = False


@dataclass(frozen=True, slots=True)
class Uninstalled:
    """What was done. `kept`: why hooks and agent files stayed; `backup` is the path of the bundle, or ""."""

    plan: UninstallPlan
    kept: tuple[str, ...] = ()
    backup: str = ""


def plan_uninstall(
    footprint: GitFootprint, hooks: GitHookFiles, *, with_ledgers: bool = False
) -> UninstallPlan:
    """What `uninstall` would do; writes nothing."""
    states = hooks.states()
    found = [
        Trace(HOOK, state.path)
        for state in states
        if state.chained or state.condition not in (MISSING, FOREIGN)
    ]
    found += [Trace(AGENT_FILE, path) for store in footprint.agent_files() for path in traces_of(store)]
    return UninstallPlan(
        (*found, *footprint.traces()), tuple(footprint.ledgers()), tuple(footprint.documents()), with_ledgers
    )


def uninstall(footprint: GitFootprint, hooks: GitHookFiles, plan: UninstallPlan) -> Uninstalled:
    """Carry out `plan`."""
    backup = ""
    if plan.with_ledgers:
        if plan.ledgers:
            backup = footprint.remove_ledgers(plan.ledgers)
    else:
        footprint.settle()
    kept = [why for store in footprint.agent_files() for why in _take_out(store)]
    outcomes = uninstall_hooks(hooks).outcomes
    footprint.remove([trace for trace in plan.traces if trace.kind not in (HOOK, AGENT_FILE)])
    kept += [outcome.detail for outcome in outcomes if outcome.result == SKIPPED]
    return Uninstalled(plan, tuple(kept), backup)


def _take_out(store: GitAgentFiles) -> list[str]:
    """Why agent files of one work tree stay; the others are done with."""
    outcomes = uninstall_agent_files(store)
    return [
        f"{store.where(each.file.path)} stays: {each.detail}" + (f" (line {each.line})" if each.line else "")
        for each in outcomes
        if each.result == KEPT
    ]
