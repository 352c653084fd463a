"""``idse stage``: move stages through their gates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from idse_orchestrator.cli import options
from idse_orchestrator.cli.options import command, flag, reason_option, session_option
from idse_orchestrator.cli.stage_moves import moved, moving_of
from idse_orchestrator.sessions.move_stage import meant_stages

if TYPE_CHECKING:
    from idse_orchestrator.cli.options import Option
    from idse_orchestrator.cli.terminal import Answer, Run

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
        moving = moving_of(run, run.session(session))
        named = meant_stages(moving, action, stages, downstream=downstream)
        return moved(run, moving, action, named, reason, starts_next=not no_start)

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


stage = options.Group(
    "stage", commands=[_command(action) for action in _HELP], help="Move stages through their gates."
)
