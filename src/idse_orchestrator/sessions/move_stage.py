"""Move stages: start, complete, confirm or reopen them, all that were asked for or none, in one append.

A gate is judged over the documents of the work tree, and the same documents enter the ledger with the
event: what was judged is what is recorded. Events that other rooms add, such as the handoffs that rules ask
for, follow in commits of their own. Who completes a stage begins the next one, unless it is somebody
else's; the ledger moves once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.base.text import counted, encodable, near
from idse_orchestrator.documents.project_workspace import (
    ARTIFACTS,
    STAGES,
    artifact_path,
    downstream_of,
    upstream_of,
)
from idse_orchestrator.errors import AmbiguousError, ConflictError, GateError, UnknownNameError, UsageError
from idse_orchestrator.ledger.events import STAGE, Draft, SessionKey, Synced
from idse_orchestrator.pipeline.stage_machine import (
    CONFIRM,
    FINISH,
    NEEDS_GATE,
    NEEDS_REASON,
    START,
    TARGET,
    Refusal,
    is_so,
    out_of_order,
    refusal,
    waiting_for,
)
from idse_orchestrator.pipeline.stage_state_model import PENDING, standings
from idse_orchestrator.sessions.ports import Addition, Captured, Contributions, Move
from idse_orchestrator.sessions.status import SessionStatus, next_action, no_ledger

if TYPE_CHECKING:
    from idse_orchestrator.constitution.rules import Report
    from idse_orchestrator.pipeline.stage_state_model import Same, SessionState
    from idse_orchestrator.pipeline.values import Look, SessionTip
    from idse_orchestrator.pipeline.writer import LedgerWriter

Gate = Callable[[SessionKey, str, "SessionState"], "Report"]
"""Judges the documents here as if the stage were complete, in a session of that state."""


class Moved(NamedTuple):
    """A move that was made: the status before and after, the gate's report if one ran, the ledger with it."""

    move: Move
    before: str
    after: str
    report: Report | None
    tip: SessionTip


class Outcome(NamedTuple):
    """The moves that were made, in their order; stages that began by themselves are among them.

    `so_already` are stages for which there was nothing to do. `followed` holds the ledger after each event
    that was added; `status` is where the session stands in the end.
    """

    moved: tuple[Moved, ...]
    so_already: tuple[str, ...]
    followed: tuple[SessionTip, ...]
    status: SessionStatus


def meant_stages(
    moving: Moving, action: str, named: Sequence[str], *, downstream: bool = False
) -> Sequence[str]:
    """Returns the stages that `action` is about: those `named`, or else those that wait for it.

    `downstream` adds the complete stages behind them that do not hold any more. UsageError where no stage
    waits, AmbiguousError where several do and the action is for one.
    """
    if named and not downstream:
        return tuple(dict.fromkeys(named))
    blobs = moving.workspace.blobs(*moving.key)
    stages = standings(moving.look.tip.state, blobs, moving.same)
    if named:
        check_stages(action, named)
        first = min(STAGES.index(stage) for stage in named)
        behind = [each.stage for each in waiting_for(stages, action) if STAGES.index(each.stage) > first]
        return sorted({*named, *behind}, key=STAGES.index)
    found = [each.stage for each in waiting_for(stages, action)]
    if not found:
        raise UsageError(f"no stage waits to {action}", fix=("idse next",))
    if len(found) > 1 and action == FINISH:
        raise AmbiguousError(
            f"{len(found)} stages are in progress: {', '.join(found)}",
            fix=tuple(f"idse stage {action} {stage}" for stage in found),
        )
    return found if action == CONFIRM else found[:1]


def _nothing(_state: SessionState, _move: Move) -> Addition:
    return Addition()


class Moving(NamedTuple):
    """Holds what moving stages of the session `key` needs; `look` is its ledger before the move.

    `same` compares versions of its ``tasks.md``; `adding` says what other rooms add to a move.
    """

    key: SessionKey
    look: Look
    same: Same
    writer: LedgerWriter
    workspace: Contributions
    gate: Gate
    adding: Callable[[SessionState, Move], Addition] = _nothing


