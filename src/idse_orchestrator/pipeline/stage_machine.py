"""Which moves a stage may make now. Pure: the gate itself is the ValidationEngine's.

start     pending → in_progress, when the stage before is complete and still what was completed
complete  in_progress → complete, when its gate passes
confirm   complete → complete, when its gate passes with the documents as they are now
reopen    complete → in_progress, always, with a reason
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.documents.project_workspace import IMPLEMENTATION, MAY_START_BESIDE
from idse_orchestrator.pipeline.stage_state_model import (
    ARCHIVED,
    CHANGED,
    COMPLETE,
    IN_PROGRESS,
    PENDING,
    Same,
    SessionState,
    Standing,
    before,
    standing,
)

if TYPE_CHECKING:
    from idse_orchestrator.ledger.events import SessionKey

START = "start"
FINISH = "complete"
CONFIRM = "confirm"
REOPEN = "reopen"

TARGET = {START: IN_PROGRESS, FINISH: COMPLETE, CONFIRM: COMPLETE, REOPEN: IN_PROGRESS}
"""The status a stage has after each action."""

NEEDS_GATE = (FINISH, CONFIRM)
NEEDS_REASON = (REOPEN, CONFIRM)

_ALLOWED_FROM = {START: (PENDING,), FINISH: (IN_PROGRESS,), CONFIRM: (COMPLETE,), REOPEN: (COMPLETE,)}


EARLY = "early"
LATE = "late"
UNMAPPED = "unmapped"
"""Why code is out of place: `implementation` is not begun · the session is complete · it is made on a branch
of no session, where others have one."""


class Misplaced(NamedTuple):
    """Code of a session that is out of place, and why.

    `commits` are the newest first; none for what is staged.
    """

    key: SessionKey
    why: str
    commits: tuple[str, ...] = ()


def has_stage_of_code(state: SessionState) -> bool:
    """Tests whether code has a stage in a session of that type: else it is never out of place."""
    return IMPLEMENTATION in state.stages_needed


def misplaced_code(state: SessionState, *, is_unmapped: bool = False) -> str:
    """Returns why code would be out of place in a session as it stands; "" for in place.

    `is_unmapped`: it is made on a branch of no session, where others have one.
    """
    if state.is_at_rest or not has_stage_of_code(state):
        return ""
    if is_unmapped:
        return UNMAPPED
    if state.stages[IMPLEMENTATION].status == PENDING:
        return EARLY
    return LATE if state.effective_status == COMPLETE else ""


class Refusal(NamedTuple):
    """Why a move cannot be made. `at` is the stage whose document is the cause, if one is."""

    code: str
    message: str
    cause: str
    fix: tuple[str, ...]
    at: str = ""


def waiting_for(stages: Iterable[Standing], action: str) -> Sequence[Standing]:
    """Returns those that wait for `action`: to be started, completed, or confirmed as they do not hold."""
    if action == CONFIRM:
        return [each for each in stages if each.status == COMPLETE and not each.holds]
    return [each for each in stages if each.status in _ALLOWED_FROM[action]]


def is_so(state: SessionState, blobs: Mapping[str, str], stage: str, action: str, same: Same) -> bool:
    """Tests whether `stage` is already what `action` would make of it: begun, or complete and as it was."""
    if state.is_at_rest:
        return False
    if action == START:
        return state.stages[stage].status == IN_PROGRESS
    return action == FINISH and standing(state, stage, blobs, same).holds


def refusal(
    state: SessionState, blobs: Mapping[str, str], stage: str, action: str, same: Same
) -> Refusal | None:
    """Returns why `action` on `stage` cannot be done now, given the documents' `blobs`; None when it can."""
    if state.is_deleted:
        return Refusal("IDSE010", *deleted_words(state))
    if state.status == ARCHIVED:
        return Refusal(
            "IDSE010",
            f"session {state.session!r} is archived",
            "an archived session does not move",
            (f"idse session archive {state.session} --undo",),
        )
    status = state.stages[stage].status
    if action == FINISH and status == COMPLETE:
        here = standing(state, stage, blobs, same)
        return Refusal("IDSE010", _expired(here), _cause(here), _fixes(here), stage)
    if status not in _ALLOWED_FROM[action]:
        return _wrong_status(stage, action, status)
    return out_of_order(state, blobs, stage, same) if action == START else None


def deleted_words(state: SessionState) -> tuple[str, str, tuple[str, ...]]:
    """Returns what to say where a session was deleted: what, why, and what to type."""
    return (
        f"session {state.called!r} was deleted",
        "nothing is done to a deleted session; its ledger and its folder are still here",
        (f"idse session delete {state.called} --undo",),
    )


def _wrong_status(stage: str, action: str, status: str) -> Refusal:
    first = {PENDING: f"idse stage start {stage}", IN_PROGRESS: f"idse stage complete {stage}"}
    fix = first.get(status, f'idse stage reopen {stage} -m "why"')
    return Refusal(
        "IDSE010",
        f"stage `{stage}` cannot {action}: it is {status}",
        f"{action} is for a stage that is {' or '.join(_ALLOWED_FROM[action])}",
        (fix,),
    )


def out_of_order(state: SessionState, blobs: Mapping[str, str], stage: str, same: Same) -> Refusal | None:
    """Returns why the work before `stage` is no ground for it to stand on; None when it is."""
    earlier = before(state, stage)
    if not earlier:
        return None
    last = standing(state, earlier[-1], blobs, same)
    if last.holds or (stage in MAY_START_BESIDE and last.status != PENDING):
        return None
    return Refusal(
        "IDSE401",
        f"stage `{stage}` cannot start: {_problem(last)}",
        _cause(last),
        _fixes(last),
        last.stage,
    )


def _expired(here: Standing) -> str:
    return f"{_problem(here)}, so it cannot be completed again as it stands"


def _problem(here: Standing) -> str:
    if here.status != COMPLETE:
        return f"`{here.stage}` is {here.status}"
    if here.condition == CHANGED:
        return f"`{here.stage}` changed after it was completed"
    return f"`{here.stage}` is stale: {', '.join(here.causes)} changed since it was completed"


def _cause(here: Standing) -> str:
    if here.status != COMPLETE:
        return "a stage starts when the one before it is complete"
    if here.condition == CHANGED:
        return f"completed with {here.recorded[:7]}, the file is now {here.actual[:7] or 'missing'}"
    return "it was completed for other documents than those that stand now"


def _fixes(here: Standing) -> tuple[str, ...]:
    if here.status == PENDING:
        return (f"idse stage start {here.stage}",)
    if here.status == IN_PROGRESS:
        return (f"idse stage complete {here.stage}",)
    return (f'idse stage reopen {here.stage} -m "why"', f'idse stage confirm {here.stage} -m "why"')
