"""What a checkup says about agent registries: their views, and what a merge made of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple, Protocol

from idse_orchestrator.agents.registry_check import registry_troubles
from idse_orchestrator.agents.registry_view import EDITED, MISSING, OLD, refresh_registry_view, view_condition
from idse_orchestrator.base.checkup import OK, PROBLEM, WARNING, Diagnosis
from idse_orchestrator.documents.project_workspace import agent_registry_path

if TYPE_CHECKING:
    from idse_orchestrator.pipeline.ports import LedgerReader
    from idse_orchestrator.pipeline.values import ProjectTip
    from idse_orchestrator.sessions.ports import ViewFiles


class Registries(Protocol):
    """Where registries and their views are."""

    @property
    def ledgers(self) -> LedgerReader:
        """The ledgers."""

    @property
    def workspace(self) -> ViewFiles:
        """The work tree."""


class _Look(NamedTuple):
    project: str
    tip: ProjectTip | None
    condition: str


def agents_diagnosis(patient: Registries) -> Diagnosis:
    """The first registry that is not well: not sound, edited by hand, not what the ledger says."""
    looks = list(_looks(patient))
    for look in looks:
        registry = look.tip.state.registry if look.tip else None
        for trouble in registry_troubles(registry) if registry else ():
            fix = (*trouble.fixes, trouble.undo)
            return Diagnosis(PROBLEM, f"{look.project}: {trouble.message}", fix)
    for look in looks:
        path = agent_registry_path(look.project)
        if look.condition == EDITED:
            return Diagnosis(
                WARNING, f"{path} was edited by hand", (f"idse agents import {path}", f"rm {path}")
            )
        if look.condition in (MISSING, OLD):
            return Diagnosis(WARNING, f"{path} is not what the ledger says", ("idse doctor --fix",))
    count = sum(len(look.tip.state.registry.agents) for look in looks if look.tip)
    return Diagnosis(OK, f"{count:,} in the registry" if count else "the registry is empty")


def mend_agents(patient: Registries) -> str:
    """Write the views that are missing or old; an edit is a person's to take over or to drop."""
    written = []
    for look in _looks(patient):
        if look.condition in (MISSING, OLD):
            refresh_registry_view(patient.ledgers, patient.workspace, look.project)
            written.append(agent_registry_path(look.project))
    return "wrote " + ", ".join(written) if written else "left it to you"


def _looks(patient: Registries) -> Iterator[_Look]:
    for project in sorted({project for project, _ in patient.workspace.session_folders()}):
        tip = patient.ledgers.project(project)
        yield _Look(project, tip, view_condition(patient.ledgers, patient.workspace, project, tip))
