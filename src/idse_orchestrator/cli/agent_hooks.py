"""``idse hook agent-…``: what coding agents call. Whatever happens, one JSON object and exit code 0.

An agent takes any other exit code for a broken hook, and 2 for a refusal; so a person beside it is told
what went wrong in the answer itself, and the agent goes on.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from idse_orchestrator.agents.agent_files import CLAUDE
from idse_orchestrator.agents.call import (
    NOTHING,
    AgentCall,
    answer_edit,
    answer_start,
    answer_stop,
    answer_trouble,
    answer_undecided,
    read_call,
)
from idse_orchestrator.base.text import counted
from idse_orchestrator.errors import (
    EXIT_OK,
    AmbiguousError,
    IdseError,
    NoProjectError,
    NotARepositoryError,
    UnknownNameError,
)

if TYPE_CHECKING:
    from idse_orchestrator.constitution.rules import Finding, Report
    from idse_orchestrator.worktree.work_tree import WorkTree

_MOST_FINDINGS = 10
_MOST_BYTES = 256 * 1024 * 1024


def run_agent_hook(name: str, args: Sequence[str]) -> int:
    """Answers the hook `name`; `args` names the agent's program. Always EXIT_OK."""
    try:
        call = read_call(_standard_input())
        reply = _answered(name, args[0] if args else CLAUDE, call)
    except BaseException as error:  # noqa: BLE001 - even an interrupt must not leave the agent without an answer
        reply = _trouble(error)
    _tell(reply)
    return EXIT_OK


def _answered(name: str, kind: str, call: AgentCall) -> Mapping[str, Any]:
    try:
        return _ANSWERS[name](kind, call)
    except (NotARepositoryError, NoProjectError):
        return NOTHING  # idse is not used here


def _trouble(error: BaseException) -> Mapping[str, Any]:
    if isinstance(error, IdseError):
        fix = f" ({error.fix[0]})" if error.fix else ""
        return answer_trouble(f"nothing was checked: {error.message}{fix}")
    return answer_trouble(f"nothing was checked: {type(error).__name__}: {error}")


def _before_edit(kind: str, call: AgentCall) -> Mapping[str, Any]:
    if not call.paths:
        return NOTHING
    from idse_orchestrator.agents.edit_gate import WARN
    from idse_orchestrator.wiring.agent_hooks import AgentHooks

    started = os.environ.get("CLAUDE_PROJECT_DIR") if kind == CLAUDE else ""
    hooks = AgentHooks(_folder(call), started or os.getcwd(), kind, os.environ)
    verdict, git_dir = hooks.judge(call.paths)
    if verdict.answer == WARN and not _is_new(git_dir, f"{call.conversation} {verdict.why}"):
        return NOTHING
    return answer_edit(kind, verdict)


def _session_start(kind: str, call: AgentCall) -> Mapping[str, Any]:
    del kind
    from idse_orchestrator.cli.briefing import findings_of, prime_text
    from idse_orchestrator.sessions.status import show_status
    from idse_orchestrator.wiring.agent_hooks import application_at

    app = application_at(_folder(call), os.environ)
    try:
        key = app.resolve_session(None)
    except (AmbiguousError, NoProjectError, UnknownNameError) as error:
        if isinstance(error, NoProjectError) and not app.workspace.session_folders():
            raise  # idse is not used here
        return answer_undecided(error.message, error.cause, error.fix)
    status = show_status(app.reader, app.workspace, key)
    return answer_start(prime_text(status, findings_of(app, key)))


def _stop(kind: str, call: AgentCall) -> Mapping[str, Any]:
    """Validates once: not when the agent goes on because of this, and not for findings it has had already."""
    del kind
    if call.again:
        return NOTHING
    from idse_orchestrator.cli.briefing import findings_of
    from idse_orchestrator.wiring.agent_hooks import application_at, current_session

    app = application_at(_folder(call), os.environ)
    key = current_session(app)
    report = findings_of(app, key) if key else None
    if report is None or not report.blocks() or not _is_news(app.work_tree, report):
        return NOTHING
    return answer_stop(_reason(report))


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
    return text + (f" ({finding.hint})" if finding.hint else "")


def _is_new(git_dir: str, what: str) -> bool:
    from idse_orchestrator.agents.memory import AgentMemory

    return AgentMemory(git_dir).is_new(what) if git_dir else True


def _folder(call: AgentCall) -> str:
    """Returns where the agent stands: what it says, if that is a folder."""
    return call.folder if os.path.isabs(call.folder) and os.path.isdir(call.folder) else os.getcwd()


def _standard_input() -> bytes:
    """Reads what the agent sent; nothing where a person typed the command, or where it cannot be read."""
    try:
        return b"" if sys.stdin.isatty() else sys.stdin.buffer.read(_MOST_BYTES)
    except (OSError, ValueError):
        return b""


def _tell(reply: Mapping[str, Any]) -> None:
    """Prints `reply`; where nobody reads any more, nobody needs it."""
    try:
        sys.stdout.write(json.dumps(reply) + "\n")  # ASCII, whatever the terminal's encoding is
        sys.stdout.flush()
    except (OSError, ValueError):
        sys.stdout = sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - for the rest of the run


_ANSWERS: Mapping[str, Callable[[str, AgentCall], Mapping[str, Any]]] = {
    "agent-session-start": _session_start,
    "agent-before-edit": _before_edit,
    "agent-stop": _stop,
}
NAMES = tuple(_ANSWERS)
"""The hooks that agents call."""
