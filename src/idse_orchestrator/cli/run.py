"""One run of a command: its terminal, and the application it works on, made when first needed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from idse_orchestrator.cli.terminal import Terminal
from idse_orchestrator.errors import GitFailedError, NotARepositoryError

if TYPE_CHECKING:
    from idse_orchestrator.ledger.values import SessionKey
    from idse_orchestrator.wiring.application import Application


class Run:
    """What every command is given; `project_option` is the value of ``--project``, or None."""

    def __init__(self, terminal: Terminal, project_option: str | None = None) -> None:
        self.terminal = terminal
        self.project_option = project_option
        self._application: Application | None = None

    @property
    def app(self) -> Application:
        """The application on the repository around the working folder, or on another store."""
        if self._application is None:
            self._application = application_here()
        return self._application

    @property
    def project(self) -> str:
        """The project this run is about; see `app.resolve_project` for how it is found."""
        return self.app.resolve_project(self.project_option)

    def session(self, name: str | None = None) -> SessionKey:
        """The session this run is about: `name` ("session" or "project/session"), else the current one."""
        return self.app.resolve_session(self.project_option, name)


def application_here() -> Application:
    """The application in the working folder. git is asked first; without it a folder may have a store."""
    store = os.environ.get("IDSE_STORE", "")
    if store not in ("", "git"):
        from idse_orchestrator.wiring.stores import application_on

        return application_on(store, os.getcwd(), os.environ)
    from idse_orchestrator.wiring.application import Application

    try:
        return Application(os.getcwd(), os.environ)
    except (NotARepositoryError, GitFailedError):
        found = None if store else _store_above()
        if found is None:
            raise
        return found


def _store_above() -> Application | None:
    from idse_orchestrator.wiring.stores import application_found, refuse_unnamed_store

    found = application_found(os.getcwd(), os.environ)
    if found is None:
        refuse_unnamed_store(os.getcwd())
    return found
