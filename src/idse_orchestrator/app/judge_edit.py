"""May an agent make this edit? Finds what the gate wants to know, and asks it; see `domain.edit_gate`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from idse_orchestrator.domain.edit_gate import (
    ALLOWED,
    DENY,
    Verdict,
    artifact_of,
    judge_artifact,
    judge_code,
    judge_git_directory,
    judge_mode,
    judge_written_by_idse,
    strongest,
)
from idse_orchestrator.domain.pipeline_artifacts import WORKSPACE

if TYPE_CHECKING:
    from idse_orchestrator.app.ports import LedgerReader, SessionKey, Workspace
    from idse_orchestrator.domain.agent_registry import Agent

IN_GIT_DIRECTORY = ".git/"
"""How a path in the git directory begins, whatever that directory is called and wherever it stands."""


@dataclass(frozen=True, slots=True)
class EditGate:
    """What the gate works with, in one work tree.

    `agent` is the id that was configured ("" for none) and `kind` the program that asks: a registry that
    knows no configured agent may know that. `session` is the one this work tree works on, or None, and
    `code_edits` tells the setting; both are asked for only when they count.
    """

    ledgers: LedgerReader
    workspace: Workspace
    agent: str
    kind: str
    session: Callable[[], SessionKey | None]
    code_edits: Callable[[], str]


def judge_edits(gate: EditGate, paths: Sequence[str]) -> Verdict:
    """One verdict on an edit of `paths`, relative to the top of the work tree or in IN_GIT_DIRECTORY."""
    return strongest([_judged(gate, path) for path in paths])


def _judged(gate: EditGate, path: str) -> Verdict:
    if path.startswith(IN_GIT_DIRECTORY):
        first = judge_git_directory(path.removeprefix(IN_GIT_DIRECTORY))
    else:
        first = judge_written_by_idse(path)
    if first.answer == DENY:
        return first
    inside = path.startswith(f"{WORKSPACE}/")
    if inside:
        return _judged_document(gate, path)
    key = gate.session()
    agent = _agent(gate, key[0] if key else None)
    by_mode = judge_mode(agent.id, agent.mode, path) if agent else ALLOWED
    if by_mode.answer == DENY or key is None or path.startswith(IN_GIT_DIRECTORY):
        return by_mode
    state = gate.ledgers.states([key]).get(key)
    return judge_code(state, gate.code_edits()) if state else ALLOWED


def _judged_document(gate: EditGate, path: str) -> Verdict:
    own = artifact_of(path)
    if own is None:
        return ALLOWED
    project, session, stage = own
    tip = gate.ledgers.session(project, session)
    if tip is None:
        return ALLOWED  # a folder that no ledger knows: `idse init` adopts it, the hook on a commit says so
    blobs = gate.workspace.blobs(project, session) or gate.ledgers.artifact_blobs(tip.commit)
    return judge_artifact(tip.state, blobs, stage)


def _agent(gate: EditGate, project: str | None) -> Agent | None:
    """Who acts, as a registry knows them: that of `project`, else the first that knows them at all."""
    projects = [project] if project else gate.ledgers.projects()
    for name in projects:
        tip = gate.ledgers.project(name)
        found = tip.state.registry.agent(gate.agent or gate.kind) if tip else None
        if found is not None:
            return found
    return None
