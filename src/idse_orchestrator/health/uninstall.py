"""Take idse out of a repository again: what it put there goes, what people wrote stays.

In this order: the spool becomes notes, agent files, hooks, settings, views, current sessions, the private
folder; and only where it was asked for, after a backup, the ledgers. A run that was stopped is simply run
again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from idse_orchestrator.agents.file_standing import AgentFileStore
from idse_orchestrator.agents.install_files import KEPT, traces_of, uninstall_agent_files
from idse_orchestrator.worktree.hooks.install import FOREIGN, MISSING, SKIPPED, HookFiles, uninstall_hooks

HOOK = "hook"
AGENT_FILE = "agent file"
SETTING = "setting"
VIEW = "view"
CURRENT_SESSION = "current session"
TRACKING = "tracking namespace"
PRIVATE_FOLDER = "private folder"
LEDGER = "ledger"
KINDS = (HOOK, AGENT_FILE, SETTING, VIEW, CURRENT_SESSION, TRACKING, PRIVATE_FOLDER, LEDGER)


@dataclass(frozen=True, slots=True)
class Trace:
    """One thing idse left in the repository: its kind (one of KINDS) and where it is."""

    kind: str
    where: str


class Footprint(Protocol):
    """What idse left in a repository, in all of its work trees. Removing may raise StorageError."""

    def traces(self) -> Sequence[Trace]:
        """Everything but hooks, agent files and ledgers, in order."""

    def agent_files(self) -> Sequence[AgentFileStore]:
        """The agent files of every work tree."""

    def ledgers(self) -> Sequence[Trace]:
        """Every ref under ``refs/idse/``."""

    def documents(self) -> Sequence[str]:
        """Folders with documents, which stay: one for each work tree that has one."""

    def settle(self) -> None:
        """Give the commits that wait for a note theirs."""

    def remove(self, traces: Sequence[Trace]) -> None:
        """Remove `traces`; those that are gone are no error."""

    def remove_ledgers(self, ledgers: Sequence[Trace]) -> str:
        """Write a backup of `ledgers`, check it, then remove them; the backup's path."""


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


def plan_uninstall(footprint: Footprint, hooks: HookFiles, *, with_ledgers: bool = False) -> UninstallPlan:
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


def uninstall(footprint: Footprint, hooks: HookFiles, plan: UninstallPlan) -> Uninstalled:
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


def _take_out(store: AgentFileStore) -> list[str]:
    """Why agent files of one work tree stay; the others are done with."""
    outcomes = uninstall_agent_files(store)
    return [
        f"{store.where(each.file.path)} stays: {each.detail}" + (f" (line {each.line})" if each.line else "")
        for each in outcomes
        if each.result == KEPT
    ]
