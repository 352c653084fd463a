"""``idse hook agent-…``: what coding agents call. Whatever happens, one JSON object and exit code 0.

An agent takes any other exit code for a broken hook, and 2 for a refusal; so a person beside it is told
what went wrong in the answer itself, and the agent goes on.

The briefing that an agent starts with, and that `idse prime` prints, is short, complete enough to act on,
and the same every time nothing changed.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from idse_orchestrator import errors
from idse_orchestrator.agents import edit_gate as gate
from idse_orchestrator.agents.hook_settings import CLAUDE
from idse_orchestrator.base.text import counted, few, printable
from idse_orchestrator.cli.layout import fitted
from idse_orchestrator.cli.terminal import working_folder
from idse_orchestrator.documents.project_workspace import ARTIFACTS, session_folder
from idse_orchestrator.redaction import redacted

if TYPE_CHECKING:
    from idse_orchestrator.constitution.rules import Finding, Report
    from idse_orchestrator.ledger.events import SessionKey
    from idse_orchestrator.pipeline.stage_state_model import Standing
    from idse_orchestrator.sessions.status import SessionStatus
    from idse_orchestrator.wiring.application import Application
    from idse_orchestrator.worktree.work_tree import WorkTree

_MOST_FINDINGS = 10
_MOST_CHARACTERS = 160
_MOST_BYTES = 256 * 1024 * 1024

_RULES = """\
## Rules
- Work on the stage that is in progress, in its own file. Start no stage before the one before it is complete.
- A complete stage is a promise. To change its file, reopen it first and say why; what builds on it then
  shows as stale, and each stale stage is reopened or confirmed. Ticking a box of tasks.md is no change.
- Replace every [REQUIRES INPUT] by an answer. If you do not know it, ask; do not make it up.
- Never edit CURRENT_SESSION or session_state.json, and never write refs/idse/ by hand: they are made by idse.
- Never commit with --no-verify. A blocked commit names the file, the line and what to type.

## Commands
idse next                          what to do now
idse instructions                  what the document must hold, and what it builds on
idse validate                      every finding, with its place and a hint
idse stage complete                check the gate, complete the stage, begin the next one
idse stage reopen STAGE -m WHY     take a complete stage up again
idse save -m WHY                   record the folder without a code commit
idse log -n 10                     who moved what, and when
Set IDSE_AGENT to your name, so that the history tells who acted. Add --json to any of them."""


_AGENTS = """
idse handoff request --to NAME -m WHY   ask another agent to go on; it accepts before it begins
idse handoff accept                     take over what is offered to you, after: idse handoff show"""


def run_agent_hook(name: str, args: Sequence[str]) -> int:
    """Answers the hook `name`; `args` names the agent's program. Always EXIT_OK."""
    try:
        reply = _ANSWERS[name](args[0] if args else CLAUDE, gate.read_call(_standard_input()))
    except (errors.NotARepositoryError, errors.NoProjectError):
        reply = gate.NOTHING  # idse is not used here
    except BaseException as error:  # noqa: BLE001 - even an interrupt must not leave the agent without an answer
        reply = gate.answer_trouble(f"nothing was checked: {_trouble(error)}")
    _tell(reply)
    return errors.EXIT_OK


def _trouble(error: BaseException) -> str:
    if not isinstance(error, errors.IdseError):
        return redacted(f"{type(error).__name__}: {error}")
    way = next(iter(error.fix + error.words), "")
    return error.message + (f" ({way})" if way else "")


def _before_edit(kind: str, call: gate.AgentCall) -> Mapping[str, Any]:
    if not call.paths:
        return gate.NOTHING
    from idse_orchestrator.wiring.agent_hooks import AgentHooks

    started = os.environ.get("CLAUDE_PROJECT_DIR") if kind == CLAUDE else ""
    hooks = AgentHooks(_folder(call), started or _own_folder() or _folder(call), kind, os.environ)
    verdict, git_dir = hooks.judge(call)
    if verdict.answer == gate.WARN and not _is_new(git_dir, f"{call.conversation} {verdict.why}"):
        return gate.NOTHING
    return gate.answer_edit(kind, verdict)


def _session_start(_kind: str, call: gate.AgentCall) -> Mapping[str, Any]:
    from idse_orchestrator.sessions.status import show_status
    from idse_orchestrator.wiring.agent_hooks import application_at

    app = application_at(_folder(call), os.environ)
    try:
        key = app.resolve_session(None)
    except (errors.AmbiguousError, errors.NoProjectError, errors.UnknownNameError) as error:
        if isinstance(error, errors.NoProjectError) and not app.workspace.session_folders():
            raise  # idse is not used here
        return gate.answer_undecided(error.message, error.explanation, error.fix)
    status = show_status(app.reader, app.workspace, key)
    from idse_orchestrator.cli.render.status import guard_lines

    return gate.answer_start("\n\n".join([prime_text(status, findings_of(app, key)), *guard_lines(app)]))


def _stop(_kind: str, call: gate.AgentCall) -> Mapping[str, Any]:
    """Validates once: not when the agent goes on because of this, and not for findings it has had already."""
    if call.again:
        return gate.NOTHING
    from idse_orchestrator.wiring.agent_hooks import application_at, current_session

    app = application_at(_folder(call), os.environ)
    key = current_session(app)
    report = findings_of(app, key) if key else None
    if report is None or not report.blocks() or not _is_news(app.work_tree, report):
        return gate.NOTHING
    return gate.answer_stop(_reason(report))


