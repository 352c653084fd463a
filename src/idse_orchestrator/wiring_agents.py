"""Builds what the agents of a project and their handoffs work with, from the parts of an `Application`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from idse_orchestrator.app.agents.change_registry import RegistryKeeper
    from idse_orchestrator.wiring import Application


class Agents:
    """The half of the wiring that only commands about agents pay for."""

    def __init__(self, app: Application) -> None:
        self._app = app

    @property
    def keeper(self) -> RegistryKeeper:
        """What changing the registry works with."""
        from idse_orchestrator.app.agents.change_registry import RegistryKeeper

        return RegistryKeeper(self._app.reader, self._app.writer, self._app.workspace)
