"""Our hooks in the settings of an agent: what they are, and how they come in, are found and go.

Claude Code reads ``.claude/settings.json`` and Codex ``.codex/hooks.json``, both in the same shape:
event → groups with a matcher → handlers. A handler of ours is told by its command.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from idse_orchestrator.agents.json_splice import Span, appended, parsed, removed, spans

CLAUDE = "claude"
CODEX = "codex"
"""Agents that say and hear other things than the rest in their hooks."""

SESSION_START = "SessionStart"
BEFORE_EDIT = "PreToolUse"
STOP = "Stop"
EVENTS = (SESSION_START, BEFORE_EDIT, STOP)

HOOK_NAMES = {
    SESSION_START: "agent-session-start",
    BEFORE_EDIT: "agent-before-edit",
    STOP: "agent-stop",
}
"""Event to the name of the `idse hook` that answers it."""

SIGN = "idse hook agent-"
"""A part of every command of ours, and of no other."""

_ALONE = re.compile(r"\S*idse hook agent-[\w-]+(?: [\w-]+)?\s*(?:\|\| echo '\{\}')?\s*")
"""A command that does nothing but call us, in the words of any idse."""

OFF = "disableAllHooks"
"""The key by which settings of Claude Code switch every hook off."""

_SECONDS = {SESSION_START: 30, BEFORE_EDIT: 15, STOP: 60}


class SettingsTrouble(ValueError):  # noqa: N818 - what is wrong with a file, in a sentence
    """Why hooks cannot be told apart in a settings file."""


def wanted(agent: str, tools: str) -> Mapping[str, dict[str, Any]]:
    """Returns event to the group of ours for `agent`; `tools` is a pattern of those that change files.

    Where idse is not installed, or is one that does not know the hook, the answer is an empty object:
    nobody's agent is disturbed by a settings file that came with a branch.
    """
    groups: dict[str, dict[str, Any]] = {}
    for event in EVENTS:
        command = f"idse hook {HOOK_NAMES[event]} {agent} || echo '{{}}'"
        handler = {"type": "command", "command": command, "timeout": _SECONDS[event]}
        matcher = {"matcher": tools} if event == BEFORE_EDIT else {}
        groups[event] = {**matcher, "hooks": [handler]}
    return groups


def snippet(agent: str, tools: str) -> str:
    """Returns what a person has to put into the settings where we cannot."""
    return json.dumps({"hooks": {event: [group] for event, group in wanted(agent, tools).items()}}, indent=2)


def standing_hooks(text: str, agent: str, tools: str) -> Mapping[str, str]:
    """Returns event to "missing", "current" or "edited"; SettingsTrouble where that cannot be told."""
    events = _groups(text)
    return {event: _standing(events.get(event, ()), group) for event, group in wanted(agent, tools).items()}


def with_hooks(text: str, agent: str, tools: str) -> str:
    """Returns `text` with every hook of ours that is missing; the rest of it is as it was, to the byte."""
    standing = standing_hooks(text, agent, tools)
    for event, group in wanted(agent, tools).items():
        if standing[event] == "missing":
            text = _with_group(text, event, group)
    return text


def without_hooks(text: str) -> str:
    """Returns `text` without any hook of ours; lists and objects that held nothing else are gone, too."""
    while (place := _first_of_ours(text)) is not None:
        text = _without_handler(text, *place)
    return text


def is_mixed(text: str) -> bool:
    """Tests whether a command that calls us does more: then it is not ours alone to take out."""
    handlers = (each for groups in _groups(text).values() for group in groups for each in group["hooks"])
    return any(_is_ours(each) and not _ALONE.fullmatch(each["command"]) for each in handlers)


def says_off(text: str) -> bool | None:
    """Tests whether settings switch every hook off; None where they do not say, or cannot be read."""
    try:
        value = parsed(text)
    except ValueError:
        return None
    said = value.get(OFF) if isinstance(value, dict) else None
    return said if isinstance(said, bool) else None


def is_bare(text: str) -> bool:
    """Tests whether `text` holds nothing at all."""
    return bool(parsed(text) == {})


def _with_group(text: str, event: str, group: dict[str, Any]) -> str:
    root = text.index("{")
    hooks = _member(text, root, "hooks")
    if hooks is None:
        return appended(text, root, 0, {event: [group]}, "hooks")
    groups = _member(text, hooks.at, event)
    if groups is None:
        return appended(text, hooks.at, 1, [group], event)
    return appended(text, groups.at, 2, group)


def _without_handler(text: str, event: str, group_at: int, handler_at: int) -> str:
    """Without one handler, and without whatever held only it."""
    root = text.index("{")
    hooks = _required(text, root, "hooks")
    groups = _required(text, hooks.at, event)
    group = spans(text, groups.at)[group_at]
    handlers = _required(text, group.at, "hooks")
    if len(spans(text, handlers.at)) > 1:
        return removed(text, handlers.at, handler_at)
    if len(spans(text, groups.at)) > 1:
        return removed(text, groups.at, group_at)
    if len(spans(text, hooks.at)) > 1:
        return removed(text, hooks.at, _index(text, hooks.at, event))
    return removed(text, root, _index(text, root, "hooks"))


def _first_of_ours(text: str) -> tuple[str, int, int] | None:
    for event, groups in _groups(text).items():
        for group_at, group in enumerate(groups):
            for handler_at, handler in enumerate(group["hooks"]):
                if _is_ours(handler):
                    return event, group_at, handler_at
    return None


def _standing(groups: Sequence[Mapping[str, Any]], group: Mapping[str, Any]) -> str:
    ours = [(each, handler) for each in groups for handler in each["hooks"] if _is_ours(handler)]
    if not ours:
        return "missing"
    alike = all(
        handler == group["hooks"][0] and each.get("matcher") == group.get("matcher") for each, handler in ours
    )
    return "current" if alike and len(ours) == 1 else "edited"


def _is_ours(handler: object) -> bool:
    return (
        isinstance(handler, dict) and isinstance(handler.get("command"), str) and SIGN in handler["command"]
    )


def _groups(text: str) -> Mapping[str, Sequence[Mapping[str, Any]]]:
    """Returns event to its groups, all of the shape that agents document."""
    try:
        value = parsed(text)
    except ValueError as error:
        raise SettingsTrouble(f"it is not valid JSON: {error}") from error
    if not isinstance(value, dict):
        raise SettingsTrouble("it is JSON, but not an object")
    _refuse_twice([span.key for span in spans(text, text.index("{"))])
    hooks = value.get("hooks", {})
    if not isinstance(hooks, dict):
        raise SettingsTrouble('its "hooks" is not an object')
    if "hooks" in value:
        place = _required(text, text.index("{"), "hooks")
        json.loads(text[place.at : place.end], object_pairs_hook=_each_once)
    for event, groups in hooks.items():
        _refuse_odd(event, groups)
    return hooks


def _refuse_odd(event: str, groups: object) -> None:
    well = isinstance(groups, list) and all(
        isinstance(group, dict) and isinstance(group.get("hooks"), list) for group in groups
    )
    if not well:
        raise SettingsTrouble(f'its "hooks" → "{event}" is not a list of groups with "hooks"')


def _refuse_twice(keys: Sequence[str]) -> None:
    twice = next((key for key, number in Counter(keys).items() if number > 1), None)
    if twice is not None:
        raise SettingsTrouble(f"it has the key {twice!r} twice")


def _each_once(pairs: list[tuple[str, Any]]) -> None:
    _refuse_twice([key for key, _ in pairs])


def _member(text: str, at: int, key: str) -> Span | None:
    return next((span for span in spans(text, at) if span.key == key), None)


def _required(text: str, at: int, key: str) -> Span:
    found = _member(text, at, key)
    if found is None:
        raise SettingsTrouble(f"it has no {key!r} any more")
    return found


def _index(text: str, at: int, key: str) -> int:
    return [span.key for span in spans(text, at)].index(key)