def move_stages(moving: Moving, moves: Sequence[Move], *, starts_next: bool = True) -> Outcome:
    """Makes `moves` one after the other, with what others add to them, in one append.

    Each completion starts the stage after it where that may start and is nobody else's; the last one only
    with `starts_next`.

    GateError when the stage machine or a gate says no (its `findings` tell what the gate found),
    ConflictError when the folder and the ledger have to be brought together first.
    """
    for move in moves:
        check_stages(move.action, [move.stage])
        _check_reason(move)
    key, tip = moving.key, moving.look.tip
    captured = moving.workspace.capture(*key)
    walk = _Walk(moving, captured, starts_next=starts_next)
    walk.take(moves, tip, judging=True)
    if walk.reports and moving.workspace.blobs(*key) != _blobs(captured):
        raise ConflictError("a document changed while its gate was checked", fix=("run the command again",))

    def plan(tip: SessionTip | None) -> Sequence[Draft]:
        if tip is None:
            raise no_ledger(key)
        walk.take(moves, tip)
        return [step.draft for step in walk.steps]

    tips = moving.writer.append_all(*key, plan) or (tip,)
    if captured is not None and walk.reports:
        moving.workspace.agree(*key, captured.tree)
    made = list(zip(walk.steps, tips, strict=False))
    return Outcome(
        tuple(step.told(tip) for step, tip in made if step.move),
        tuple(walk.so_already),
        tuple(tip for step, tip in made if not step.move),
        _status_after(moving, tips[-1], _blobs(captured)),
    )


def _status_after(moving: Moving, tip: SessionTip, blobs: Mapping[str, str]) -> SessionStatus:
    """Returns where the session stands then, as far as a move tells: nothing is read again."""
    stages = standings(tip.state, blobs, moving.same)
    look = moving.look._replace(tip=tip)
    return SessionStatus(look, stages, next_action(tip.state, stages), blobs, (), bool(blobs), Synced("", ""))


class _Step(NamedTuple):
    """An event to append: that of `move`, or one that was added (None)."""

    draft: Draft
    move: Move | None = None
    report: Report | None = None

    def told(self, tip: SessionTip) -> Moved:
        assert self.move is not None  # noqa: S101 - for the type checker
        body = self.draft.body
        return Moved(self.move, body["from"], body["to"], self.report, tip)


class _Walk:
    """The moves taken one after the other on a state, which is as it will be after those before."""

    def __init__(self, moving: Moving, captured: Captured | None, *, starts_next: bool) -> None:
        self._moving = moving
        self._key = moving.key
        self._captured = captured
        self._starts_next = starts_next
        self._blobs = _blobs(captured)
        self._same = moving.same
        self.reports: dict[Move, Report] = {}
        self.steps: list[_Step] = []
        self.so_already: list[str] = []

    def take(self, moves: Sequence[Move], tip: SessionTip, *, judging: bool = False) -> None:
        """Takes all moves on the state of `tip`; gates are asked where `judging`, and remembered."""
        self.steps, self.so_already = [], []
        state, artifacts = tip.state, tip.artifacts
        for move in moves:
            if is_so(state, self._blobs, move.stage, move.action, self._same):
                self.so_already.append(move.stage)
                continue
            _refuse(self._key, refusal(state, self._blobs, move.stage, move.action, self._same))
            if judging and move.action in NEEDS_GATE:
                self.reports[move] = self._moving.gate(self._key, move.stage, state)
                _refuse_findings(move, self.reports[move])
            if move.action in NEEDS_GATE and move not in self.reports:
                raise ConflictError("the stages moved meanwhile", fix=("run the command again",))
            tree = self._artifacts(move, tip, artifacts)
            artifacts = tree or artifacts
            state = self._step(state, move, tree)
            following = _after(state, move.stage)
            if move.action == FINISH and following and (self._starts_next or move is not moves[-1]):
                state = self._begun(state, move, following)

    def _step(self, state: SessionState, move: Move, tree: str | None) -> SessionState:
        report = self.reports.get(move)
        added = self._moving.adding(state, move)
        body = {**stage_body(move, state, self._blobs, report), **added.body}
        self.steps.append(_Step(Draft(STAGE, body, tree), move, report))
        self.steps += [_Step(event) for event in added.events]
        record = state.stages[move.stage]._replace(status=TARGET[move.action])
        if report is not None:
            record = record._replace(artifact=body["artifact"], upstream=body["upstream"])
        return state.with_stage(move.stage, record)

    def _begun(self, state: SessionState, move: Move, following: str) -> SessionState:
        """Returns the state in which the stage after `move` is started, if it may be and is nobody else's."""
        start = Move(following, START, "", move.agent)
        added = (step.draft.body for step in self.steps if step.move is None)
        offered = {body.get("to") for body in added if body.get("stage") == following}
        keeper = self._moving.adding(state, start).keeper
        is_ours = keeper in ("", move.agent) and not offered - {move.agent}
        if not is_ours or state.stages[following].status != PENDING:
            return state
        if out_of_order(state, self._blobs, following, self._same) is not None:
            return state
        return self._step(state, start, None)

    def _artifacts(self, move: Move, tip: SessionTip, artifacts: str) -> str | None:
        """Returns the tree that enters the ledger with a gated move.

        The folder, if it lacks nothing the ledger has.
        """
        captured, workspace = self._captured, self._moving.workspace
        if move.action not in NEEDS_GATE or captured is None or captured.tree == artifacts:
            return None
        merged = workspace.apply(workspace.edit(*self._key, captured.tree), tip.artifacts)
        if merged.tree != captured.tree:
            raise ConflictError(
                "the ledger holds edits that this folder does not have",
                cause="another work tree or commit recorded them; the gate must see the whole text",
                fix=("idse save && idse restore  # brings both together", "idse diff  # shows them"),
            )
        return captured.tree


