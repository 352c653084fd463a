"""``idse drift``: which commits changed what a session built, after its implementation was complete."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from idse_orchestrator.base.records import picked
from idse_orchestrator.base.text import counted, printable
from idse_orchestrator.cli import options
from idse_orchestrator.cli.layout import Style, aligned
from idse_orchestrator.cli.options import command, flag, required_reason, session_argument
from idse_orchestrator.cli.stage_moves import moved, moving_of
from idse_orchestrator.cli.terminal import Answer, Said
from idse_orchestrator.constitution.drift import NOTHING_RECORDED, Drift, Drifted, Place, shown
from idse_orchestrator.constitution.validate import NO_CODE
from idse_orchestrator.documents.project_workspace import IMPLEMENTATION
from idse_orchestrator.errors import EXIT_CHECK_FAILED, EXIT_OK, GateError, UsageError
from idse_orchestrator.pipeline.stage_machine import CONFIRM
from idse_orchestrator.pipeline.stage_state_model import ARCHIVED, COMPLETE, standing
from idse_orchestrator.sessions.status import no_ledger

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import click

    from idse_orchestrator.cli.terminal import Run
    from idse_orchestrator.ledger.events import SessionKey
    from idse_orchestrator.pipeline.stage_state_model import SessionState
    from idse_orchestrator.sessions.move_stage import Moving

_DAY = 10
_CONFIRM = f'idse stage confirm {IMPLEMENTATION} -m "why"'
_MOST = 3
"""Places of a commit that a line shows."""


@command("show", session_argument, reads=True)
@flag("--all", "all_sessions", help="All sessions of the project whose implementation is complete.")
@flag("--strict", help="Say no where anything drifted.")
def _show(run: Run, session: str | None, *, all_sessions: bool, strict: bool) -> Answer:
    """Show which commits changed what a session built, since its implementation was complete or accepted.

    Looked at are the lines that the commits of the session wrote, in the files of its code. A commit shows
    where it takes such lines away or makes them say something else: layout, comments, docstrings and types
    are passed over, and so are documents, tests and what builds the code. What belongs to another session by
    its note, and commits that say of themselves that they only clean up, are told apart.

    The exit code is 0 whatever drifted: it need not be wrong. With --strict it is 1.
    """
    if all_sessions and session is not None:
        raise UsageError("--all and a session exclude each other", fix=("idse drift --all",))
    states = _states(run, run.app.reader.sessions(run.project) if all_sessions else [run.session(session)])
    if all_sessions:
        states = {
            key: state
            for key, state in states.items()
            if state.status != ARCHIVED and state.stages[IMPLEMENTATION].status == COMPLETE
        }
    found = _found(run, states)
    drifted = any(each.is_drifted for each in found.values())
    return Answer(
        "idse.drift/1",
        lambda: {"sessions": [_data(key, each) for key, each in found.items()]},
        _lines(found, run.terminal.style),
        code=EXIT_CHECK_FAILED if drifted and strict else EXIT_OK,
    )


@command("accept", session_argument, required_reason("Why what was built may be as it is now."), reads=True)
def _accept(run: Run, session: str | None, reason: str) -> Answer:
    """Accept the code as it is now: the implementation is confirmed, and drift counts from here.

    It is what idse stage confirm implementation does, for a session whose documents still hold: its gate is
    asked, and the reason is part of the history. Nothing is accepted of what is not committed.
    """
    key = run.session(session)
    moving = moving_of(run, key)
    _refuse(key, moving)
    drift = _found(run, {key: moving.look.tip.state})[key]
    if drift.unseen:
        raise GateError(
            f"the code of {'/'.join(key)} cannot be accepted",
            where=IMPLEMENTATION,
            cause=f"it cannot be judged here: {drift.unseen}",
            fix=(_CONFIRM,)
            if drift.unseen == NOTHING_RECORDED
            else ("accept it where the code is", "idse drift"),
        )
    return moved(run, moving, CONFIRM, [IMPLEMENTATION], reason)


def _refuse(key: SessionKey, moving: Moving) -> None:
    """Raises GateError where the implementation is not complete, or is not what was completed."""
    here = standing(moving.look.tip.state, IMPLEMENTATION, moving.workspace.blobs(*key), moving.same)
    if here.holds:
        return
    is_complete = here.status == COMPLETE
    why = "its documents changed since" if is_complete else f"it is {here.status.replace('_', ' ')}"
    raise GateError(
        f"the code of {'/'.join(key)} cannot be accepted",
        where=IMPLEMENTATION,
        cause=f"the stage has to be complete and as it was completed: {why}",
        fix=(_CONFIRM if is_complete else "idse next",),
    )


def _states(run: Run, keys: Sequence[SessionKey]) -> Mapping[SessionKey, SessionState]:
    found = run.app.reader.states(keys)
    for key in keys:
        if key not in found:
            raise no_ledger(key)
    return found


def _found(run: Run, states: Mapping[SessionKey, SessionState]) -> Mapping[SessionKey, Drift]:
    """Returns the drift of each session; what cannot be judged says why."""
    code = run.app.drifting
    judged = code.drift(states) if code else {}
    found = {}
    for key, state in states.items():
        status = state.stages[IMPLEMENTATION].status
        why = NO_CODE if status == COMPLETE else f"its implementation is {status.replace('_', ' ')}"
        found[key] = judged.get(key) or Drift(unseen=why)
    return found


def _data(key: SessionKey, drift: Drift) -> dict[str, object]:
    return {
        "project": key[0],
        "session": key[1],
        "unseen": drift.unseen or None,
        "baseline": drift.baseline or None,
        "paths": list(drift.paths),
        "drifted": drift.is_drifted,
        "commits": [_commit(each) for each in drift.commits],
        "uncommitted": [_place(each) for each in drift.open],
        "other_sessions": [_commit(each) for each in drift.others],
        "set_aside": [_commit(each) for each in drift.quiet],
    }


def _commit(drifted: Drifted) -> dict[str, object]:
    return {
        **picked(drifted.commit, "id at author subject"),
        "sessions": list(drifted.commit.sessions),
        "places": [_place(each) for each in drifted.places],
    }


def _place(place: Place) -> dict[str, object]:
    return {"path": place.path, "first": place.lines.first, "last": place.lines.last}


def _lines(found: Mapping[SessionKey, Drift], style: Style) -> Iterator[str]:
    for key, drift in found.items():
        name = printable("/".join(key))
        if drift.unseen:
            yield Said(f"drift of {name} cannot be judged here: {printable(drift.unseen)}")
            continue
        since = f" since {drift.baseline[:7]}" if drift.baseline else ""
        if drift.is_drifted:
            yield style.bold(f"{name}: what it built changed{since}")
        else:
            yield Said(f"{name}: what it built did not change{since}")
        rows = [*(_row(each) for each in drift.commits), *_open_row(drift)]
        yield from (f"  {line}" for line in aligned(rows)) if rows else ()
        yield from _apart(drift)
        if drift.commits:
            yield Said(f'  accept it: idse drift accept {printable(key[1])} -m "why"')
    if not found:
        yield Said("no session has a complete implementation")


def _row(drifted: Drifted) -> list[str]:
    commit = drifted.commit
    subject = printable(commit.subject)
    return [commit.id[:7], commit.at[:_DAY], printable(commit.author), subject, _places(drifted.places)]


def _open_row(drift: Drift) -> Iterator[list[str]]:
    if drift.open:
        yield ["-", "not", "committed", "", _places(drift.open)]


def _places(places: Sequence[Place]) -> str:
    names = [printable(shown(place)) for place in places]
    more = len(names) - _MOST
    return ", ".join(names[:_MOST]) + (f" and {more} more" if more > 0 else "")


def _apart(drift: Drift) -> Iterator[str]:
    if drift.others:
        owners = sorted({name for each in drift.others for name in each.commit.sessions})
        yield Said(
            f"  {counted(len(drift.others), 'commit')} more of other sessions: {printable(', '.join(owners))}"
        )
    if drift.quiet:
        yield Said(
            f"  {counted(len(drift.quiet), 'commit')} more that only clean up, as they say: --json lists them"
        )


class _Drift(options.Group):
    """Shows where nothing else is asked for: ``idse drift login`` is ``idse drift show login``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Puts the name of the command in that was left out."""
        if not args or (args[0] not in self.commands and args[0] not in ("-h", "--help")):
            args = ["show", *args]
        return super().parse_args(ctx, args)


drift = _Drift(
    "drift",
    commands=[_show, _accept],
    help="""Show which later changes made something else of what was built, and accept them.

    Without a command it shows: idse drift [SESSION] is idse drift show [SESSION].
    """,
)
