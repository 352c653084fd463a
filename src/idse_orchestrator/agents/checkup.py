"""What a checkup says about the agents: their registries and views, and the files made for them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from idse_orchestrator.agents.file_standing import CURRENT, EDITED, OUTDATED, FileStanding, standing_files
from idse_orchestrator.agents.install_files import KEPT, install_agent_files
from idse_orchestrator.agents.registry import EDITED as EDITED_VIEW
from idse_orchestrator.agents.registry import MISSING, OLD, refresh_registry_view, registry_of, view_condition
from idse_orchestrator.agents.registry_check import registry_troubles
from idse_orchestrator.base.checkup import NOTE, OK, PROBLEM, WARNING, Check, Diagnosis
from idse_orchestrator.documents.project_workspace import agent_registry_path

if TYPE_CHECKING:
    from idse_orchestrator.agents.work_tree_files import GitAgentFiles
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
        registry = registry_of(look.tip.state) if look.tip else None
        for trouble in registry_troubles(registry) if registry else ():
            fix = (*trouble.fixes, trouble.undo)
            return Diagnosis(PROBLEM, f"{look.project}: {trouble.message}", fix)
    for look in looks:
        path = agent_registry_path(look.project)
        if look.condition == EDITED_VIEW:
            return Diagnosis(
                WARNING, f"{path} was edited by hand", (f"idse agents import {path}", f"rm {path}")
            )
        if look.condition in (MISSING, OLD):
            return Diagnosis(WARNING, f"{path} is not what the ledger says", ("idse doctor --fix",))
    count = sum(len(registry_of(look.tip.state).agents) for look in looks if look.tip)
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


_INSTALL = "idse agents install"


def agent_file_checks(store: GitAgentFiles, program: str) -> Iterator[Check]:
    """One check; none where no agent file holds anything of ours. `program` is the idse on PATH, or ""."""
    found = standing_files(store)
    if any(each.suspect or each.condition in (CURRENT, OUTDATED, EDITED) for each in found):
        yield Check("agent files", lambda: _look(store, program), lambda: _mend(store))


def _look(store: GitAgentFiles, program: str) -> Diagnosis:
    found = standing_files(store)
    broken = [each for each in found if each.suspect]
    if broken:
        says = ", ".join(f"{each.file.at(each.line)}: {each.detail}" for each in broken)
        return Diagnosis(PROBLEM, says, ("mend it, then: " + _INSTALL,))
    outdated = _names(found, OUTDATED)
    if outdated:
        return Diagnosis(WARNING, f"written by an older idse: {outdated}", ("idse doctor --fix",))
    edited = _names(found, EDITED)
    if edited:
        return Diagnosis(NOTE, f"changed by hand: {edited}", (_INSTALL + " --force    (writes them anew)",))
    off = next((each.detail for each in found if each.condition == CURRENT and each.detail), "")
    if off:
        return Diagnosis(WARNING, off, ("take that line out, or: idse agents uninstall --only claude",))
    if not program and any(each.file.hooks and each.condition == CURRENT for each in found):
        says = "agents call idse, which is not on PATH: their hooks do nothing"
        return Diagnosis(WARNING, says, ("pipx install idse-orchestrator",))
    return Diagnosis(OK, f"as idse writes them: {_names(found, CURRENT)}")


def _mend(store: GitAgentFiles) -> str:
    """Renew what is outdated; files without anything of ours are nobody's business here."""
    outdated = [each.file for each in standing_files(store) if each.condition == OUTDATED]
    outcomes = install_agent_files(store, outdated)
    return "renewed " + (
        ", ".join(each.file.path for each in outcomes if each.result != KEPT) or "no agent file"
    )


def _names(found: Sequence[FileStanding], condition: str) -> str:
    return ", ".join(each.file.path for each in found if each.condition == condition)
