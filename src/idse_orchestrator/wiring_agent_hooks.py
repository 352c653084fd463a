"""Answers what an agent asks through its hooks, in whichever repositories and work trees its files stand."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from idse_orchestrator.errors import AmbiguousError, NoProjectError, UnknownNameError
from idse_orchestrator.wiring import Application

if TYPE_CHECKING:
    from collections.abc import Sequence

    from idse_orchestrator.app.ports import SessionKey
    from idse_orchestrator.domain.edit_gate import Verdict
    from idse_orchestrator.git.repository import Repository


class AgentHooks:
    """The hooks of one call: `folder` is where the agent stands, `kind` the program that asks.

    `home` is the folder in which the agent was started.
    """

    def __init__(self, folder: str, home: str, kind: str, environment: Mapping[str, str]) -> None:
        self._folder = folder
        self._home = home
        self._kind = kind
        self._environment = environment

    def judge(self, paths: Sequence[str]) -> tuple[Verdict, str]:
        """The verdict on an edit of `paths`, relative to `folder`, and the git directory it was judged in.

        "" for that directory: none of the files is ours to judge.
        """
        from idse_orchestrator.domain.edit_gate import strongest
        from idse_orchestrator.git.worktree.edit_place import EditPlaces

        places = EditPlaces(self._home)
        found: dict[Repository, list[str]] = {}
        for path in paths:
            place = places.find(os.path.join(self._folder, path))
            if place is not None:
                found.setdefault(place.repository, []).append(place.path)
        verdicts = [self._judge(repository, inside) for repository, inside in found.items()]
        return strongest(verdicts), next(iter(found)).git_dir if found else ""

    def _judge(self, repository: Repository, paths: Sequence[str]) -> Verdict:
        from idse_orchestrator.app.judge_edit import EditGate, judge_edits

        app = Application.around(repository, self._environment)
        gate = EditGate(
            app.reader,
            app.workspace,
            app.agent,
            self._kind,
            lambda: current_session(app),
            lambda: app.setting("code-edits"),
        )
        return judge_edits(gate, paths)


def current_session(app: Application) -> SessionKey | None:
    """The session that commands without a name are about here; None where nothing says which."""
    try:
        return app.resolve_session(None)
    except (AmbiguousError, NoProjectError, UnknownNameError):
        return None
