"""``idse stage``: move a stage through its gate."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

import click

from idse_orchestrator.agents.ide_agent_routing import additions
from idse_orchestrator.agents.registry import AgentRegistry, registry_of
from idse_orchestrator.base.text import one_line
from idse_orchestrator.cli import options
from idse_orchestrator.cli.layout import Style, printable
from idse_orchestrator.cli.options import command, reason_option, session_option
from idse_orchestrator.cli.render.status import handoff_words, handoffs_data
from idse_orchestrator.cli.terminal import Answer, Said, Warned, picked
from idse_orchestrator.sessions.move_stage import Moved, Moving, move_stage
from idse_orchestrator.sessions.ports import Move
from idse_orchestrator.sessions.views import failure_of

if TYPE_CHECKING:
    from idse_orchestrator.agents.handoff import Handoff
    from idse_orchestrator.cli.terminal import Run

_HELP = {
    "start": "Begin a stage: the one before it must be complete, and still what was completed.",
    "complete": "Complete a stage: its gate is checked over the documents of this work tree.",
    "reopen": "Take a complete stage up again. Everything that builds on it then shows as stale by itself.",
    "confirm": "Say that a complete stage still holds for the documents as they are now, and why.",
}
_stage_argument = click.argument("stage", shell_complete=options.stages)


def _command(action: str) -> click.Command:
    def move(run: Run, stage: str, reason: str, session: str | None) -> Answer:
        return _move(run, Move(stage, action, reason, one_line(run.app.agent)), session)

    move.__doc__ = _HELP[action]
    return command(action, _stage_argument, session_option, reason_option, reads=True)(move)


def _move(run: Run, move: Move, session: str | None) -> Answer:
    key = run.session(session)
    app = run.app
    look = app.reader.look(*key)
    registry = registry_of(look) if look else AgentRegistry()
    adding = partial(additions, registry)
    moving = Moving(app.reader, app.writer, app.workspace, app.judging.gate, adding)
    done = move_stage(moving, key, move)
    problem = ""
    if app.workspace.current(key[0]) == key:
        problem = failure_of(lambda: app.views.write(key))
    return Answer(
        "idse.stage/1",
        lambda: {
            **picked(move, "stage action"),
            "from": done.before,
            "to": done.after,
            "ledger": done.tip.commit,
            "warnings": len(done.report.findings) if done.report else 0,
            "handoffs": handoffs_data(_handoffs(done)),
        },
        _lines(move, done, problem, run.terminal.style),
    )


def _lines(move: Move, done: Moved, problem: str, style: Style) -> Iterator[str]:
    if done.report and done.report.findings:
        from idse_orchestrator.cli.render.report import text_report

        yield text_report(done.report, {}, style)
    confirmed = " (confirmed)" if move.action == "confirm" else ""
    yield Said(f"{move.stage}: {done.before} → {done.after}{confirmed}  ({done.tip.commit[:7]})")
    for handoff in _handoffs(done):
        yield Said(printable(handoff_words(handoff)))
    if problem:
        yield Warned(problem)


def _handoffs(done: Moved) -> tuple[Handoff, ...]:
    if not done.followed:
        return ()
    from idse_orchestrator.agents.handoff import handoffs_of

    return tuple(handoffs_of(tip.state)[-1] for tip in done.followed)


stage = click.Group(
    "stage", commands=[_command(action) for action in _HELP], help="Move a stage through its gate."
)
