"""Changes of the agent registry in a few words, for the subject of the commit that makes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from idse_orchestrator.domain.agents.registry_fold import (
    ADD,
    ADD_RULE,
    ORDER,
    REMOVE,
    REMOVE_RULE,
    SET,
    changes_in,
)
from idse_orchestrator.domain.text import few


def registry_summary(body: Mapping[str, Any]) -> str:
    """What an ``assigned`` event of a project's ledger changed: its one change, or how many there are."""
    changes = changes_in(body)
    if len(changes) == 1:
        return _words(changes[0])
    counts: dict[str, int] = {}
    for change in changes:
        verb = _VERBS.get(str(change.get("action")), "changed")
        counts[verb] = counts.get(verb, 0) + 1
    return ", ".join(f"{verb} {count:,}" for verb, count in counts.items()) or "nothing changed"


def _words(change: Mapping[str, Any]) -> str:
    tell = _WORDS.get(str(change.get("action")))
    return tell(change) if tell else "changed"


def _added(change: Mapping[str, Any]) -> str:
    return f"added {change['agent']['id']}"


def _removed(change: Mapping[str, Any]) -> str:
    return f"removed {change['agent']}"


def _set(change: Mapping[str, Any]) -> str:
    return f"set {', '.join(sorted(change['fields']))} of {change['agent']}"


def _ordered(change: Mapping[str, Any]) -> str:
    return f"{few(change['agents'])} first"


def _rule(change: Mapping[str, Any]) -> str:
    rule = change["rule"]
    route = f"{rule['from_agent']}/{rule['from_stage']} to {rule['to_agent']}/{rule['to_stage']}"
    return f"{_VERBS[change['action']]} {route}"


_VERBS = {
    ADD: "added",
    REMOVE: "removed",
    SET: "changed",
    ORDER: "ordered",
    ADD_RULE: "new rule",
    REMOVE_RULE: "dropped rule",
}

_WORDS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    ADD: _added,
    REMOVE: _removed,
    SET: _set,
    ORDER: _ordered,
    ADD_RULE: _rule,
    REMOVE_RULE: _rule,
}
