"""Appends to the ledgers of sessions and projects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from idse_orchestrator.base.names import check_name
from idse_orchestrator.ledger.events import alone
from idse_orchestrator.ledger.writer import Writer
from idse_orchestrator.pipeline.kinds import PROJECT, SESSION

if TYPE_CHECKING:
    from idse_orchestrator.pipeline.values import (
        ProjectPlan,
        ProjectTip,
        SessionPlan,
        SessionPlans,
        SessionTip,
    )


class LedgerWriter(Writer):
    """Appends to the ledgers of sessions and projects; see `Writer`."""

    def append(self, project: str, session: str, plan: SessionPlan) -> SessionTip | None:
        """Appends the planned event; the tip afterwards (None: no ledger and nothing planned)."""
        tips = self.append_all(project, session, alone(plan))
        return tips[-1] if tips else None

    def append_all(self, project: str, session: str, plan: SessionPlans) -> Sequence[SessionTip]:
        """Appends the planned events; see `append_to`."""
        names = (check_name("project", project), check_name("session", session))
        return self.append_to(SESSION, names, plan)

    def append_to_project(self, project: str, plan: ProjectPlan) -> ProjectTip | None:
        """Appends the planned event to a project's ledger."""
        tips = self.append_to(PROJECT, (check_name("project", project),), alone(plan))
        return tips[-1] if tips else None
