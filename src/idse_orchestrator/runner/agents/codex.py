"""Codex: `codex exec --json`, which prints lines of JSON.

Written for 0.171.0; https://developers.openai.com/codex/noninteractive says what the flags are. Its input
includes what was read from and written to the cache, its output what it reasoned. Of a tool that was denied
it prints nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from idse_orchestrator.runner.agents.adapter import (
    ACTED,
    DENIED,
    ERROR,
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

_ACTS = ("command_execution", "file_change", "mcp_tool_call")


class CodexAgent:
    """Starts Codex as `settings` say."""

    def __init__(self, settings: AgentSettings) -> None:
        self.name = settings.name
        self._settings = settings

    def plan(self, order: Order) -> Plan:
        """See `Adapter`."""
        own, model = self._settings, self._settings.model_for(order.model)
        argv = [own.program, "exec"]
        argv += ["--json", "--color", "never", "--skip-git-repo-check"]
        # Settings, hooks and MCP servers of a branch are off unless it is trusted; the rules of a branch
        # could allow commands. AGENTS.md is still read: it is text.
        argv += ["--trust"] if order.trust_project else ["--ignore-user-config", "--ignore-rules"]
        argv += ["--sandbox", "danger-full-access" if order.sandboxed else "workspace-write"]
        argv += ["--add-dir", order.out]
        argv += ["-m", model] if model else []
        argv += own.arguments
        argv += ["resume", order.resume] if order.resume else []
        return Plan((*argv, "-"), own.env, order.prompt.encode(), own.variables, own.reads, model=model)

    def parse(self, line: bytes) -> Event | None:
        """See `Adapter`."""
        row = row_of(line)
        match row.get("type"):
            case "thread.started":
                return Event(STARTED, text_at(row, "thread_id"))
            case "item.completed":
                return _item(below(row, "item"))
            case "turn.completed":
                return Event(FINAL, usage=_usage(below(row, "usage")))
            case "turn.failed":
                return trouble(text_at(below(row, "error"), "message") or "the turn failed")
            case "error":
                return _error(text_at(row, "message"))
        return None

    def finish(self, seen: Seen, ended: Ended) -> Outcome:
        """See `Adapter`."""
        return judged(seen, ended)


def _item(item: Mapping[str, Any]) -> Event | None:
    kind, status = item.get("type"), item.get("status")
    if kind == "agent_message":
        return Event(MESSAGE, text_at(item, "text"))
    if kind not in _ACTS:
        return None
    if status == "declined":
        return Event(DENIED, text_at(item, "command"))
    return Event(ACTED) if status == "completed" else None


def _error(message: str) -> Event | None:
    """Returns what an error line means: while it still tries again, only a limit counts, and a login."""
    found = trouble(message)
    return None if found.kind == ERROR and message.startswith("Reconnecting") else found


def _usage(row: Mapping[str, Any]) -> Usage:
    read, written = count_at(row, "cached_input_tokens"), count_at(row, "cache_write_input_tokens")
    return Usage(
        max(0, count_at(row, "input_tokens") - read - written),
        read,
        written,
        count_at(row, "output_tokens"),
        count_at(row, "reasoning_output_tokens"),
    )
