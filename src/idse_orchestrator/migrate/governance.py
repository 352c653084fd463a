"""Handoff documents, governance state and agent registries of older tools; nothing here ever raises.

The first two become stories: `handoff` events without an action, since what was passed on long ago asks
nobody for an answer. Values that are none of the words they should be are kept as they were
written, and doubted. A registry becomes changes of ours: what cannot be taken over is said, never guessed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from idse_orchestrator.agents.registry import (
    IMPLEMENTATION,
    MANUAL,
    MODES,
    PROTOCOLS,
    Agent,
    AgentRegistry,
    HandoffRule,
    agent_to_dict,
    rule_to_dict,
)
from idse_orchestrator.agents.registry_changes import ADD, ADD_RULE
from idse_orchestrator.agents.registry_check import MAX_TEXT, check_changes, registry_troubles
from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.base.text import MAX_ARTIFACT_BYTES, encodable, one_line
from idse_orchestrator.documents.project_workspace import STAGES
from idse_orchestrator.errors import InvalidRegistryError
from idse_orchestrator.migrate.names import mapped_names
from idse_orchestrator.migrate.words import Moment, json_object, list_of, parse_time, text_of

_DOCUMENT = re.compile(r"handoff_(?P<from>[a-z0-9-]+)_to_(?P<to>[a-z0-9-]+)_(?P<cycle>.+)\.md", re.IGNORECASE)
_FIELD = re.compile(r"^[ \t>*+_-]*([A-Za-z][A-Za-z /_-]{0,40}?)[*_]*[ \t]*:[*_]*[ \t]*(.*)$", re.MULTILINE)
_ROW = re.compile(r"^[ \t]*\|([^|\n]*)\|([^|\n]*)\|[ \t]*$", re.MULTILINE)
_METADATA = re.compile(r"^#{1,6}[ \t]*(?:[\d.]+[ \t]*)?Metadata[ \t]*#*[ \t]*$", re.MULTILINE | re.IGNORECASE)
_HEADING = re.compile(r"^#{1,6}[ \t]", re.MULTILINE)
_STATE_KEYS = frozenset(
    {
        "active_llm",
        "awaiting_handoff",
        "handoff_cycle_id",
        "active_stage",
        "layer_scope",
        "role_change_event",
        "last_handoff",
        "last_checked",
    }
)
_ENOUGH = 64 * 1024
_LONGEST = 400


class Story(NamedTuple):
    """A handoff in the file at `path`: the body of its event, when it was (None: unknown), and doubts."""

    body: Mapping[str, Any]
    at: Moment | None
    doubts: tuple[str, ...]
    path: str = ""


def is_handoff_document(path: str) -> bool:
    """Tests whether the file at `path` is named as handoff documents are."""
    return _DOCUMENT.fullmatch(path.rpartition("/")[2]) is not None


def is_governance_state(path: str) -> bool:
    """Tests whether governance state may stand at `path`."""
    return path.split("/")[-2:] == ["state", "state.json"]


def handoff_story(path: str, data: bytes) -> Story:
    """Reads the handoff document at `path`: its metadata, and its name where that is silent."""
    named = _DOCUMENT.fullmatch(path.rpartition("/")[2])
    said = _metadata(data[:_ENOUGH].decode("utf-8", "replace"))
    doubts: list[str] = []
    body: dict[str, Any] = {}
    for key, field in {"from": "from", "to": "to", "cycle": "cycle id"}.items():
        name = named[key] if named else ""
        body[key] = _short(said.get(field, "")) or _short(name)
        if key != "cycle" and said.get(field) and name and _word(body[key]) != _word(name):
            doubts.append(f"its name says {key} {name!r}, its text {body[key]!r}")
    _add_stage(body, said.get("idse stage") or said.get("stage", ""), doubts)
    at = parse_time(said.get("timestamp", ""))
    if at is None:
        doubts.append("it has no timestamp that can be read")
    body["summary"] = f"handed over: {body['from'] or '?'} → {body['to'] or '?'}" + (
        f" (cycle {body['cycle']})" if body["cycle"] else ""
    )
    return Story(body, at, tuple(doubts))


def _metadata(text: str) -> Mapping[str, str]:
    heading = _METADATA.search(text)
    block = text[heading.end() :] if heading else text
    end = _HEADING.search(block)
    block = block[: end.start()] if end and heading else block
    block = _ROW.sub(lambda row: f"{row[1].strip()}: {row[2].strip()}", block)
    fields = _FIELD.findall(block)
    return {key.strip().lower(): value.strip().strip("*_`").strip() for key, value in reversed(fields)}


def _add_stage(body: dict[str, Any], said: str, doubts: list[str]) -> None:
    word = _short(said)
    if word.lower() in STAGES:
        body["stage"] = word.lower()
    elif word:
        body["stage_said"] = word
        doubts.append(f"its stage is {word!r}, which is no stage")


def governance_story(data: bytes) -> Story | None:
    """Reads governance state; None if `data` is none."""
    raw = json_object(data)
    if isinstance(raw, str) or not _STATE_KEYS & raw.keys():
        return None
    doubts: list[str] = []
    state = {_short(str(key)): _plain(value) for key, value in raw.items()}
    body: dict[str, Any] = {"governance": state}
    stage = raw.get("active_stage")
    _add_stage(body, stage if isinstance(stage, str) else "", doubts)
    if not isinstance(raw.get("awaiting_handoff", False), bool):
        doubts.append(f"awaiting_handoff is {state['awaiting_handoff']!r}, which is neither true nor false")
    waiting = ", a handoff was awaited" if raw.get("awaiting_handoff") is True else ""
    body["summary"] = f"governance: {state.get('active_llm') or 'nobody'} was active{waiting}"
    at = parse_time(raw.get("last_handoff")) or parse_time(raw.get("last_checked"))
    return Story(body, at, tuple(doubts))


def _plain(value: object) -> str | bool | None:
    if value is None or isinstance(value, bool):
        return value
    return _short(value if isinstance(value, str) else encodable(json.dumps(value, ensure_ascii=True)))


def _short(text: str) -> str:
    return one_line(text)[:_LONGEST]


def _word(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "", text.lower())


class Taken(NamedTuple):
    """A registry as it was read, and sentences about what could not be taken over."""

    registry: AgentRegistry
    doubts: tuple[str, ...]


def taken_registry(data: bytes) -> Taken:
    """Returns the registry in `data`; an empty one with a doubt where there is none."""
    if len(data) > MAX_ARTIFACT_BYTES:
        return Taken(
            AgentRegistry(), (f"it is larger than {MAX_ARTIFACT_BYTES:,} bytes: it is not taken over",)
        )
    raw = json_object(data)
    if isinstance(raw, str):
        return Taken(AgentRegistry(), (raw,))
    doubts: list[str] = []
    agents: dict[str, Agent] = {}
    for entry in _entries(raw, "agents", doubts):
        agent = _agent(entry, doubts)
        if agent is None or agent.id in agents:
            doubts.append(f"an agent has no id, or that of another one: {_shown(entry)}")
        else:
            agents[agent.id] = agent
    names = mapped_names("agent", agents)
    doubts += [f"agent {old!r} is called {new!r} now" for old, new in names.items() if old != new]
    rules = [_rule(entry, names, doubts) for entry in _entries(raw, "handoff_rules", doubts)]
    known = tuple({rule.key: rule for rule in rules if rule is not None}.values())
    called = tuple(agent._replace(id=names[agent.id]) for agent in agents.values())
    return _checked(AgentRegistry(called, known), doubts)


def _checked(registry: AgentRegistry, doubts: list[str]) -> Taken:
    """Returns `registry` as far as one event takes it; doubts what the rules for registries refuse."""
    try:
        check_changes(registry_changes(AgentRegistry(), registry))
    except InvalidRegistryError as error:
        return Taken(AgentRegistry(), (*doubts, f"it is not taken over: {error.message}"))
    return Taken(registry, (*doubts, *(trouble.message for trouble in registry_troubles(registry))))


def registry_changes(before: AgentRegistry, wanted: AgentRegistry) -> list[dict[str, Any]]:
    """Returns the changes that add all of `wanted` to `before`; what it has stays as it is."""
    agents = [agent for agent in wanted.agents if before.agent(agent.id) is None]
    known = {rule.key for rule in before.handoff_rules}
    rules = [rule for rule in wanted.handoff_rules if rule.key not in known]
    return [
        *({"action": ADD, "agent": agent_to_dict(agent)} for agent in agents),
        *({"action": ADD_RULE, "rule": rule_to_dict(rule)} for rule in rules),
    ]


def _entries(raw: Mapping[str, Any], key: str, doubts: list[str]) -> list[Any]:
    found = raw.get(key, [])
    if isinstance(found, list):
        return found
    doubts.append(f"{key} is no list")
    return []


def _agent(raw: object, doubts: list[str]) -> Agent | None:
    agent_id = text_of(raw.get("id")) if isinstance(raw, dict) else ""
    if not isinstance(raw, dict) or not agent_id:
        return None
    stages = [text_of(stage).lower() for stage in list_of(raw.get("stages"))]
    doubts += [f"agent {agent_id}: there is no stage {stage!r}" for stage in stages if stage not in STAGES]
    return Agent(
        agent_id,
        _cut(raw.get("role"), agent_id, doubts),
        tuple(dict.fromkeys(stage for stage in stages if stage in STAGES)),
        tuple(filter(None, (_cut(each, agent_id, doubts) for each in list_of(raw.get("capabilities"))))),
        _one_of(MODES, raw.get("mode"), IMPLEMENTATION, f"agent {agent_id}: mode", doubts),
        _one_of(PROTOCOLS, raw.get("handoff_protocol"), MANUAL, f"agent {agent_id}: protocol", doubts),
    )


def _rule(raw: object, names: Mapping[str, str], doubts: list[str]) -> HandoffRule | None:
    said = raw if isinstance(raw, dict) else {}
    from_stage, to_stage = (text_of(said.get(key)).lower() for key in ("from_stage", "to_stage"))
    from_agent, to_agent = (text_of(said.get(key)) for key in ("from_agent", "to_agent"))
    if not {from_stage, to_stage} <= set(STAGES) or not {from_agent, to_agent} <= names.keys():
        doubts.append(f"a rule names a stage or an agent that is not there: {_shown(raw)}")
        return None
    approval = said.get("requires_approval") is True
    return HandoffRule(from_stage, to_stage, names[from_agent], names[to_agent], approval)


def _one_of(known: tuple[str, ...], value: object, default: str, what: str, doubts: list[str]) -> str:
    word = text_of(value).lower()
    if word and word not in known:
        doubts.append(f"{what} {word!r} is not one of {', '.join(known)}; it is {default} now")
    return word if word in known else default


def _cut(value: object, agent_id: str, doubts: list[str]) -> str:
    text = text_of(value)
    if len(text) > MAX_TEXT:
        doubts.append(f"agent {agent_id}: a text of {len(text):,} characters was cut to {MAX_TEXT}")
    return text[:MAX_TEXT]


def _shown(value: object) -> str:
    return one_line(repr(value))[:120]
