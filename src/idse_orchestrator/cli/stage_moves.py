"""Moves stages for `idse stage` and `idse edit`, and tells what was done."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from idse_orchestrator.agents.ide_agent_routing import additions
from idse_orchestrator.agents.registry import registry_of
from idse_orchestrator.base.records import NamedTuple, picked
from idse_orchestrator.base.text import one_line, printable
from idse_orchestrator.cli.layout import Style
from idse_orchestrator.cli.render.status import handoff_words, handoffs_data, next_data, next_lines
from idse_orchestrator.cli.terminal import Answer, Said, Warned
from idse_orchestrator.documents.project_workspace import artifact_path
from idse_orchestrator.pipeline.stage_machine import FINISH, START
from idse_orchestrator.sessions.move_stage import Moved, Moving, Outcome, meant_stages, move_stages
from idse_orchestrator.sessions.ports import Move
from idse_orchestrator.sessions.status import no_ledger, same_lists
from idse_orchestrator.sessions.views import failure_of

if TYPE_CHECKING:
    from idse_orchestrator.agents.handoff import Handoff
    from idse_orchestrator.cli.terminal import Run
    from idse_orchestrator.ledger.events import SessionKey


def complete(run: Run, *, stage: str | None = None, session: str | None = None) -> Answer:
    """Completes a stage, or the one in progress: the plain form of the command, without click."""
    moving = moving_of(run, run.session(session))
    return moved(run, moving, FINISH, meant_stages(moving, FINISH, () if stage is None else [stage]))


def moved(
    run: Run,
    moving: Moving,
    action: str,
    stages: Sequence[str],
    reason: str = "",
    *,
    starts_next: bool = True,
) -> Answer:
    """Makes `action` on `stages`, and answers with what was done and what comes next."""
    agent = one_line(run.app.agent)
    moves = [Move(stage, action, reason, agent) for stage in stages]
    return _answer(run, moving.key, action, move_stages(moving, moves, starts_next=starts_next))


def moving_of(run: Run, key: SessionKey) -> Moving:
    """Returns what moving stages of a session works with here; UnknownNameError where it has no ledger."""
    app = run.app
    look = app.reader.look(*key)
    if look is None:
        raise no_ledger(key)
    same, adding = same_lists(app.reader, app.workspace, key), partial(additions, registry_of(look))
    return Moving(key, look, same, app.writer, app.workspace, app.judging.gate, adding)


def _answer(run: Run, key: SessionKey, action: str, done: Outcome) -> Answer:
    app = run.app
    problem = ""
    if app.workspace.current(key[0]) == key:
        problem = failure_of(lambda: app.views.write(key))
    status = done.status
    left = left_documents(run, key, done)
    return Answer(
        "idse.stage/2",
        lambda: {
            "moves": [_moved_data(each) for each in done.moved],
            "so_already": list(done.so_already),
            "documents": [picked(each, "stage path source") for each in left],
            "handoffs": handoffs_data(_handoffs(done)),
            "next": next_data(status),
        },
        _lines(action, done, left, problem, run.terminal.style),
    )


_LEFT = {
    "template": "was not there: wrote it from the template",
    "ledger": "was not there: brought it from the ledger",
    "instead": "was one line: wrote it from the template",
}


class Left(NamedTuple):
    """A document that was left to write: its path, and its `source`, one of `_LEFT`."""

    stage: str
    path: str
    source: str


def left_documents(run: Run, key: SessionKey, done: Outcome) -> list[Left]:
    """Leaves a document to write for each stage that began and came without one; says which."""
    began = [each for each in done.moved if each.move.action == START]
    there, needed = done.status.blobs, done.status.state.needed
    lacking = [each for each in began if each.move.stage not in there or each.move.stage not in needed]
    if not lacking:
        return []
    from idse_orchestrator.sessions.create_session import leave_document
    from idse_orchestrator.worktree.save import bring_folder

    app, tip = run.app, lacking[-1].tip
    bring_folder(app.reader, app.writer, app.workspace, key)
    found = []
    for stage in (each.move.stage for each in lacking):
        source = leave_document(app.session_maker, tip, stage)
        found += [Left(stage, artifact_path(*key, stage), source)] if source else []
    return found


def _moved_data(moved: Moved) -> dict[str, object]:
    return {
        **picked(moved.move, "stage action"),
        "from": moved.before,
        "to": moved.after,
        "ledger": moved.tip.commit,
        "warnings": len(moved.report.findings) if moved.report else 0,
    }


def _lines(action: str, done: Outcome, left: Sequence[Left], problem: str, style: Style) -> Iterator[str]:
    for moved in done.moved:
        if moved.report and (moved.report.findings or moved.report.notes):
            from idse_orchestrator.cli.render.report import text_report

            yield text_report(moved.report, {}, style)
        confirmed = " (confirmed)" if moved.move.action == "confirm" else ""
        yield Said(f"{moved.move.stage}: {moved.before} → {moved.after}{confirmed}  ({moved.tip.commit[:7]})")
    word = "complete" if action == "complete" else "in progress"
    for stage in done.so_already:
        yield Said(f"{stage} is {word} already")
    for each in left:
        yield Said(f"  {each.path} {_LEFT[each.source]}")
    for handoff in _handoffs(done):
        yield Said(printable(handoff_words(handoff)))
    if action == "complete":
        yield from map(Said, next_lines(done.status.next))
    if problem:
        yield Warned(problem)


def _handoffs(done: Outcome) -> Sequence[Handoff]:
    if not done.followed:
        return ()
    from idse_orchestrator.agents.handoff import handoffs_of

    return [handoffs_of(tip.state)[-1] for tip in done.followed]
