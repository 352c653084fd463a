"""Judges an edit: finds what `agents.edit_gate` wants to know, and asks it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import cache, cached_property
from typing import TYPE_CHECKING

from idse_orchestrator.agents import edit_gate
from idse_orchestrator.agents.edit_gate import ALLOWED, DENY, Verdict
from idse_orchestrator.agents.registry import Agent, AgentRegistry, registry_of
from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.documents.project_workspace import ARTIFACTS, WORKSPACE
from idse_orchestrator.errors import IdseError, NotARepositoryError, UnsupportedRepositoryError
from idse_orchestrator.sessions.status import same_lists
from idse_orchestrator.worktree.work_tree import WorkTree, discover, needs_work_tree

if TYPE_CHECKING:
    from idse_orchestrator.ledger.events import SessionKey
    from idse_orchestrator.pipeline.ports import LedgerReader
    from idse_orchestrator.pipeline.values import Look
    from idse_orchestrator.sessions.ports import Documents

IN_GIT_DIRECTORY = ".git/"
"""How a path in the git directory begins, whatever that directory is called and wherever it stands."""


class EditGate(NamedTuple):
    """The parts that the gate needs, in one work tree.

    `agent` tells the id that was configured ("" for none) and `kind` is the program that asks: a registry may
    know that where none is configured. `session` tells the one this work tree works on, or None,
    `misplaced_code` the setting, and `unmapped` the branch where it belongs to no session and others do.
    `after` tells what the file will hold that holds a text now, or None. What is a function is asked only
    when it counts.
    """

    ledgers: LedgerReader
    workspace: Documents
    agent: Callable[[], str]
    kind: str
    session: Callable[[], SessionKey | None]
    misplaced_code: Callable[[], str]
    unmapped: Callable[[], str]
    after: Callable[[str], str | None]


def judge_edits(gate: EditGate, paths: Sequence[str]) -> Verdict:
    """Judges an edit of `paths`, relative to the top of the work tree or in IN_GIT_DIRECTORY."""
    gate = gate._replace(misplaced_code=cache(gate.misplaced_code), unmapped=cache(gate.unmapped))
    working_on = cache(lambda: _working_on(gate))
    return edit_gate.strongest([_judged(gate, path, working_on) for path in paths])


def _working_on(gate: EditGate) -> tuple[Look | None, Agent | None]:
    key = gate.session()
    look = gate.ledgers.look(*key) if key else None
    return look, _agent(gate, look)


def _judged(gate: EditGate, path: str, working_on: Callable[[], tuple[Look | None, Agent | None]]) -> Verdict:
    if path.startswith(IN_GIT_DIRECTORY):
        first = edit_gate.judge_git_directory(path.removeprefix(IN_GIT_DIRECTORY))
    else:
        first = edit_gate.judge_written_by_idse(path)
    if first.answer == DENY:
        return first
    if path.startswith(f"{WORKSPACE}/"):
        return _judged_document(gate, path)
    look, agent = working_on()
    by_mode = edit_gate.judge_mode(agent.id, agent.mode, path) if agent else ALLOWED
    if by_mode.answer == DENY or look is None or path.startswith(IN_GIT_DIRECTORY):
        return by_mode
    branch = gate.unmapped()
    if edit_gate.judge_code(look.tip.state, DENY, branch) == ALLOWED:
        return ALLOWED  # whatever the setting is; it costs a process to ask
    return edit_gate.judge_code(look.tip.state, gate.misplaced_code(), branch)


def _judged_document(gate: EditGate, path: str) -> Verdict:
    own = edit_gate.artifact_of(path)
    if own is None:
        return ALLOWED
    project, session, stage = own
    look = gate.ledgers.look(project, session)
    if look is None:
        return ALLOWED  # a folder that no ledger knows: `idse init` adopts it, the hook on a commit says so
    blobs = gate.workspace.blobs(project, session) or look.blobs
    same = same_lists(gate.ledgers, gate.workspace, (project, session))
    verdict = edit_gate.judge_artifact(look.tip.state, blobs, stage, same)
    if verdict.answer != DENY or stage != "tasks" or look.tip.state.is_at_rest:
        return verdict
    return ALLOWED if _only_ticks(gate, (project, session), blobs.get(stage, "")) else verdict


def _only_ticks(gate: EditGate, key: SessionKey, blob: str) -> bool:
    """Tests whether the edit only sets marks in ``tasks.md``: that is progress, however far its stage is."""
    from idse_orchestrator.documents.task_list import is_same_list

    data = gate.workspace.content(*key, ARTIFACTS["tasks"], blob)
    before = None if data is None else data.decode("utf-8", "surrogateescape")
    after = None if before is None else gate.after(before)
    return before is not None and after is not None and is_same_list(before, after)


def _registered(registry: AgentRegistry, name: str) -> Agent | None:
    """Returns the agent called `name`, whatever its case: ids of a registry never differ in that alone."""
    meant = name.strip().casefold()
    return registry.agent(name) or next((a for a in registry.agents if a.id.casefold() == meant), None)


def _agent(gate: EditGate, look: Look | None) -> Agent | None:
    """Returns who acts, as the project's registry knows them; as the first that does, where none is meant."""
    if look is not None:
        registry = registry_of(look)
        return _registered(registry, gate.agent() or gate.kind) if registry else None
    for name in gate.ledgers.projects():
        tip = gate.ledgers.project(name)
        found = _registered(registry_of(tip.state), gate.agent() or gate.kind) if tip else None
        if found is not None:
            return found
    return None


