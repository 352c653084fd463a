"""The commands that run all day start without click: its import alone costs three times a bare Python.

Only plain forms are read here (flags and ``--option value``); whatever else is typed goes to click,
which knows the same options and reports what is wrong with them.
"""

from __future__ import annotations

import gc
from collections.abc import Mapping, Sequence
from importlib import import_module

from idse_orchestrator.cli.run import Run
from idse_orchestrator.cli.terminal import Terminal

HOT = ("status", "next", "hook", "sync", "compile", "agents")

_FLAGS = {"--json": "as_json", "--all": "all_sessions", "-q": "quiet", "--quiet": "quiet"}
_VALUES = {"--project": "project", "--color": "color", "--session": "session"}
_KNOWN = {
    "status": {"as_json", "all_sessions", "quiet", "project", "color"},
    "next": {"as_json", "quiet", "project", "color"},
    "sync": {"as_json", "quiet", "color"},
    "agents": {"as_json", "quiet", "project", "color", "session"},
}


def run_hot(argv: Sequence[str]) -> int | None:
    """Run `argv` if it is a plain form of a hot command, and return its exit code; None if it is not."""
    name, rest = argv[0], argv[1:]
    gc.disable()  # a hot command ends before there is anything worth collecting
    if name in _GROUPS:
        return _GROUPS[name](rest)
    module = import_module(f"idse_orchestrator.cli.commands.{name}")
    if name == "hook":
        if not rest or rest[0].startswith("-"):
            return None
        return int(module.run(Run(Terminal()), rest[0], rest[1:]))
    options = _parsed(name, rest)
    if options is None:
        return None
    terminal = _terminal(options)
    project = options.pop("project", None)
    return int(module.run(Run(terminal, str(project) if project is not None else None), **options))


def _run_sync(words: Sequence[str]) -> int | None:
    """Plain ``sync push`` and ``sync pull``: mostly they find nothing to do."""
    options = _parsed("sync", words[1:]) if words[:1] in (["push"], ["pull"]) else None
    if options is None:
        return None
    from idse_orchestrator.cli.syncing import run_pull, run_push

    run = Run(_terminal(options))
    return run_push(run) if words[0] == "push" else run_pull(run)


def _run_compile(words: Sequence[str]) -> int | None:
    """Plain ``compile agent-spec`` of one session: builds call it, once for each agent."""
    if words[:1] != ["agent-spec"]:
        return None
    from idse_orchestrator.cli.compiling import plain_options, run_agent_spec

    options = plain_options(words[1:])
    return None if options is None else run_agent_spec(Run(Terminal()), options)


def _run_route(words: Sequence[str]) -> int | None:
    """Plain ``agents route STAGE``: agents ask it before they act."""
    options = _parsed("agents", words[2:]) if words[:1] == ["route"] and len(words) > 1 else None
    if options is None or words[1].startswith("-"):
        return None
    from idse_orchestrator.cli.routing import run_route

    session, project = options.pop("session", None), options.pop("project", None)
    run = Run(_terminal(options), str(project) if project is not None else None)
    return run_route(run, words[1], str(session) if session is not None else None)


_GROUPS = {"sync": _run_sync, "compile": _run_compile, "agents": _run_route}


def _terminal(options: dict[str, object]) -> Terminal:
    return Terminal(
        color=str(options.pop("color", "auto")),
        quiet=bool(options.pop("quiet", False)),
        as_json=bool(options.pop("as_json", False)),
    )


def _parsed(name: str, words: Sequence[str]) -> dict[str, object] | None:
    options: dict[str, object] = {}
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word in _FLAGS:
            options[_FLAGS[word]] = True
        elif word in _VALUES and rest and not rest[0].startswith("-"):
            options[_VALUES[word]] = rest.pop(0)
        else:
            return None
    return options if _fits(name, options) else None


def _fits(name: str, options: Mapping[str, object]) -> bool:
    return options.keys() <= _KNOWN[name] and options.get("color", "auto") in ("auto", "always", "never")
