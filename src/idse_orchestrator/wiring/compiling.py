"""Builds what compiles Agent Profiles: the source of the specs, and the folder the files go to."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from idse_orchestrator.documents.artifact_reader import ArtifactReader
    from idse_orchestrator.ledger.values import SessionKey
    from idse_orchestrator.profiles.compile_agent_spec import CompileWish
    from idse_orchestrator.profiles.folder import ProfileFolder
    from idse_orchestrator.sessions.resolve import Asking
    from idse_orchestrator.wiring.parts import Parts


class Compiling:
    """What compiling needs, from its parts."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def key(self, option: str | None, name: str | None, rev: str | None = None) -> SessionKey:
        """The session called `name`, with a ledger or a folder; the current one without a name.

        In the code revision `rev` it may be the only place that has it.
        """
        if name is None:
            from idse_orchestrator.sessions.resolve import resolve_session

            return resolve_session(self._asking, option, None)
        if rev is None and (folder := self._folder_of(option, name)):
            return folder
        from idse_orchestrator.sessions.choice import COMMIT, WORKTREE, named_scope

        scope = named_scope(self._asking, COMMIT if rev else WORKTREE, option, name)
        return scope.project or "", scope.session or ""

    def _folder_of(self, option: str | None, name: str) -> SessionKey | None:
        """The session whose folder stands in this work tree: then no ledger has to be asked for."""
        from idse_orchestrator.base.names import check_name
        from idse_orchestrator.documents.pipeline_artifacts import session_folder

        project, slash, session = name.rpartition("/")
        key = (project if slash else self.project(option), check_name("session", session))
        check_name("project", key[0])
        path = os.path.join(self._parts.top, session_folder(*key))
        return key if os.path.isdir(path) else None

    def project(self, option: str | None) -> str:
        """The project we are about, with a ledger or a folder."""
        from idse_orchestrator.sessions.resolve import resolve_project

        return resolve_project(self._asking, option)

    @property
    def _asking(self) -> Asking:
        """A clone in CI has the folders alone."""
        from idse_orchestrator.sessions.choice import KnownHere

        asking = self._parts.asking
        return asking._replace(ledgers=KnownHere(asking.ledgers, asking.workspace))

    def source(self, wish: CompileWish, rev: str | None) -> ArtifactReader:
        """The specs that `wish` is about: of this work tree, or of the code revision `rev`."""
        from idse_orchestrator.profiles.compile_agent_spec import places_of

        places = places_of(wish)
        if rev is not None:
            return self._parts.committed(rev, places)
        return self._parts.documents(places)

    def folder(self, project: str, out: str | None) -> ProfileFolder:
        """Where the profiles of `project` go: `out`, or the project's build folder in this work tree."""
        from idse_orchestrator.documents.project_workspace import build_folder
        from idse_orchestrator.profiles.folder import ProfileFolder

        if out is not None:
            return ProfileFolder(os.path.abspath(out))
        top = self._parts.top
        return ProfileFolder(os.path.join(top, *build_folder(project).split("/"), "agents"), top)
