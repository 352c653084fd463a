"""What we write for agents, and what we answer them, held to the formats that they document.

The schemas are in our own words, from these sources (read in November 2026):

- Claude Code, hooks reference (code.claude.com/docs/en/hooks) and settings: the shape of ``hooks``, events,
  matchers, ``timeout`` in seconds, the answer's fields, exit code 0 with JSON.
- Codex, hooks (developers.openai.com/codex/hooks) and the source of its hooks engine
  (github.com/openai/codex, codex-rs/hooks: schema/generated and src/engine/output_parser.rs): the same shape
  in ``.codex/hooks.json``; answers with unknown fields are refused, and so are ``ask``, a bare ``allow``,
  ``continue: false`` and ``suppressOutput`` before a tool.
"""

from __future__ import annotations

import json
import re

import jsonschema
import pytest

from idse_orchestrator.agents.edit_gate import (
    ALLOWED,
    ASK,
    DENY,
    NOTHING,
    WARN,
    Verdict,
    answer_edit,
    answer_start,
    answer_stop,
    answer_trouble,
)
from idse_orchestrator.agents.hook_settings import snippet
from idse_orchestrator.agents.known_agents import KNOWN_AGENTS

CLAUDE_EVENTS = ("SessionStart", "PreToolUse", "PostToolUse", "UserPromptSubmit", "Stop", "SubagentStop")
CODEX_EVENTS = ("SessionStart", "PreToolUse", "PostToolUse", "PermissionRequest", "UserPromptSubmit", "Stop")
EVENTS = {"claude": CLAUDE_EVENTS, "codex": CODEX_EVENTS}
NO_MATCHER = ("Stop", "UserPromptSubmit")
"""Events of which both agents ignore a matcher."""

ASKED = {row.name: (row.name, row.hooks.tools) for row in KNOWN_AGENTS if row.hooks}
TOOLS = {
    "claude": {
        "edits": ("Edit", "Write", "MultiEdit", "NotebookEdit"),
        "others": ("Read", "Bash", "NotebookRead"),
    },
    "codex": {"edits": ("apply_patch",), "others": ("Bash", "mcp__fs__read")},
}


def settings_schema(agent):
    handler = {
        "type": "object",
        "additionalProperties": False,
        "required": ["type", "command"],
        "properties": {
            "type": {"const": "command"},
            "command": {"type": "string", "pattern": r"\S"},
            "timeout": {"type": "integer", "minimum": 1, "maximum": 600},
        },
    }
    group = {
        "type": "object",
        "additionalProperties": False,
        "required": ["hooks"],
        "properties": {
            "matcher": {"type": "string"},
            "hooks": {"type": "array", "items": handler, "minItems": 1},
        },
    }
    events = {event: {"type": "array", "items": group, "minItems": 1} for event in EVENTS[agent]}
    for event in NO_MATCHER:
        plain = {**group, "properties": {"hooks": group["properties"]["hooks"]}}
        events[event] = {"type": "array", "items": plain, "minItems": 1}
    hooks = {"type": "object", "additionalProperties": False, "properties": events}
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {"hooks": hooks},
        "required": ["hooks"],
    }


def answer_schema(agent, event):
    """One object; every field optional, none unknown; what an event decides with differs."""
    fields = {"systemMessage": {"type": "string"}}
    told = {"hookEventName": {"const": event}, "additionalContext": {"type": "string", "maxLength": 10_000}}
    needs = {}
    if event == "PreToolUse":
        decisions = ["deny"] if agent == "codex" else ["allow", "deny", "ask"]
        told |= {
            "permissionDecision": {"enum": decisions},
            "permissionDecisionReason": {"type": "string", "pattern": r"\S"},
        }
        needs = {
            "permissionDecision": ["permissionDecisionReason"],
            "permissionDecisionReason": ["permissionDecision"],
        }
    if event == "Stop":
        fields |= {"decision": {"const": "block"}, "reason": {"type": "string", "pattern": r"\S"}}
    else:
        fields["hookSpecificOutput"] = {
            "type": "object",
            "additionalProperties": False,
            "required": ["hookEventName"],
            "properties": told,
            "dependentRequired": needs,
        }
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": fields,
        "dependentRequired": {"decision": ["reason"], "reason": ["decision"]},
    }


@pytest.mark.parametrize("agent", ["claude", "codex"])
def test_the_settings_are_what_the_agent_documents(agent):
    jsonschema.validate(json.loads(snippet(*ASKED[agent])), settings_schema(agent))


@pytest.mark.parametrize("agent", ["claude", "codex"])
def test_the_matcher_is_a_pattern_of_exactly_the_tools_that_edit(agent):
    (group,) = json.loads(snippet(*ASKED[agent]))["hooks"]["PreToolUse"]
    assert all(re.fullmatch(group["matcher"], tool) for tool in TOOLS[agent]["edits"])
    assert not any(re.fullmatch(group["matcher"], tool) for tool in TOOLS[agent]["others"])


@pytest.mark.parametrize("agent", ["claude", "codex"])
def test_the_commands_name_no_path_of_this_machine_and_end_in_an_answer(agent):
    for groups in json.loads(snippet(*ASKED[agent]))["hooks"].values():
        command = groups[0]["hooks"][0]["command"]
        assert command.startswith("idse hook agent-")
        assert command.endswith("|| echo '{}'")
        assert "/" not in command


@pytest.mark.parametrize("agent", ["claude", "codex"])
@pytest.mark.parametrize(
    "verdict", [ALLOWED, Verdict(WARN, "w"), Verdict(ASK, "a"), Verdict(DENY, "d", ("x", "y"))]
)
def test_every_answer_before_an_edit_is_one_the_agent_takes(agent, verdict):
    jsonschema.validate(answer_edit(agent, verdict), answer_schema(agent, "PreToolUse"))


@pytest.mark.parametrize("agent", ["claude", "codex"])
def test_every_other_answer_is_one_the_agent_takes(agent):
    jsonschema.validate(answer_start("where we stand"), answer_schema(agent, "SessionStart"))
    jsonschema.validate(answer_stop("two errors"), answer_schema(agent, "Stop"))
    for event in ("SessionStart", "PreToolUse", "Stop"):
        jsonschema.validate(answer_trouble("git is gone"), answer_schema(agent, event))
        jsonschema.validate(NOTHING, answer_schema(agent, event))


@pytest.mark.parametrize(
    ("agent", "event", "answer"),
    [
        ("codex", "PreToolUse", answer_edit("claude", Verdict(ASK, "a"))),
        ("claude", "Stop", {"decision": "block"}),
        ("claude", "PreToolUse", {"decision": "block", "reason": "r", "why": "w"}),
        ("codex", "Stop", answer_edit("codex", Verdict(DENY, "d"))),
    ],
)
def test_the_schemas_refuse_what_the_agent_would(agent, event, answer):
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(answer, answer_schema(agent, event))
