"""Answers what an agent asks through its hooks, in whichever repositories and work trees its files stand."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from idse_orchestrator.agents.hook_settings import CLAUDE
from idse_orchestrator.errors import AmbiguousError, NoProjectError, NotARepositoryError, UnknownNameError
from idse_orchestrator.wiring.application import Application

if TYPE_CHECKING:
    from collections.abc import Sequence

    from idse_orchestrator.agents.edit_gate import AgentCall, Verdict
    from idse_orchestrator.ledger.events import SessionKey
    from idse_orchestrator.worktree.work_tree import WorkTree

_STORE = "IDSE_STORE"


class AgentHooks:
    """The hooks of one call: `folder` is where the agent stands, `kind` the program that asks.

    `home` is the folder in which the agent was started.
    """

    def __init__(self, folder: str, home: str, kind: str, environment: Mapping[str, str]) -> None:
        self._folder = folder
        self._home = home
        self._kind = kind
        self._environment = environment

    def judge(self, call: AgentCall) -> tuple[Verdict, str]:
        """The verdict on the edit that `call` announces, and the git directory it was judged in.

        "" for that directory: none of the files is ours to judge.
        """
        from idse_orchestrator.agents.edit_gate import strongest

        places = [os.path.join(self._folder, self._meant(path)) for path in call.paths]
        found = self._in_a_store(places) if _names_a_store(self._environment) else self._in_git(places)
        verdicts = [self._judge(app, inside, call) for app, inside in found]
        return strongest(verdicts), found[0][0].work_tree.git_dir if found else ""

    def _meant(self, path: str) -> str:
        """Returns `path` as who asks opens it: Claude Code takes ``~/`` for the home, Codex for a name."""
        home = self._environment.get("HOME", "")
        return home + path[1:] if self._kind == CLAUDE and path.startswith("~/") and home else path

    def _in_git(self, paths: Sequence[str]) -> list[tuple[Application, list[str]]]:
        """Returns those of `paths` that stand in work trees of the agent's repository, by work tree.

        Where the agent was started outside of git, a store may stand there.
        """
        from idse_orchestrator.agents.judge_edit import EditPlaces

        places = EditPlaces(self._home, self._environment)
        found: dict[WorkTree, list[str]] = {}
        for path in paths:
            place = places.find(path)
            if place is not None:
                found.setdefault(place.work_tree, []).append(place.path)
        if not found and not places.home_is_in_git:
            return self._in_a_store(paths)
        return [
            (Application.around(work_tree, self._environment), inside) for work_tree, inside in found.items()
        ]

    def _in_a_store(self, paths: Sequence[str]) -> list[tuple[Application, list[str]]]:
        """Those of `paths` that stand in the folder of a store without git around the agent's home."""
        app = _application_without_git(self._home, self._environment)
        if app is None:
            return []
        root = os.path.realpath(app.work_tree.top)
        inner = [os.path.relpath(os.path.realpath(path), root).replace(os.sep, "/") for path in paths]
        ours = [path for path in inner if not path.startswith("../")]
        return [(app, ours)] if ours else []

    def _judge(self, app: Application, paths: Sequence[str], call: AgentCall) -> Verdict:
        from idse_orchestrator.agents.judge_edit import EditGate, judge_edits

        gate = EditGate(
            app.reader,
            app.workspace,
            lambda: app.agent,
            self._kind,
            lambda: current_session(app),
            lambda: code_answer(app),
            lambda: app.branches.unmapped() if app.has_git else "",
            call.after,
        )
        return judge_edits(gate, paths)


def code_answer(app: Application) -> str:
    """Returns what an agent hears about code out of place: the setting, or no where a rule forbids it."""
    from idse_orchestrator.constitution.rules import is_raised
    from idse_orchestrator.worktree.misplaced_code import judges_code

    answer = app.misplaced_code()
    if app.has_git and judges_code(app.private, {}) and is_raised(app.judging.constitution):
        return "deny"
    return answer


def application_at(folder: str, environment: Mapping[str, str]) -> Application:
    """Returns the application in `folder`.

    On a store that is named, in its repository, or on a store found there.
    """
    if _names_a_store(environment):
        app = _application_without_git(folder, environment)
        if app is not None:
            return app
    try:
        return Application(folder, environment)
    except NotARepositoryError:
        found = _application_without_git(folder, environment)
        if found is None:
            raise
        return found


def current_session(app: Application) -> SessionKey | None:
    """Returns the session that commands without a name are about here; None where nothing says which."""
    try:
        return app.resolve_session(None)
    except (AmbiguousError, NoProjectError, UnknownNameError):
        return None


def _names_a_store(environment: Mapping[str, str]) -> bool:
    return environment.get(_STORE, "") not in ("", "git")


def _application_without_git(folder: str, environment: Mapping[str, str]) -> Application | None:
    from idse_orchestrator.wiring.stores import application_found, application_on

    if _names_a_store(environment):
        return application_on(environment[_STORE], folder, environment)
    return application_found(folder, environment) if not environment.get(_STORE) else None
