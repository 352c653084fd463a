"""The check of the agent files: what an older idse wrote is noticed, and renewed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from idse_orchestrator.agents.file_standing import CURRENT, EDITED, OUTDATED, FileStanding, standing_files
from idse_orchestrator.agents.install_files import KEPT, install_agent_files
from idse_orchestrator.agents.work_tree_files import GitAgentFiles
from idse_orchestrator.base.checkup import NOTE, OK, PROBLEM, WARNING, Check, Diagnosis

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
