"""``idse stage``: move a stage through its gate."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import click

from idse_orchestrator.agents.ide_agent_routing import additions
from idse_orchestrator.agents.registry import AgentRegistry, registry_of
from idse_orchestrator.base.text import one_line
from idse_orchestrator.cli import completion_values
from idse_orchestrator.cli.options import command
from idse_orchestrator.cli.render.routing import handoff_words, handoffs_data
from idse_orchestrator.cli.render.style import printable
from idse_orchestrator.cli.run import Run
from idse_orchestrator.errors import GateError
from idse_orchestrator.sessions.move_stage import Moved, move_stage
from idse_orchestrator.sessions.ports import Move
from idse_orchestrator.sessions.views import failure_of

if TYPE_CHECKING:
    from idse_orchestrator.agents.handoff import Handoff

_HELP = {
    "start": "Begin a stage: the one before it must be complete, and still what was completed.",
    "complete": "Complete a stage: its gate is checked over the documents of this work tree.",
    "reopen": "Take a complete stage up again. Everything that builds on it then shows as stale by itself.",
    "confirm": "Say that a complete stage still holds for the documents as they are now, and why.",
}


def build() -> click.Command:
    """The click group."""
    group = click.Group("stage", help="Move a stage through its gate.")
    for action in _HELP:
        group.add_command(_command(action))
    return group


def _command(action: str) -> click.Command:
    def move(run: Run, stage: str, reason: str, session: str | None) -> int:
        return _move(run, Move(stage, action, reason, one_line(run.app.agent)), session)

    move.__doc__ = _HELP[action]
    wrap: Callable[[Callable[..., int]], click.Command] = command(action, reads=True)
    return wrap(_options(move))


def _options(function: Callable[..., int]) -> Callable[..., int]:
    function = click.option("-m", "reason", default="", metavar="WHY", help="Why; part of the history.")(
        function
    )
    function = click.option(
        "--session",
        metavar="NAME",
        help="Another session than the current one.",
        shell_complete=completion_values.sessions,
    )(function)
    return click.argument("stage", shell_complete=completion_values.stages)(function)


def _move(run: Run, move: Move, session: str | None) -> int:
    key = run.session(session)
    app = run.app
    look = app.reader.look(*key)
    registry = registry_of(look) if look else AgentRegistry()
    try:
        adding = partial(additions, registry)
        done = move_stage(app.writer, app.workspace, app.judging.gate, key, move, adding=adding)
    except GateError as error:
        _show_findings(run, error.findings)
        raise
    problem = ""
    if app.workspace.current(key[0]) == key:
        problem = failure_of(lambda: app.views.write(key))
    _render(run, move, done)
    if problem:
        run.terminal.warn(problem)
    return 0


def _show_findings(run: Run, report: object) -> None:
    from idse_orchestrator.cli.render.report import render_report
    from idse_orchestrator.constitution.findings import Report

    if isinstance(report, Report) and not run.terminal.as_json:
        rules = {rule.id: rule for rule in run.app.judging.constitution.rules}
        run.terminal.data(render_report("text", report, rules, run.terminal.style))


def _handoffs(done: Moved) -> tuple[Handoff, ...]:
    if not done.followed:
        return ()
    from idse_orchestrator.agents.handoff import handoffs_of

    return tuple(handoffs_of(tip.state)[-1] for tip in done.followed)


def _render(run: Run, move: Move, done: Moved) -> None:
    warnings = done.report.findings if done.report else ()
    if run.terminal.as_json:
        from idse_orchestrator.cli.render.envelope import envelope

        data = {
            "stage": move.stage,
            "action": move.action,
            "from": done.before,
            "to": done.after,
            "ledger": done.tip.commit,
            "warnings": len(warnings),
            "handoffs": handoffs_data(_handoffs(done)),
        }
        run.terminal.data(envelope("idse.stage/1", data))
        return
    if warnings:
        _show_findings(run, done.report)
    looked = " (confirmed)" if move.action == "confirm" else ""
    run.terminal.say(f"{move.stage}: {done.before} → {done.after}{looked}  ({done.tip.commit[:7]})")
    for handoff in _handoffs(done):
        run.terminal.say(printable(handoff_words(handoff)))