class EditPlace(NamedTuple):
    """A file at `path` of the work tree of `work_tree`; see `agents.judge_edit.judge_edits` for the form."""

    work_tree: WorkTree
    path: str


class EditPlaces:
    """Finds files for an agent that was started in the folder `home`; git is asked in an `environment`.

    What stands in no repository, or in another one than `home`, is not ours to judge; unless that other one
    stands inside of `home`'s work tree, as a submodule does: then its files are files of ours.
    """

    def __init__(self, home: str, environment: Mapping[str, str]) -> None:
        self._home = os.path.realpath(home)
        self._environment = environment
        self._known: list[WorkTree] = []

    def find(self, path: str) -> EditPlace | None:
        """Finds where the file at the absolute `path` stands; None where that is none of our business."""
        real = os.path.realpath(path)
        work_tree = self._around(_existing_folder(real))
        if work_tree is None:
            return self._in_git_directory(real)
        if not self._is_at_home(work_tree):
            return self._inside_of_home(real)
        return EditPlace(work_tree, _inner(real, work_tree.top) or ".")

    @property
    def home_is_in_git(self) -> bool:
        """True if `home` is in a repository."""
        return self._at_home is not None

    def _around(self, folder: str) -> WorkTree | None:
        for known in self._known:
            if _is_plainly_in(folder, known):
                return known
        try:
            found = needs_work_tree(discover(folder, self._environment))
        except NotARepositoryError:
            return None
        except UnsupportedRepositoryError:
            if self._at_home is None:
                raise
            return None  # not `home`, which can be served
        self._known.append(found)
        return found

    def _in_git_directory(self, real: str) -> EditPlace | None:
        home = self._at_home
        if home is None:
            return None
        for folder in (home.git_dir, home.common_dir):
            inner = _inner(real, folder)
            if inner is not None:
                return EditPlace(home, IN_GIT_DIRECTORY + inner)
        return self._inside_of_home(real)

    def _inside_of_home(self, real: str) -> EditPlace | None:
        inner = _inner(real, self._at_home.top) if self._at_home else None
        return EditPlace(self._at_home, inner) if self._at_home and inner is not None else None

    def _is_at_home(self, work_tree: WorkTree) -> bool:
        """Tests whether `home` is in the same repository, in any of its work trees, or in none at all."""
        if _is_plainly_in(self._home, work_tree):
            return True
        home = self._at_home
        return home is None or home.common_dir == work_tree.common_dir

    @cached_property
    def _at_home(self) -> WorkTree | None:
        try:
            folder = _existing_folder(os.path.join(self._home, "-"))
            return needs_work_tree(discover(folder, self._environment))
        except IdseError:
            return None


def _inner(real: str, folder: str) -> str | None:
    """Returns `real` relative to `folder`, with ``/``; None where it is not inside."""
    inner = os.path.relpath(real, os.path.realpath(folder)).replace(os.sep, "/")
    return None if inner.split("/", 1)[0] == ".." else inner


def _existing_folder(path: str) -> str:
    """Returns the folder of `path`, or the nearest one above that exists."""
    folder = os.path.dirname(path)
    while not os.path.isdir(folder):
        folder = os.path.dirname(folder)
    return folder


def _is_plainly_in(folder: str, work_tree: WorkTree) -> bool:
    """Tests whether `folder` is in the work tree, with no other repository or git directory between."""
    top = os.path.realpath(work_tree.top)
    if folder != top and not folder.startswith(top.rstrip(os.sep) + os.sep):
        return False
    while folder != top:
        if os.path.basename(folder) == ".git" or os.path.lexists(os.path.join(folder, ".git")):
            return False
        folder = os.path.dirname(folder)
    return True
