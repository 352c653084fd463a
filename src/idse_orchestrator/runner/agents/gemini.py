"""Gemini CLI: `gemini -o stream-json`, which prints lines of JSON.

Written for 0.61.0; https://geminicli.com/docs/cli/headless says what the flags are. Its input includes what
was read from the cache, its output excludes what it thought. While it waits for a limit it prints nothing on
standard output.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from idse_orchestrator.runner.agents.adapter import (
    ACTED,
    AUTH,
    DENIED,
    EXITED,
    FINAL,
    MESSAGE,
    STARTED,
    Ended,
    Event,
    Order,
    Outcome,
    Plan,
    Seen,
    Usage,
    judged,
)
from idse_orchestrator.runner.agents.lines import below, count_at, row_of, text_at, trouble
from idse_orchestrator.runner.agents.settings import AgentSettings

_NOT_LOGGED_IN = 41
"""What it exits with where it has no way to log in; it prints nothing then."""

_DENIALS = ("policy_violation", "tool_not_registered", "execution_denied")
"""What it says of a tool that its mode does not allow: most are not even there."""


class GeminiAgent:
    """Starts the Gemini CLI as `settings` say."""

    def __init__(self, settings: AgentSettings) -> None:
        self.name = settings.name
        self._settings = settings

    def plan(self, order: Order) -> Plan:
        """See `Adapter`."""
        own, model = self._settings, self._settings.model_for(order.model)
        argv = [own.program, "-o", "stream-json"]
        argv += ["--approval-mode", "yolo" if order.sandboxed else "auto_edit"]
        argv += ["--include-directories", order.out]
        argv += ["-m", model] if model else []
        argv += ["--resume", order.resume] if order.resume else []
        # It does not work without trust. The flag trusts the session after settings were read: those of the
        # branch stay off. The variable trusts it before, hooks, MCP servers and tools of the branch included.
        # tests/agents_live proves both.
        env = {"GEMINI_CLI_TRUST_WORKSPACE": "true"} if order.trust_project else {"GOOGLE_API_KEY": ""}
        if not order.trust_project:
            argv += ["--skip-trust", "-e", "none", "--allowed-mcp-server-names", "none"]
        files = {".gemini/settings.json": json.dumps(_HOME, indent=1).encode()}
        plan = Plan(
            (*argv, *own.arguments), {**env, **own.env}, order.prompt.encode(), own.variables, own.reads
        )
        return plan._replace(model=model, files=files)

    def parse(self, line: bytes) -> Event | None:
        """See `Adapter`."""
        row = row_of(line)
        match row.get("type"):
            case "init":
                return Event(STARTED, text_at(row, "session_id"))
            case "message" if row.get("role") == "assistant":
                return Event(MESSAGE, text_at(row, "content"))
            case "tool_result":
                return _tool(row)
            case "error" if row.get("severity") == "error":
                return trouble(text_at(row, "message"))
            case "result":
                return _result(row)
        return None

    def finish(self, seen: Seen, ended: Ended) -> Outcome:
        """See `Adapter`."""
        if ended.why == EXITED and ended.code == _NOT_LOGGED_IN:
            return Outcome(AUTH, "it is not logged in")
        return judged(seen, ended)


_HOME = {
    # Which of its ways to log in; it asks a person where this is not said.
    "security": {"auth": {"selectedType": "gemini-api-key"}},
    # Ten by default, with minutes between them: the runner has other work for the slot.
    "general": {"maxAttempts": 2, "enableAutoUpdate": False},
    "privacy": {"usageStatisticsEnabled": False},
}
"""The settings in its home."""


def _tool(row: Mapping[str, Any]) -> Event | None:
    if row.get("status") == "success":
        return Event(ACTED)
    error = below(row, "error")
    return Event(DENIED, text_at(error, "message")) if error.get("type") in _DENIALS else None


def _result(row: Mapping[str, Any]) -> Event:
    stats = below(row, "stats")
    models = below(stats, "models")
    if row.get("status") == "success":
        found = Event(FINAL)
    else:
        found = trouble(text_at(below(row, "error"), "message") or "it failed")
    return found._replace(usage=_usage(stats), model=next(iter(models)) if len(models) == 1 else "")


def _usage(stats: Mapping[str, Any]) -> Usage:
    given, read = count_at(stats, "input_tokens"), count_at(stats, "cached")
    written = count_at(stats, "output_tokens")
    output = max(written, count_at(stats, "total_tokens") - given)
    return Usage(max(0, given - read), read, 0, output, output - written)
