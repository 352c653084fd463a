"""``idse prime``: brief an agent in a few hundred words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from idse_orchestrator.cli.briefing import look_around
from idse_orchestrator.cli.options import command, session_argument
from idse_orchestrator.cli.render.prime import prime_text
from idse_orchestrator.cli.render.report_json import finding_data
from idse_orchestrator.cli.render.status import status_data
from idse_orchestrator.cli.run import Run

if TYPE_CHECKING:
    import click


@command("prime", reads=True)
@session_argument
def _prime(run: Run, session: str | None) -> int:
    """Brief an agent: where the session stands, what to do now, what is open, and the rules of the house.

    Fits 1,500 tokens. Made for the start of an agent's session: idse prime >> context.
    """
    app = run.app
    key = run.session(session)
    status, report = look_around(app, key)
    if run.terminal.as_json:
        from idse_orchestrator.cli.render.envelope import envelope

        rules = {rule.id: rule for rule in app.judging.constitution.rules}
        findings = [finding_data(finding, rules) for finding in report.findings]
        run.terminal.data(envelope("idse.prime/1", {"status": status_data(status), "findings": findings}))
    else:
        run.terminal.data(prime_text(status, report))
    return 0


def build() -> click.Command:
    """The click command."""
    return _prime
