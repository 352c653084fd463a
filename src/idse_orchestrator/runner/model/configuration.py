"""``~/.config/idse/agents.yaml``: the agents of this user, their limits, budgets and checks.

Only the user's own file says what is run: no command is ever read from a document, or from a branch::

    agents:
      claude: {model: claude-sonnet-5-5, models: {small: claude-haiku-5-5}}
      mine: {argv: [my-agent, "--model={model}"], format: codex, account: openai}
      build: {command: make $IDSE_TASK}
    limits:
      worker: {requests: 1000, input: 100000, output: 20000}
      accounts: {anthropic: {requests: 4000}}
    budgets: {session: 20, month: 200}
    checks: {tests: pytest -q}
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from idse_orchestrator.base.placed_tables import Place, opened
from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.base.text import did_you_mean, few
from idse_orchestrator.errors import UnknownNameError
from idse_orchestrator.runner.agents.adapter import Adapter
from idse_orchestrator.runner.agents.claude import ClaudeAgent
from idse_orchestrator.runner.agents.codex import CodexAgent
from idse_orchestrator.runner.agents.gemini import GeminiAgent
from idse_orchestrator.runner.agents.generic import FORMATS, GenericAgent
from idse_orchestrator.runner.agents.settings import KNOWN, AgentSettings
from idse_orchestrator.runner.agents.shell import ShellAgent
from idse_orchestrator.runner.model.buckets import ACCOUNT_SHARE, WORKER_SHARE, Amounts

FILE = "~/.config/idse/agents.yaml"
SHELL, GENERIC = "shell", "generic"
ADAPTERS = ("claude", "codex", "gemini")
SCOPES = ("run", "session", "project", "month")
"""What a budget may be of, from the smallest on."""

_NAME = re.compile(r"[a-z][a-z0-9-]{0,39}")
_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,79}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
_AGENT = (
    "adapter",
    "program",
    "arguments",
    "env",
    "keys",
    "passes",
    "credential",
    "model",
    "models",
    "account",
)
_OTHERS = ("argv", "format", "command", "reads")
_ROOT = ("agents", "limits", "budgets", "checks")


class Configuration(NamedTuple):
    """What the file says, with what needs no line of it."""

    agents: Mapping[str, AgentSettings] = KNOWN
    worker: Amounts = WORKER_SHARE
    accounts: Mapping[str, Amounts] = {}
    budgets: Mapping[str, float] = {}
    checks: Mapping[str, str] = {}

    def agent(self, name: str) -> AgentSettings:
        """Returns the settings of an agent. UnknownNameError."""
        if name not in self.agents:
            raise UnknownNameError(
                f"no agent {name!r} is set up here",
                cause=f"known are {few(sorted(self.agents))}",
                fix=(
                    *did_you_mean(name, self.agents),
                    f"add it below agents in {FILE}",
                    "idse run --agent 'make $IDSE_TASK'  # a command of your own",
                ),
            )
        return self.agents[name]

    def account(self, name: str) -> Amounts:
        """Returns what an account of a provider gets in a minute."""
        return self.accounts.get(name, ACCOUNT_SHARE)


def adapter_of(settings: AgentSettings) -> Adapter:
    """Returns the adapter that `settings` name."""
    if settings.adapter == SHELL:
        return ShellAgent(settings.argv[0], settings.name)
    makers: Mapping[str, Callable[[AgentSettings], Adapter]] = {
        "claude": ClaudeAgent,
        "codex": CodexAgent,
        "gemini": GeminiAgent,
        GENERIC: GenericAgent,
    }
    return makers[settings.adapter](settings)


def read_configuration(data: bytes | None, file: str = FILE) -> Configuration:
    """Returns what the file says; InvalidConfigurationError names the place, and what to write there."""
    root = opened(data, file, "the file of agents") if data is not None else None
    if root is None:
        return Configuration()
    keys = root.keys(_ROOT)
    agents = {name: _agent(name, place) for name, place in _table(keys, "agents").items()}
    limits = keys["limits"].keys(("worker", "accounts")) if "limits" in keys else {}
    return Configuration(
        {**KNOWN, **agents},
        _amounts(limits["worker"], WORKER_SHARE) if "worker" in limits else WORKER_SHARE,
        {name: _amounts(each, ACCOUNT_SHARE) for name, each in _table(limits, "accounts").items()},
        {
            scope: place.amount("US dollars", f"{scope}: 20")
            for scope, place in (keys["budgets"].keys(SCOPES) if "budgets" in keys else {}).items()
        },
        {name: _words(place, "tests: pytest -q") for name, place in _table(keys, "checks").items()},
    )


def _table(keys: Mapping[str, Place], name: str) -> Mapping[str, Place]:
    return keys[name].table() if name in keys else {}


def _agent(name: str, place: Place) -> AgentSettings:
    if not _NAME.fullmatch(name):
        place.refuse(
            f"an agent cannot be called {name!r}",
            "names are of lower-case letters, digits and hyphens",
            "write for instance: claude-small",
        )
    keys = place.keys((*_AGENT, *_OTHERS))
    kind = _kind(name, place, keys)
    found = KNOWN.get(kind, AgentSettings(name, kind))._replace(name=name, adapter=kind)
    if kind == SHELL:
        return found._replace(argv=(_words(keys["command"], "command: make $IDSE_TASK"),))
    said: dict[str, Any] = {key: _READERS[key](at) for key, at in keys.items() if key in _READERS}
    if "argv" in said:
        if not said["argv"]:
            keys["argv"].refuse("a command line has no word", "its first is the program", "argv: [my-agent]")
        said["program"] = said["argv"][0]
    return found._replace(**said)


def _kind(name: str, place: Place, keys: Mapping[str, Place]) -> str:
    """Returns how an agent is spoken to: by what it has, by what it says, or by its name."""
    if "command" in keys:
        return SHELL
    if "argv" in keys:
        return GENERIC
    if "adapter" in keys:
        what = f"one of {', '.join(ADAPTERS)}"
        return keys["adapter"].text(ADAPTERS.__contains__, what, "adapter: claude")
    if name in ADAPTERS:
        return name
    return place.refuse(
        f"agent {name} does not say what it is",
        f"it has an adapter ({', '.join(ADAPTERS)}), an argv, or a command",
        "write for instance: adapter: claude",
    )


def _amounts(place: Place, default: Amounts) -> Amounts:
    keys = place.keys(Amounts._fields)
    found = {
        name: at.amount("a number for each minute, 0 for none", f"{name}: 1000") for name, at in keys.items()
    }
    return default._replace(**found)


def _environment(place: Place) -> Mapping[str, str]:
    found = {}
    for name, at in place.table().items():
        if not _VARIABLE.fullmatch(name):
            at.refuse(
                f"{name!r} is no name of a variable", "letters, digits and _", "write for instance: A: b"
            )
        found[name] = _words(at, f'{name}: "value"')
    return found


def _words(place: Place, example: str) -> str:
    return place.text(_is_plain, "printable text, in quotes where it looks like a number", example)


def _is_plain(text: str) -> bool:
    return all(char.isprintable() or char in "\n\t" for char in text)


def _model(place: Place) -> str:
    return place.text(_MODEL.fullmatch, "the name that its provider gives a model", "model: gpt-5.5")


def _models(place: Place) -> Mapping[str, str]:
    return {name: _model(each) for name, each in place.table().items()}


def _format(place: Place) -> str:
    return place.text(FORMATS.__contains__, f"one of {', '.join(FORMATS)}", "format: text")


def _name(place: Place) -> str:
    return _words(place, "program: my-agent")


def _names(place: Place) -> tuple[str, ...]:
    return tuple(_words(each, "arguments: [--fast]") for each in place.items())


_READERS: Mapping[str, Callable[[Place], object]] = {
    "program": _name,
    "account": _name,
    "arguments": _names,
    "keys": _names,
    "passes": _names,
    "credential": _names,
    "reads": _names,
    "argv": _names,
    "env": _environment,
    "model": _model,
    "models": _models,
    "format": _format,
}


def routed(wanted: str, registered: Sequence[str], free: Sequence[str], turn: int) -> str:
    """Returns who does a task: whom it names, else one that the registry has for tasks, else any, in turn.

    `free` are those that take part and can begin now; "" where it is none of them.
    """
    if wanted:
        return wanted if wanted in free else ""
    able = [name for name in free if name in registered] or free
    return able[turn % len(able)] if able else ""
