"""``idse agents route`` without click: agents ask it all day (see ``cli/hot.py``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from idse_orchestrator.agents.ide_agent_routing import Routing, route
from idse_orchestrator.agents.registry import registry_of
from idse_orchestrator.cli.render.routing import choice_words, routing_data
from idse_orchestrator.cli.render.style import printable
from idse_orchestrator.documents.pipeline_artifacts import STAGES
from idse_orchestrator.errors import EXIT_CHECK_FAILED, EXIT_OK

if TYPE_CHECKING:
    from idse_orchestrator.cli.run import Run


def run_route(run: Run, stage: str, session: str | None = None) -> int:
    """Print who handles `stage` in the session, the first who should act; 1 where nobody does."""
    if stage not in STAGES:
        from idse_orchestrator.agents.assign_stage import check_stage

        check_stage(stage)
    key = run.session(session)
    look = run.app.reader.look(*key)
    if look is None:
        from idse_orchestrator.sessions.status import no_ledger

        raise no_ledger(key)
    routing = route(registry_of(look), stage, look.tip.state.assigned.get(stage, ""))
    if run.terminal.as_json:
        from idse_orchestrator.cli.render.envelope import envelope

        data = {
            "project": key[0],
            "session": key[1],
            "stage": stage,
            "agent": routing.agent or None,
            "routing": routing_data(routing),
        }
        run.terminal.data(envelope("idse.agents-route/1", data))
    else:
        _print(run, routing)
    return EXIT_OK if routing.first else EXIT_CHECK_FAILED


def _print(run: Run, routing: Routing) -> None:
    width = max((len(choice.agent.id) for choice in routing.choices), default=0)
    for choice in routing.choices:
        run.terminal.data(f"{printable(choice.agent.id):<{width}}  {printable(choice_words(choice))}")
    if not routing.choices:
        run.terminal.say(f"nobody handles {routing.stage}: idse agents add NAME --stage {routing.stage}")
