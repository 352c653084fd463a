"""Move a stage: start, complete, confirm or reopen it, in one ledger commit.

A gate is judged over the documents of the work tree, and the same documents enter the ledger with the
event: what was judged is what is recorded. Events that other rooms add, such as the handoffs that rules ask
for, follow in commits of their own, and the ledger moves once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from idse_orchestrator.base.text import counted, encodable, near
from idse_orchestrator.documents.project_workspace import ARTIFACTS, STAGES, artifact_path, upstream_of
from idse_orchestrator.errors import ConflictError, GateError, UnknownNameError, UsageError
from idse_orchestrator.ledger.events import STAGE, Draft, SessionKey
from idse_orchestrator.pipeline.stage_machine import NEEDS_GATE, NEEDS_REASON, TARGET, Refusal, refusal
from idse_orchestrator.sessions.ports import Addition, Captured, Contributions, Move
from idse_orchestrator.sessions.status import no_ledger, same_lists

if TYPE_CHECKING:
    from idse_orchestrator.constitution.rules import Report
    from idse_orchestrator.pipeline.ports import LedgerReader
    from idse_orchestrator.pipeline.stage_state_model import SessionState
    from idse_orchestrator.pipeline.values import SessionTip
    from idse_orchestrator.pipeline.writer import LedgerWriter

Gate = Callable[[SessionKey, str], "Report"]
"""What would be wrong if a stage of a session were complete with the documents of the work tree."""


@dataclass(frozen=True, slots=True)
class Moved:
    """What was done: the ledger when it was, the status before and after, and the gate's report if one ran.

    `followed` holds the ledger after each event that was added to the move.
    """

    tip: SessionTip
    before: str
    after: str
    report: Report | None
    followed: tuple[SessionTip, ...] = ()


def _nothing(_state: SessionState, _move: Move) -> Addition:
    return Addition()


class Moving(NamedTuple):
    """What moving a stage works with; `adding` says what other rooms add to a move."""

    ledgers: LedgerReader
    writer: LedgerWriter
    workspace: Contributions
    gate: Gate
    adding: Callable[[SessionState, Move], Addition] = _nothing


def move_stage(moving: Moving, key: SessionKey, move: Move) -> Moved:
    """Makes `move` on the session `key`, with what others add to it, in one append.

    GateError when the stage machine or the gate says no (its `findings` tell what the gate found),
    ConflictError when the folder and the ledger have to be brought together first.
    """
    _check(move)
    ledgers, writer, workspace, gate, adding = moving
    captured = workspace.capture(*key)
    report = gate(key, move.stage) if move.action in NEEDS_GATE else None
    before = ""

    def plan(tip: SessionTip | None) -> Sequence[Draft]:
        nonlocal before
        if tip is None:
            raise no_ledger(key)
        blobs = _blobs(captured)
        same = same_lists(ledgers, workspace, key)
        _refuse(key, refusal(tip.state, blobs, move.stage, move.action, same))
        if report is not None:
            _refuse_findings(move, report)
        before = tip.state.stages[move.stage].status
        added = adding(tip.state, move)
        body = {**_body(move, tip, blobs, report), **added.body}
        return (Draft(STAGE, body, _artifacts(workspace, key, move, tip, captured)), *added.events)

    if report is not None and workspace.blobs(*key) != _blobs(captured):
        raise ConflictError("a document changed while its gate was checked", fix=("run the command again",))
    tip, *followed = writer.append_all(*key, plan)
    if captured is not None and move.action in NEEDS_GATE:
        workspace.agree(*key, captured.tree)
    return Moved(tip, before, TARGET[move.action], report, tuple(followed))


def _check(move: Move) -> None:
    if move.stage not in STAGES:
        raise UnknownNameError(
            f"there is no stage {move.stage!r}",
            cause="stages: " + ", ".join(STAGES),
            fix=tuple(f"idse stage {move.action} {name}" for name in near(move.stage, STAGES)),
        )
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


def _body(move: Move, tip: SessionTip, blobs: Mapping[str, str], report: Report | None) -> dict[str, Any]:
    record = tip.state.stages[move.stage]
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
    return body


def _artifacts(
    workspace: Contributions, key: SessionKey, move: Move, tip: SessionTip, captured: Captured | None
) -> str | None:
    """Returns the tree that enters the ledger with a gated move.

    The folder, if it lacks nothing the ledger has.
    """
    if move.action not in NEEDS_GATE or captured is None or captured.tree == tip.artifacts:
        return None
    merged = workspace.apply(workspace.edit(*key, captured.tree), tip.artifacts)
    if merged.tree != captured.tree:
        raise ConflictError(
            "the ledger holds edits that this folder does not have",
            cause="another work tree or commit recorded them; the gate must see the whole text",
            fix=("idse save && idse restore  # brings both together", "idse diff  # shows them"),
        )
    return captured.tree
