"""Everything that can be done wherever the ledgers are."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from idse_orchestrator.wiring.parts import Parts

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from idse_orchestrator.sessions.template_folder import TemplateFolders
    from idse_orchestrator.wiring.judging import Agents, Compiling, Judging


class UseCases(Parts):
    """What commands are given, whatever keeps the ledgers."""

    @cached_property
    def judging(self) -> Judging:
        """The ValidationEngine, for whatever can be judged here."""
        from idse_orchestrator.wiring.judging import Judging

        return Judging(self)

    @property
    def compiling(self) -> Compiling:
        """Agent Profiles, out of specs."""
        from idse_orchestrator.wiring.judging import Compiling

        return Compiling(self)

    @cached_property
    def agents(self) -> Agents:
        """The agents of projects, and their handoffs."""
        from idse_orchestrator.wiring.judging import Agents

        return Agents(self, self.judging)

    @property
    def templates(self) -> TemplateFolders:
        """The shipped templates, and the project's own before them."""
        import os

        from idse_orchestrator.base.files import shipped_folder
        from idse_orchestrator.documents.project_workspace import TEMPLATES_FOLDER
        from idse_orchestrator.sessions.template_folder import TemplateFolders

        return TemplateFolders(shipped_folder("templates"), os.path.join(self.top, TEMPLATES_FOLDER))

    def alone(self) -> AbstractContextManager[None]:
        """Keeps other processes that begin a project or adopt one waiting until the block ends."""
        from idse_orchestrator.base.files import file_lock

        return file_lock(self.private if self.top else "", name="init.lock")

    def log(self, text: str) -> None:
        """Adds a line to the log among idse's own files; a log that cannot be written stops nothing."""
        from idse_orchestrator.git.vault import write_log

        write_log(self.private, text)
