"""The commands that run all day start without click: its import alone costs three times a bare Python.

Only plain forms are read here (flags and ``--option value``); whatever else is typed goes to click,
which knows the same options and reports what is wrong with them.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from idse_orchestrator.cli.run import Run
from idse_orchestrator.cli.terminal import Answer, Terminal

_FLAGS = {"--json": "as_json", "-q": "quiet", "--quiet": "quiet"}
_VALUES = {"--color": "color"}
_PROJECT = {"--project": "project"}


def run_hot(argv: Sequence[str]) -> int | None:
    """Runs `argv` if it is a plain form of a hot command, and returns its exit code; None if it is not."""
    gc.disable()  # a hot command ends before there is anything worth collecting
    return _HOT[argv[0]](argv[1:])


def _status(words: Sequence[str]) -> int | None:
    options = _parsed(words, {**_FLAGS, "--all": "all_sessions"}, {**_VALUES, **_PROJECT})
    if options is None:
        return None
    from idse_orchestrator.cli.commands.status import show_status

    return _shown(show_status, options)


def _next(words: Sequence[str]) -> int | None:
    options = _parsed(words, _FLAGS, {**_VALUES, **_PROJECT})
    if options is None:
        return None
    from idse_orchestrator.cli.commands.status import show_next

    return _shown(show_next, options)


def _hook(words: Sequence[str]) -> int | None:
    if not words or words[0].startswith("-"):
        return None
    from idse_orchestrator.cli.commands.hook import run

    return run(Run(Terminal()), words[0], words[1:])


def _sync(words: Sequence[str]) -> int | None:
    """Runs plain ``sync push`` and ``sync pull``: mostly they find nothing to do."""
    options = _parsed(words[1:], _FLAGS, _VALUES) if words[:1] in (["push"], ["pull"]) else None
    if options is None:
        return None
    from idse_orchestrator.cli.commands.sync import pull, push

    return _shown(push if words[0] == "push" else pull, options)


def _compile(words: Sequence[str]) -> int | None:
    """Runs plain ``compile agent-spec`` of one session: builds call it, once for each agent."""
    if words[:1] != ["agent-spec"]:
        return None
    from idse_orchestrator.cli.compiling import PLAIN_FLAGS, PLAIN_VALUES, CompileOptions, agent_spec
    from idse_orchestrator.profiles.file import FORMATS

    options = _parsed(words[1:], PLAIN_FLAGS, PLAIN_VALUES)
    if options is None or options.get("form", FORMATS[0]) not in FORMATS:
        return None
    return Terminal().show(agent_spec(Run(Terminal()), CompileOptions(**options)))


def _route(words: Sequence[str]) -> int | None:
    """Runs plain ``agents route STAGE``: agents ask it before they act."""
    if words[:1] != ["route"] or len(words) == 1 or words[1].startswith("-"):
        return None
    options = _parsed(words[2:], _FLAGS, {**_VALUES, **_PROJECT, "--session": "session"})
    if options is None:
        return None
    from idse_orchestrator.cli.render.agents import route_answer

    return _shown(route_answer, {"stage": words[1], **options})


_HOT: Mapping[str, Callable[[Sequence[str]], int | None]] = {
    "status": _status,
    "next": _next,
    "hook": _hook,
    "sync": _sync,
    "compile": _compile,
    "agents": _route,
}
HOT = frozenset(_HOT)


def _shown(function: Callable[..., Answer], options: dict[str, Any]) -> int:
    terminal = Terminal(
        color=options.pop("color", "auto"),
        quiet=options.pop("quiet", False),
        as_json=options.pop("as_json", False),
    )
    return terminal.show(function(Run(terminal, options.pop("project", None)), **options))


def _parsed(
    words: Sequence[str], flags: Mapping[str, str], values: Mapping[str, str]
) -> dict[str, Any] | None:
    """Reads options; None where there is one that only click knows, or knows how to refuse."""
    options: dict[str, Any] = {}
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word in flags:
            options[flags[word]] = True
        elif word in values and rest and not rest[0].startswith("-"):
            options[values[word]] = rest.pop(0)
        else:
            return None
    return options if options.get("color", "auto") in ("auto", "always", "never") else None
