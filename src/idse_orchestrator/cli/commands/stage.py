"""``idse stage``: move stages through their gates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

import click

from idse_orchestrator.agents.ide_agent_routing import additions
from idse_orchestrator.agents.registry import AgentRegistry, registry_of
from idse_orchestrator.base.text import one_line
from idse_orchestrator.cli import options
from idse_orchestrator.cli.layout import Style, printable
from idse_orchestrator.cli.options import command, flag, reason_option, session_option
from idse_orchestrator.cli.render.status import handoff_words, handoffs_data, next_data, next_lines
from idse_orchestrator.cli.terminal import Answer, Said, Warned, picked
from idse_orchestrator.sessions.move_stage import Moved, Moving, Outcome, meant_stages, move_stages
from idse_orchestrator.sessions.ports import Move
from idse_orchestrator.sessions.status import SessionStatus, show_status
from idse_orchestrator.sessions.views import failure_of

if TYPE_CHECKING:
    from idse_orchestrator.agents.handoff import Handoff
    from idse_orchestrator.cli.options import Option
    from idse_orchestrator.cli.terminal import Run
    from idse_orchestrator.ledger.events import SessionKey

_HELP = {
    "start": """Begin a stage: the one before it must be complete, and still what was completed.

    Without STAGE, the next one. Completing a stage begins the one after it by itself.
    """,
    "complete": """Complete stages: their gates are checked over the documents of this work tree.

    Without STAGE, the one in progress. Of several all are completed or none. The stage after them begins
    by itself, unless it is assigned, routed or offered to another agent.
    """,
    "reopen": """Take complete stages up again.

    Everything that builds on them then shows as stale by itself.
    """,
    "confirm": """Say that complete stages still hold for the documents as they are now, and why.

    Without STAGE, all that do not hold any more.
    """,
}
_EXTRA: dict[str, tuple[Option, ...]] = {
    "complete": (flag("--no-start", help="Do not begin the stage after them."),),
    "confirm": (flag("--downstream", help="Also those behind them that do not hold any more."),),
}


def _command(action: str) -> click.Command:
    def move(
        run: Run,
        stages: tuple[str, ...],
        reason: str,
        session: str | None,
        *,
        no_start: bool = False,
        downstream: bool = False,
    ) -> Answer:
        key = run.session(session)
        moving = _moving(run, key)
        named = meant_stages(moving, key, action, stages, downstream=downstream)
        agent = one_line(run.app.agent)
        moves = [Move(stage, action, reason, agent) for stage in named]
        done = move_stages(moving, key, moves, starts_next=not no_start)
        return _answer(run, key, action, done)

    move.__doc__ = _HELP[action]
    names = click.argument(
        "stages",
        nargs=-1,
        required=action == "reopen",
        metavar="STAGE..." if action == "reopen" else "[STAGE]...",
        shell_complete=options.stages,
    )
    extra = _EXTRA.get(action, ())
    return command(action, names, *extra, session_option, reason_option, reads=True)(move)


def _moving(run: Run, key: SessionKey) -> Moving:
    app = run.app
    look = app.reader.look(*key)
    registry = registry_of(look) if look else AgentRegistry()
    return Moving(app.reader, app.writer, app.workspace, app.judging.gate, partial(additions, registry))


def _answer(run: Run, key: SessionKey, action: str, done: Outcome) -> Answer:
    app = run.app
    problem = ""
    if app.workspace.current(key[0]) == key:
        problem = failure_of(lambda: app.views.write(key))
    status = show_status(app.reader, app.workspace, key)
    return Answer(
        "idse.stage/2",
        lambda: {
            "moves": [_moved_data(each) for each in done.moved],
            "so_already": list(done.so_already),
            "handoffs": handoffs_data(_handoffs(done)),
            "next": next_data(status),
        },
        _lines(action, done, status, problem, run.terminal.style),
    )


def _moved_data(moved: Moved) -> dict[str, object]:
    return {
        **picked(moved.move, "stage action"),
        "from": moved.before,
        "to": moved.after,
        "ledger": moved.tip.commit,
        "warnings": len(moved.report.findings) if moved.report else 0,
    }


def _lines(action: str, done: Outcome, status: SessionStatus, problem: str, style: Style) -> Iterator[str]:
    for moved in done.moved:
        if moved.report and moved.report.findings:
            from idse_orchestrator.cli.render.report import text_report

            yield text_report(moved.report, {}, style)
        confirmed = " (confirmed)" if moved.move.action == "confirm" else ""
        yield Said(f"{moved.move.stage}: {moved.before} → {moved.after}{confirmed}  ({moved.tip.commit[:7]})")
    word = "complete" if action == "complete" else "in progress"
    for stage in done.so_already:
        yield Said(f"{stage} is {word} already")
    for handoff in _handoffs(done):
        yield Said(printable(handoff_words(handoff)))
    if action == "complete":
        yield from map(Said, next_lines(status.next))
    if problem:
        yield Warned(problem)


def _handoffs(done: Outcome) -> Sequence[Handoff]:
    if not done.followed:
        return ()
    from idse_orchestrator.agents.handoff import handoffs_of

    return [handoffs_of(tip.state)[-1] for tip in done.followed]


stage = click.Group(
    "stage", commands=[_command(action) for action in _HELP], help="Move stages through their gates."
)
