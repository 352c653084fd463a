"""May an agent make this edit? Finds what `domain.agents.edit_gate` wants to know, and asks it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from idse_orchestrator.domain.agents.edit_gate import (
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
    from idse_orchestrator.app.ledger_values import Look
    from idse_orchestrator.app.ports import LedgerReader, SessionKey, Workspace
    from idse_orchestrator.domain.agents.registry import Agent, AgentRegistry

IN_GIT_DIRECTORY = ".git/"
"""How a path in the git directory begins, whatever that directory is called and wherever it stands."""


class EditGate(NamedTuple):
    """What the gate works with, in one work tree.

    `agent` tells the id that was configured ("" for none) and `kind` is the program that asks: a registry may
    know that where none is configured. `session` tells the one this work tree works on, or None, and
    `code_edits` the setting. What is a function is asked only when it counts.
    """

    ledgers: LedgerReader
    workspace: Workspace
    agent: Callable[[], str]
    kind: str
    session: Callable[[], SessionKey | None]
    code_edits: Callable[[], str]


def judge_edits(gate: EditGate, paths: Sequence[str]) -> Verdict:
    """One verdict on an edit of `paths`, relative to the top of the work tree or in IN_GIT_DIRECTORY."""
    acting = _Acting(cache(lambda: _working_on(gate)), cache(gate.code_edits))
    return strongest([_judged(gate, path, acting) for path in paths])


class _Acting(NamedTuple):
    """What holds of all code in an edit, asked once: the session worked on with who acts, and the setting."""

    working_on: Callable[[], tuple[Look | None, Agent | None]]
    code_edits: Callable[[], str]


def _working_on(gate: EditGate) -> tuple[Look | None, Agent | None]:
    key = gate.session()
    look = gate.ledgers.look(*key) if key else None
    return look, _agent(gate, look)


def _judged(gate: EditGate, path: str, acting: _Acting) -> Verdict:
    if path.startswith(IN_GIT_DIRECTORY):
        first = judge_git_directory(path.removeprefix(IN_GIT_DIRECTORY))
    else:
        first = judge_written_by_idse(path)
    if first.answer == DENY:
        return first
    inside = path.startswith(f"{WORKSPACE}/")
    if inside:
        return _judged_document(gate, path)
    look, agent = acting.working_on()
    by_mode = judge_mode(agent.id, agent.mode, path) if agent else ALLOWED
    if by_mode.answer == DENY or look is None or path.startswith(IN_GIT_DIRECTORY):
        return by_mode
    if judge_code(look.tip.state, DENY) == ALLOWED:
        return ALLOWED  # whatever the setting is; it costs a process to ask
    return judge_code(look.tip.state, acting.code_edits())


def _judged_document(gate: EditGate, path: str) -> Verdict:
    own = artifact_of(path)
    if own is None:
        return ALLOWED
    project, session, stage = own
    look = gate.ledgers.look(project, session)
    if look is None:
        return ALLOWED  # a folder that no ledger knows: `idse init` adopts it, the hook on a commit says so
    blobs = gate.workspace.blobs(project, session) or look.blobs
    return judge_artifact(look.tip.state, blobs, stage)


def _name(gate: EditGate) -> str:
    return gate.agent() or gate.kind


def _registered(registry: AgentRegistry, name: str) -> Agent | None:
    """The agent called `name`, whatever its case: ids of a registry never differ in that alone."""
    meant = name.strip().casefold()
    return registry.agent(name) or next((a for a in registry.agents if a.id.casefold() == meant), None)


def _agent(gate: EditGate, look: Look | None) -> Agent | None:
    """Who acts, as the project's registry knows them; as the first that does, where no project is meant."""
    if look is not None:
        return _registered(look.registry, _name(gate)) if look.registry else None
    for name in gate.ledgers.projects():
        tip = gate.ledgers.project(name)
        found = _registered(tip.state.registry, _name(gate)) if tip else None
        if found is not None:
            return found
    return None
