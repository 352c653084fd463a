"""What an agent is told first: the text of `idse prime`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from idse_orchestrator.constitution.findings import Report
    from idse_orchestrator.ledger.values import SessionKey
    from idse_orchestrator.sessions.status import SessionStatus
    from idse_orchestrator.wiring.application import Application


def look_around(app: Application, key: SessionKey) -> tuple[SessionStatus, Report]:
    """Where the session `key` stands in this work tree, and every finding about it."""
    from idse_orchestrator.sessions.status import show_status

    return show_status(app.reader, app.workspace, key), findings_of(app, key)


def findings_of(app: Application, key: SessionKey) -> Report:
    """Every finding about the session `key` as it is in this work tree."""
    from idse_orchestrator.constitution.scope import Scope, places
    from idse_orchestrator.constitution.validate import validate

    scope = Scope(*key)
    reader = app.documents(places(scope))
    return validate(app.judging.validation(reader, views=app.views.contents()), scope)
