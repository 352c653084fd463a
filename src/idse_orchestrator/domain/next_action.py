"""What to do now: the first thing in pipeline order that keeps a session from being complete."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from idse_orchestrator.domain.pipeline_artifacts import ARTIFACTS
from idse_orchestrator.domain.stage_state_model import (
    ARCHIVED,
    CHANGED,
    COMPLETE,
    IN_PROGRESS,
    PENDING,
    STALE,
    SessionState,
    Standing,
)
from idse_orchestrator.domain.text import few


class NextAction(NamedTuple):
    """`why` in a sentence, and the `commands` that do it.

    `stage` is what it is about ("" : the whole session), `artifact` what to edit first, relative to the
    session's folder ("" : nothing).
    """

    why: str
    commands: tuple[str, ...]
    stage: str = ""
    artifact: str = ""


def next_action(state: SessionState, stages: Sequence[Standing]) -> NextAction:
    """The next thing to do about a session whose stages stand as `stages` says."""
    if state.status == ARCHIVED:
        return NextAction("the session is archived", (f"idse session archive {state.session} --undo",))
    for here in stages:
        action = _about(here)
        if action is not None:
            return action
    return NextAction("all seven stages are complete", ("idse spawn NAME",))


def _about(here: Standing) -> NextAction | None:
    stage, artifact = here.stage, ARTIFACTS[here.stage]
    if here.status == COMPLETE and here.condition == CHANGED:
        return NextAction(
            f"{artifact} changed after {stage} was completed", _look_again(stage), stage, artifact
        )
    if here.status == COMPLETE and here.condition == STALE:
        return NextAction(
            f"{stage} is stale: {few(here.causes)} changed since", _look_again(stage), stage, artifact
        )
    if here.status == IN_PROGRESS:
        return NextAction(f"write {artifact}", (f"idse stage complete {stage}",), stage, artifact)
    if here.status == PENDING:
        return NextAction(f"{stage} is next", (f"idse stage start {stage}",), stage, artifact)
    return None


def _look_again(stage: str) -> tuple[str, ...]:
    return (f'idse stage reopen {stage} -m "why"', f'idse stage confirm {stage} -m "why"')
