"""Claude Code: `claude -p`, which prints lines of JSON (`--output-format stream-json`).

Written for 2.1.197; https://code.claude.com/docs/en/headless and https://code.claude.com/docs/en/cli-reference
say what the flags are. Its input excludes what was read from and written to the cache.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from idse_orchestrator.runner.agents.adapter import (
    ACTED,
    DENIED,
    FINAL,
    LIMIT,
    LOGIN,
    MESSAGE,
    OVER,
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

# Settings of the user alone, who has none in the home that it gets; no MCP server but those of a flag, of
# which there is none; skills of the project off. CLAUDE.md is still read: it is text.
_ALONE = ("--setting-sources", "user", "--strict-mcp-config", "--disable-slash-commands")
_ENV = {
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "DISABLE_AUTOUPDATER": "1",
    # Ten by default: it would wait for minutes, while the runner has other work for the slot.
    "CLAUDE_CODE_MAX_RETRIES": "2",
}


class ClaudeAgent:
    """Starts Claude Code as `settings` say."""

    def __init__(self, settings: AgentSettings) -> None:
        self.name = settings.name
        self._settings = settings

    def plan(self, order: Order) -> Plan:
        """See `Adapter`."""
        own, model = self._settings, self._settings.model_for(order.model)
        argv = [own.program, "-p", "--output-format", "stream-json", "--verbose"]
        argv += [] if order.trust_project else _ALONE
        argv += ["--permission-mode", "bypassPermissions" if order.sandboxed else "acceptEdits"]
        argv += ["--add-dir", order.out]
        argv += ["--model", model] if model else []
        argv += ["--max-budget-usd", f"{order.cap_usd:.6f}"] if order.cap_usd is not None else []
        argv += ["--resume", order.resume] if order.resume else []
        # It refuses to run everything as root outside of a sandbox, and this is how it is told of one.
        env = {**_ENV, **({"IS_SANDBOX": "1"} if order.sandboxed else {}), **own.env}
        return Plan(
            (*argv, *own.arguments), env, order.prompt.encode(), own.variables, own.reads, model=model
        )

    def parse(self, line: bytes) -> Event | None:
        """See `Adapter`."""
        row = row_of(line)
        match row.get("type"), row.get("subtype"):
            case "system", "init":
                return Event(STARTED, text_at(row, "session_id"), model=_plain(text_at(row, "model")))
            case "system", "api_retry":
                return _retry(row)
            case "assistant", _:
                said = _said(below(row, "message"))
                return Event(MESSAGE, said) if said else None
            case "user", _:
                return Event(ACTED) if _acted(below(row, "message")) else None
            case "result", _:
                return _result(row)
        return None

    def finish(self, seen: Seen, ended: Ended) -> Outcome:
        """See `Adapter`."""
        return judged(seen, ended)


def _retry(row: Mapping[str, Any]) -> Event | None:
    status, delay = row.get("error_status"), row.get("retry_delay_ms")
    if status in (401, 403):
        return Event(LOGIN, text_at(row, "error"))
    if status in (429, 529):
        seconds = delay / 1000 if isinstance(delay, (int, float)) else None
        return Event(LIMIT, text_at(row, "error"), retry_after_s=seconds)
    return None


def _parts(message: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    content = message.get("content")
    return [part for part in content if isinstance(part, dict)] if isinstance(content, list) else []


def _said(message: Mapping[str, Any]) -> str:
    return "\n".join(text_at(part, "text") for part in _parts(message) if part.get("type") == "text")


def _acted(message: Mapping[str, Any]) -> bool:
    """Tests whether a tool answered, and did not fail."""
    return any(part.get("type") == "tool_result" and not part.get("is_error") for part in _parts(message))


def _result(row: Mapping[str, Any]) -> Event:
    used = row.get("modelUsage")
    models = used if isinstance(used, dict) else {}
    usage = _usage([each for each in models.values() if isinstance(each, dict)]) or _of_turns(row)
    cost = row.get("total_cost_usd")
    found = _verdict(row)
    return found._replace(
        usage=usage,
        cost_usd=float(cost) if isinstance(cost, (int, float)) and not isinstance(cost, bool) else None,
        model=_plain(max(models, key=lambda name: count_at(models[name], "outputTokens"), default=""))
        if all(isinstance(each, dict) for each in models.values())
        else "",
    )


def _verdict(row: Mapping[str, Any]) -> Event:
    said = text_at(row, "result")
    if row.get("subtype") == "error_max_budget_usd":
        return Event(OVER, said)
    if row.get("permission_denials") or row.get("stop_reason") == "refusal":
        return Event(DENIED, said)
    # In a failure it says `success` all the same; only `is_error` tells.
    if row.get("is_error") is not False or row.get("subtype") != "success":
        return trouble(said or text_at(row, "subtype"), row.get("api_error_status"))
    return Event(FINAL, said)


def _usage(rows: list[Mapping[str, Any]]) -> Usage | None:
    """Returns the sum over all models: requests beside the conversation are only counted there."""
    if not rows:
        return None

    def total(key: str) -> int:
        return sum(count_at(each, key) for each in rows)

    return Usage(
        total("inputTokens"),
        total("cacheReadInputTokens"),
        total("cacheCreationInputTokens"),
        total("outputTokens"),
    )


def _of_turns(row: Mapping[str, Any]) -> Usage:
    usage = below(row, "usage")
    return Usage(
        count_at(usage, "input_tokens"),
        count_at(usage, "cache_read_input_tokens"),
        count_at(usage, "cache_creation_input_tokens"),
        count_at(usage, "output_tokens"),
    )


def _plain(model: str) -> str:
    """Returns the name of a model without the size of its window: ``claude-opus-4-8[1m]`` has one price."""
    return model.partition("[")[0]