def _after(state: SessionState, stage: str) -> str:
    needed = state.stages_needed
    return next((each for each in downstream_of(stage) if each in needed), "")


def check_stages(action: str, names: Iterable[str]) -> None:
    """Raises UnknownNameError for a name that is none of a stage; `action` is what was asked for."""
    for name in names:
        if name not in STAGES:
            raise UnknownNameError(
                f"there is no stage {name!r}",
                cause="stages: " + ", ".join(STAGES),
                fix=tuple(f"idse stage {action} {each}" for each in near(name, STAGES)),
            )


def _check_reason(move: Move) -> None:
    if move.action in NEEDS_REASON and not move.reason.strip():
        raise UsageError(
            f"to {move.action} a stage needs a reason",
            cause="whoever reads the history will want to know why",
            fix=(f'idse stage {move.action} {move.stage} -m "why"',),
        )


def _refuse(key: SessionKey, problem: Refusal | None) -> None:
    if problem is not None:
        where = artifact_path(*key, problem.at) if problem.at else None
        raise GateError(problem.message, where=where, cause=problem.cause, fix=problem.fix, code=problem.code)


def _refuse_findings(move: Move, report: Report) -> None:
    if report.blocks():
        count = report.errors
        raise GateError(
            f"stage `{move.stage}` cannot be {'confirmed' if move.action == 'confirm' else 'completed'}: "
            f"{counted(count, 'promise')} {'are' if count != 1 else 'is'} not kept",
            cause="its gate does not hold; each finding says where",
            fix=("mend them, then run the command again",),
            findings=report,
        )


def _blobs(captured: Captured | None) -> Mapping[str, str]:
    files = captured.files if captured else {}
    return {stage: files[path] for stage, path in ARTIFACTS.items() if path in files}


def stage_body(
    move: Move, state: SessionState, blobs: Mapping[str, str], report: Report | None = None
) -> dict[str, Any]:
    """Returns the body of the event of `move`; `report` is of its gate, where it has one."""
    record = state.stages[move.stage]
    body: dict[str, Any] = {
        "stage": move.stage,
        "action": move.action,
        "from": record.status,
        "to": TARGET[move.action],
    }
    if move.reason.strip():
        body["reason"] = encodable(move.reason).strip()
    if report is not None:
        body["artifact"] = blobs.get(move.stage, "")
        body["upstream"] = {stage: blobs.get(stage, "") for stage in upstream_of(move.stage)}
        body["reopens"] = dict(record.reopens)
        body["constitution"] = report.constitution
        if report.evidence is not None:
            body["evidence"] = dict(report.evidence)
    return body