def _is_news(work_tree: WorkTree, report: Report) -> bool:
    from hashlib import sha256

    words = repr((report.sessions, report.constitution, [_line(each) for each in report.findings]))
    return _is_new(work_tree.git_dir, f"stop {sha256(words.encode('utf-8', 'replace')).hexdigest()}")


def _reason(report: Report) -> str:
    errors = [finding for finding in report.findings if finding.blocks]
    lines = [_line(finding) for finding in errors[:_MOST_FINDINGS]]
    if len(errors) > _MOST_FINDINGS:
        lines.append(f"and {len(errors) - _MOST_FINDINGS} more: idse validate")
    head = f"idse validate finds {counted(len(errors), 'error')} in {report.sessions[0]}."
    return "\n".join([head, *lines, "Mend them, or say to the person you work for why they stand."])


def _line(finding: Finding) -> str:
    text = f"{finding.path}:{finding.line}: {finding.severity}[{finding.rule}] {finding.message}"
    advice = "; ".join(filter(None, (finding.hint, *finding.fix)))
    return text + (f" ({advice})" if advice else "")


def _is_new(git_dir: str, what: str) -> bool:
    from idse_orchestrator.agents.work_tree_files import AgentMemory

    return AgentMemory(git_dir).is_new(what) if git_dir else True


def _folder(call: gate.AgentCall) -> str:
    """Returns where the agent stands: what it says, if that is a folder."""
    told = call.folder if os.path.isabs(call.folder) and os.path.isdir(call.folder) else ""
    return told or working_folder()


def _own_folder() -> str:
    """Returns where this process stands; "" where that folder is gone, as after a work tree was removed."""
    try:
        return working_folder()
    except errors.UsageError:
        return ""


def _standard_input() -> bytes:
    """Reads what the agent sent; nothing where a person typed the command, or where it cannot be read."""
    try:
        return b"" if sys.stdin.isatty() else sys.stdin.buffer.read(_MOST_BYTES)
    except (OSError, ValueError):
        return b""


def _tell(reply: Mapping[str, Any]) -> None:
    """Prints `reply`; where nobody reads any more, nobody needs it."""
    try:
        sys.stdout.write(json.dumps(_in_sight(reply)) + "\n")  # ASCII, whatever the terminal's encoding is
        sys.stdout.flush()
    except (OSError, ValueError):
        sys.stdout = sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - for the rest of the run


def _in_sight(value: Any) -> Any:  # noqa: ANN401 - anything that JSON has
    """Returns `value` with all words printable: an agent reads them, and shows them on a terminal."""
    if isinstance(value, Mapping):
        return {name: _in_sight(each) for name, each in value.items()}
    return printable(value, lines=True) if isinstance(value, str) else value


def findings_of(app: Application, key: SessionKey) -> Report:
    """Judges the session `key` as it is in this work tree, and returns every finding."""
    from idse_orchestrator.constitution.scope import Scope, places
    from idse_orchestrator.constitution.validate import validate

    scope = Scope(*key)
    reader = app.documents(places(scope))
    return validate(app.judging.validation(reader, views=app.views.contents()), scope)


def prime_text(status: SessionStatus, report: Report) -> str:
    """Returns the briefing as Markdown, without a final line break."""
    state = status.state
    name = printable(f"{state.project}/{state.session}")
    parts = [
        f"# IDSE session {name}"
        + (f": {fitted(printable(state.title), _MOST_CHARACTERS)}" if state.title else ""),
        f"The work goes through seven documents in {session_folder(state.project, state.session)}/:",
        "\n".join(_stage(here) for here in status.stages),
        "## Now\n" + _now(status),
        _findings_part(report),
        _RULES + (_AGENTS if "registry" in status.ledger.parts else ""),
    ]
    return "\n\n".join(part for part in parts if part)


def _stage(here: Standing) -> str:
    words = here.status.replace("_", " ")
    if here.condition == "changed":
        words += ", but its file changed since"
    elif here.condition == "stale":
        words += f", but stale: {few(here.causes)} changed since"
    return f"- {here.stage} ({ARTIFACTS[here.stage]}): {words}"


def _now(status: SessionStatus) -> str:
    from idse_orchestrator.cli.render.status import who_lines  # an edit is judged without it

    action = status.next
    lines = [action.why, *(f"    {each}" for each in action.commands)]
    return "\n".join([*lines, *(fitted(line, _MOST_CHARACTERS) for line in who_lines(status))])


def _findings_part(report: Report) -> str:
    if not report.findings:
        return "## Findings\nnone"
    rows = [_finding(finding) for finding in report.findings[:_MOST_FINDINGS]]
    more = len(report.findings) - len(rows)
    if more:
        rows.append(f"and {more} more: idse validate")
    return "## Findings\n" + "\n".join(rows)


def _finding(finding: Finding) -> str:
    place = "/".join(finding.path.split("/")[5:]) or finding.path
    line = f"- {place}:{finding.line}: {finding.severity}[{finding.rule}] {finding.message}"
    return printable(line if len(line) <= _MOST_CHARACTERS else line[: _MOST_CHARACTERS - 1] + "…")


_ANSWERS: Mapping[str, Callable[[str, gate.AgentCall], Mapping[str, Any]]] = {
    "agent-session-start": _session_start,
    "agent-before-edit": _before_edit,
    "agent-stop": _stop,
}
NAMES = tuple(_ANSWERS)
"""The hooks that agents call."""
