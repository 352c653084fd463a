"""Any other program: a command line of the user's configuration, and one of four formats for what it prints.

Each word of the command line may hold ``{task}``, ``{workspace}``, ``{out}``, ``{task_file}``, ``{model}``,
``{attempt}`` and ``{cap_usd}``; they are put in as one word, and no shell reads them. The prompt is on
standard input. A word in which ``{model}`` or ``{cap_usd}`` stands for nothing is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from idse_orchestrator.runner.agents.adapter import Adapter, Ended, Event, Order, Outcome, Plan, Seen
from idse_orchestrator.runner.agents.claude import ClaudeAgent
from idse_orchestrator.runner.agents.codex import CodexAgent
from idse_orchestrator.runner.agents.gemini import GeminiAgent
from idse_orchestrator.runner.agents.settings import AgentSettings
from idse_orchestrator.runner.agents.shell import ShellAgent

TEXT = "text"
FORMATS = (TEXT, "claude", "codex", "gemini")
"""What a program prints: text, in which nothing counts but the exit code, or what one of these three does."""

PLACES = ("task", "workspace", "out", "task_file", "model", "attempt", "cap_usd")
_OF_THE_USER = ("model", "cap_usd")
"""What may stand for nothing: a word that holds one of them is left out then."""


class GenericAgent:
    """Starts what `settings.argv` say."""

    def __init__(self, settings: AgentSettings) -> None:
        self.name = settings.name
        self._settings = settings
        self._reader = _READERS[settings.format or TEXT](settings)

    def plan(self, order: Order) -> Plan:
        """See `Adapter`."""
        own, model = self._settings, self._settings.model_for(order.model)
        cap = f"{order.cap_usd:.6f}" if order.cap_usd is not None else ""
        values = {name: str(getattr(order, name)) for name in PLACES if name not in _OF_THE_USER}
        values |= {"model": model, "cap_usd": cap}
        argv = [_filled(word, values) for word in own.argv if not _is_void(word, values)]
        return Plan(
            (*argv, *own.arguments), own.env, order.prompt.encode(), own.variables, own.reads, model=model
        )

    def parse(self, line: bytes) -> Event | None:
        """See `Adapter`."""
        return self._reader.parse(line)

    def finish(self, seen: Seen, ended: Ended) -> Outcome:
        """See `Adapter`."""
        return self._reader.finish(seen, ended)


def _text_reader(settings: AgentSettings) -> ShellAgent:
    return ShellAgent("", settings.name)


_READERS: Mapping[str, Callable[[AgentSettings], Adapter]] = {
    TEXT: _text_reader,
    "claude": ClaudeAgent,
    "codex": CodexAgent,
    "gemini": GeminiAgent,
}


def _is_void(word: str, values: Mapping[str, str]) -> bool:
    return any(f"{{{place}}}" in word and not values[place] for place in _OF_THE_USER)


def _filled(word: str, values: Mapping[str, str]) -> str:
    """Returns `word` with its places filled in one pass: a value that holds a place is left as it is."""
    parts = word.split("{")
    filled = parts[0]
    for part in parts[1:]:
        name, brace, rest = part.partition("}")
        filled += f"{values[name]}{rest}" if brace and name in values else "{" + part
    return filled
