"""What an agent tells a hook, and how it wants to be answered: the one place that knows both protocols.

Claude Code and Codex send one JSON object and read one back, in the same shape but for this: Codex knows
no ``ask``, and it edits files with a patch.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from idse_orchestrator.agents.agent_files import CODEX
from idse_orchestrator.agents.edit_gate import ASK, DENY, WARN, Verdict
from idse_orchestrator.agents.hook_settings import BEFORE_EDIT, SESSION_START

NOTHING: Mapping[str, Any] = {}
"""The answer that changes nothing."""

_PATHS = ("file_path", "notebook_path")
_PATCH = re.compile(r"^[^\S\n]*\*\*\* (?:(?:Add|Update|Delete) File|Move to): (.+?)\s*$", re.MULTILINE)
"""Codex takes blanks in front for nothing, too; so a line of context that reads like this is judged along."""


class AgentCall(NamedTuple):
    """One call: `paths` are the files it is about, as the agent wrote them; relative ones start at `folder`.

    `conversation` is the agent's own name for its session; `again`: it goes on because a hook asked it to.
    """

    folder: str = ""
    paths: tuple[str, ...] = ()
    conversation: str = ""
    again: bool = False


def read_call(data: bytes) -> AgentCall:
    """The call in `data`; whatever is not as documented is left out, so garbage is an empty call."""
    try:
        raw = json.loads(data)
    except (ValueError, RecursionError):
        return AgentCall()
    if not isinstance(raw, dict):
        return AgentCall()
    return AgentCall(
        _text(raw, "cwd"), _paths(raw), _text(raw, "session_id")[:200], raw.get("stop_hook_active") is True
    )


def answer_start(briefing: str) -> Mapping[str, Any]:
    """The answer at the start of an agent's session: what it should know."""
    return {"hookSpecificOutput": {"hookEventName": SESSION_START, "additionalContext": briefing}}


def answer_undecided(what: str, cause: str | None, fix: Sequence[str]) -> Mapping[str, Any]:
    """The answer at the start where no session can be told: what the agent has to choose or bring first."""
    return answer_start(_told(f"{what} ({cause})" if cause else what, fix))


def answer_edit(agent: str, verdict: Verdict) -> Mapping[str, Any]:
    """The answer before an edit. To allow is to say nothing: the agent's own permissions still count."""
    words = _told(verdict.why, verdict.fix)
    if verdict.answer == WARN:
        told = {"hookEventName": BEFORE_EDIT, "additionalContext": words}
        return {"systemMessage": words, "hookSpecificOutput": told}
    if verdict.answer not in (ASK, DENY):
        return NOTHING
    decision = DENY if agent == CODEX else verdict.answer
    return {
        "hookSpecificOutput": {
            "hookEventName": BEFORE_EDIT,
            "permissionDecision": decision,
            "permissionDecisionReason": words,
        }
    }


def answer_stop(reason: str) -> Mapping[str, Any]:
    """The answer that has an agent go on, because of `reason`."""
    return {"decision": "block", "reason": reason}


def answer_trouble(words: str) -> Mapping[str, Any]:
    """The answer where nothing could be judged: the agent goes on, and the person beside it is told."""
    return {"systemMessage": f"idse: {words}"}


def _told(why: str, fix: Sequence[str]) -> str:
    return f"idse: {why}. To go on: " + "  or  ".join(fix) if fix else f"idse: {why}"


def _paths(raw: Mapping[str, Any]) -> tuple[str, ...]:
    asked = raw.get("tool_input")
    if not isinstance(asked, dict):
        return ()
    found = [_text(asked, name) for name in _PATHS]
    if raw.get("tool_name") == "apply_patch":
        found += _PATCH.findall(_text(asked, "command"))
    return tuple(dict.fromkeys(path for path in found if path and "\0" not in path))


def _text(raw: Mapping[str, Any], key: str) -> str:
    value = raw.get(key)
    return value if isinstance(value, str) else ""
