"""``idse edit``: write the open stage's document in an editor, at the first thing it lacks."""

from __future__ import annotations

import os
import shlex
import subprocess
from typing import TYPE_CHECKING

from idse_orchestrator.base.text import counted
from idse_orchestrator.cli.options import command, flag, session_option, stage_named
from idse_orchestrator.cli.stage_moves import moved, moving_of
from idse_orchestrator.cli.terminal import Answer, Said
from idse_orchestrator.documents.project_workspace import ARTIFACTS, artifact_path
from idse_orchestrator.errors import (
    EXIT_CHECK_FAILED,
    GateError,
    GitFailedError,
    UnknownNameError,
    UsageError,
)
from idse_orchestrator.pipeline.stage_machine import FINISH
from idse_orchestrator.pipeline.stage_state_model import COMPLETE, PENDING
from idse_orchestrator.sessions.move_stage import meant_stages
from idse_orchestrator.sessions.status import refuse_deleted

if TYPE_CHECKING:
    from idse_orchestrator.cli.terminal import Run
    from idse_orchestrator.constitution.rules import Report
    from idse_orchestrator.sessions.move_stage import Moving

_PLUS_LINE = (
    "vi",
    "vim",
    "nvim",
    "gvim",
    "view",
    "ex",
    "emacs",
    "emacsclient",
    "nano",
    "pico",
    "micro",
    "kak",
    "joe",
    "mg",
    "ne",
)
_GOTO = ("code", "code-insiders", "codium", "cursor", "windsurf")
_COLON = ("hx", "helix", "subl", "zed", "mate")
_WAITS = {**dict.fromkeys(_GOTO, "--wait"), "subl": "--wait", "zed": "--wait", "mate": "--wait"}


@command("edit")
@stage_named("stage", required=False, metavar="[STAGE]")
@session_option
@flag("-y", "--yes", help="Complete the stage without asking, once its gate holds.")
def edit(run: Run, stage: str | None, session: str | None, *, yes: bool) -> Answer:
    """Write the document of STAGE in $VISUAL or $EDITOR, at the first thing that its gate lacks.

    Without STAGE, that of the one in progress. Once its gate holds, you are asked whether it is complete.
    """
    key = run.session(session)
    moving = moving_of(run, key)
    refuse_deleted(moving.look.tip.state)
    (name,) = [stage] if stage else meant_stages(moving, FINISH, ())
    path = _document(run, moving, name)
    _edit(run, path, _place(_judged(moving, name)))
    moving = moving_of(run, key)  # it may have moved meanwhile
    report = _judged(moving, name)
    if moving.look.tip.state.stages[name].status == COMPLETE:
        return Answer(lines=_left(path, report))
    if report.blocks():
        return Answer(lines=[*_left(path, report), Said(f"go on: idse edit {name}")], code=EXIT_CHECK_FAILED)
    question = f"{ARTIFACTS[name]} keeps all promises. Complete {name}?"
    if yes or (run.terminal.interactive and run.terminal.confirms(question, by_default=True)):
        return moved(run, moving, FINISH, [name])
    return Answer(lines=[Said(f"{ARTIFACTS[name]} keeps all promises: idse stage complete {name}")])


def _document(run: Run, moving: Moving, stage: str) -> str:
    """Returns the full path of the document of a stage that may be written; GateError where it may not."""
    path = os.path.join(run.app.top, artifact_path(*moving.key, stage))
    status = moving.look.tip.state.stages[stage].status
    if status == PENDING:
        raise GateError(
            f"stage `{stage}` is not started yet",
            where=path,
            fix=(f"idse stage start {stage}",),
            code="IDSE010",
        )
    if status == COMPLETE and stage != "tasks":  # where ticks are progress
        raise GateError(
            f"stage `{stage}` is complete, and that is a promise about its document",
            where=path,
            fix=(f'idse stage reopen {stage} -m "why"',),
            code="IDSE010",
        )
    if not os.path.isfile(path):
        raise UnknownNameError("the document is not in this work tree", where=path, fix=("idse restore",))
    return path


def _judged(moving: Moving, stage: str) -> Report:
    return moving.gate(moving.key, stage, moving.look.tip.state)


def _place(report: Report) -> int:
    """Returns the line of the first thing that keeps the gate closed; 0 for none."""
    lines = [finding.line for finding in report.findings if finding.blocks and finding.line]
    return min(lines, default=0)


def _edit(run: Run, path: str, line: int) -> None:
    words = editor_words(_editor(run), path, line)
    try:
        done = subprocess.run(words, check=False)  # noqa: S603 - the user's own setting, as git runs it
    except OSError as error:
        raise UsageError(
            f"the editor {words[0]!r} cannot be started", cause=error.strerror, fix=("export EDITOR=nano",)
        ) from error
    if done.returncode != 0:
        raise UsageError(
            f"the editor ended with {done.returncode}",
            where=" ".join(words[:-1]),
            cause="nothing else was done",
        )


def _editor(run: Run) -> str:
    """Returns the program that was chosen: for idse as for others, or for git."""
    chosen = os.environ.get("VISUAL") or os.environ.get("EDITOR") or ""
    if not chosen and run.app.has_git:
        try:
            chosen = run.app.work_tree.git.text("var", "GIT_EDITOR").strip()
        except GitFailedError:
            chosen = ""
    if not chosen:
        raise UsageError("no editor is chosen", fix=("export EDITOR=nano",))
    return chosen


def editor_words(editor: str, path: str, line: int) -> list[str]:
    """Returns what to run so that `editor`, a shell line, opens `path` at `line` (0: wherever it likes)."""
    words = shlex.split(editor)
    name = os.path.basename(words[0]).removesuffix(".exe") if words else ""
    if name in _WAITS and not {"--wait", "-w"} & set(words):
        words.append(_WAITS[name])
    if not line:
        return [*words, path]
    if name in _PLUS_LINE:
        return [*words, f"+{line}", path]
    if name in _GOTO:
        return [*words, "--goto", f"{path}:{line}"]
    return [*words, f"{path}:{line}" if name in _COLON else path]


def _left(path: str, report: Report) -> list[str]:
    found = [finding for finding in report.findings if finding.blocks]
    if not found:
        return []
    first = found[0]
    place = f"{path}:{first.line}" if first.line else path
    return [Said(f"{counted(len(found), 'promise')} not kept, the first at {place}: {first.message}")]
