"""Checks of the agents for `idse doctor`: their registries and views, and the files made for them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from idse_orchestrator.agents.install_files import (
    CURRENT,
    EDITED,
    FOREIGN,
    KEPT,
    OUTDATED,
    FileStanding,
    half_removed,
    install_agent_files,
    standing_files,
)
from idse_orchestrator.agents.known_agents import HOOKS
from idse_orchestrator.agents.registry import EDITED as EDITED_VIEW
from idse_orchestrator.agents.registry import MISSING, OLD, refresh_registry_view, registry_of, view_condition
from idse_orchestrator.agents.registry_check import registry_troubles
from idse_orchestrator.agents.work_tree_files import GitAgentFiles
from idse_orchestrator.base.checkup import NOTE, OK, PROBLEM, WARNING, Check, Diagnosis
from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.documents.project_workspace import agent_registry_path
from idse_orchestrator.errors import InvalidConfigurationError
from idse_orchestrator.pipeline.ports import LedgerReader
from idse_orchestrator.pipeline.values import ProjectTip
from idse_orchestrator.sessions.ports import ViewFiles


class _View(NamedTuple):
    project: str
    tip: ProjectTip | None
    condition: str


def agents_diagnosis(ledgers: LedgerReader, workspace: ViewFiles) -> Diagnosis:
    """Returns the first registry that is not well: not sound, edited by hand, not what the ledger says."""
    views = list(_views(ledgers, workspace))
    for view in views:
        registry = registry_of(view.tip.state) if view.tip else None
        for trouble in registry_troubles(registry) if registry else ():
            fix = (*trouble.fixes, trouble.undo)
            return Diagnosis(PROBLEM, f"{view.project}: {trouble.message}", fix)
    for view in views:
        path = agent_registry_path(view.project)
        if view.condition == EDITED_VIEW:
            return Diagnosis(
                WARNING, f"{path} was edited by hand", (f"idse agents import {path}", f"rm {path}")
            )
        if view.condition in (MISSING, OLD):
            return Diagnosis(WARNING, f"{path} is not what the ledger says", ("idse doctor --fix",))
    count = sum(len(registry_of(view.tip.state).agents) for view in views if view.tip)
    return Diagnosis(OK, f"{count:,} in the registry" if count else "the registry is empty")


def mend_agents(ledgers: LedgerReader, workspace: ViewFiles) -> str:
    """Writes the views that are missing or old; an edit is a person's to take over or to drop."""
    written = []
    for view in _views(ledgers, workspace):
        if view.condition in (MISSING, OLD):
            refresh_registry_view(ledgers, workspace, view.project)
            written.append(agent_registry_path(view.project))
    return "wrote " + ", ".join(written) if written else "left it to you"


def _views(ledgers: LedgerReader, workspace: ViewFiles) -> Iterator[_View]:
    for project in sorted({project for project, _ in workspace.session_folders()}):
        tip = ledgers.project(project)
        yield _View(project, tip, view_condition(ledgers, workspace, project, tip))


_INSTALL = "idse agent-files install"


def agent_file_checks(store: GitAgentFiles, program: str) -> Iterator[Check]:
    """Yields one check; none where no agent file holds anything of ours. `program`: idse on PATH, or ""."""
    try:
        found = tuple(standing_files(store))
    except InvalidConfigurationError as error:
        unusable = Diagnosis(
            PROBLEM, f"{error.where}: {error.message}: {error.cause}", (*error.words, *error.fix)
        )
        yield Check("agent files", lambda: unusable)
        return
    if any(each.suspect or each.condition in (CURRENT, OUTDATED, EDITED) for each in found):
        yield Check("agent files", lambda: _files_diagnosis(store, program), lambda: _mend(store))


def _files_diagnosis(store: GitAgentFiles, program: str) -> Diagnosis:
    found = tuple(standing_files(store))
    return _trouble(found) or _calls(found, program)


def _trouble(found: Sequence[FileStanding]) -> Diagnosis | None:
    """Returns what should be mended in the files themselves, the worst first."""
    broken = [each for each in found if each.suspect]
    if broken:
        says = ", ".join(f"{each.file.at(each.line)}: {each.detail}" for each in broken)
        return Diagnosis(PROBLEM, says, ("mend it, then install it again",))
    outdated = _names(found, OUTDATED)
    if outdated:
        return Diagnosis(WARNING, f"written by an older idse: {outdated}", ("idse doctor --fix",))
    missing = half_removed(found)
    if missing:
        says = ", ".join(each.file.path for each in missing)
        return Diagnosis(WARNING, f"missing beside the others: {says}", ("idse doctor --fix",))
    edited = [each.file.path for each in found if each.condition == EDITED or _replaced(each, found)]
    if edited:
        says = f"changed by hand: {', '.join(edited)}"
        return Diagnosis(NOTE, says, (_INSTALL + " --force  # writes them anew",))
    return None


def _calls(found: Sequence[FileStanding], program: str) -> Diagnosis:
    """Returns why agents call nothing, or that all is well."""
    off = next((each.detail for each in found if each.condition == CURRENT and each.detail), "")
    if off:
        return Diagnosis(
            WARNING,
            off,
            (
                "take that line out",
                "idse agent-files uninstall claude",
            ),
        )
    if not program and any(each.file.kind == HOOKS and each.condition == CURRENT for each in found):
        says = "agents call idse, which is not on PATH: their hooks do nothing"
        return Diagnosis(WARNING, says, ("pipx install idse-orchestrator",))
    return Diagnosis(OK, f"as idse writes them: {_names(found, CURRENT)}")


def _replaced(standing: FileStanding, found: Sequence[FileStanding]) -> bool:
    """Tests whether somebody's own file stands among commands of ours, in the place of one."""
    return standing.condition == FOREIGN and any(
        each.condition == CURRENT and each.file.group == standing.file.group for each in found
    )


def _mend(store: GitAgentFiles) -> str:
    """Renews what is outdated or half removed; other files without anything of ours are nobody's business."""
    found = tuple(standing_files(store))
    outdated = [each for each in found if each.condition == OUTDATED]
    outcomes = install_agent_files(store, [each.file for each in (*outdated, *half_removed(found))])
    return "renewed " + (
        ", ".join(dict.fromkeys(each.file.label for each in outcomes if each.result != KEPT))
        or "no agent file"
    )


def _names(found: Sequence[FileStanding], condition: str) -> str:
    return ", ".join(dict.fromkeys(each.file.label for each in found if each.condition == condition))
