"""An older tool's agent registry as changes of ours: what cannot be taken over is said, never guessed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

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
from idse_orchestrator.agents.registry_check import MAX_TEXT, check_changes, registry_troubles
from idse_orchestrator.agents.registry_fold import ADD, ADD_RULE
from idse_orchestrator.base.text import MAX_ARTIFACT_BYTES, one_line
from idse_orchestrator.documents.project_workspace import STAGES
from idse_orchestrator.errors import InvalidRegistryError
from idse_orchestrator.migrate.names import mapped_names


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
    try:
        raw = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        return Taken(AgentRegistry(), (f"it is no JSON: {type(error).__name__}",))
    if not isinstance(raw, dict):
        return Taken(AgentRegistry(), ("it is no JSON object",))
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
    agent_id = _text(raw.get("id")) if isinstance(raw, dict) else ""
    if not isinstance(raw, dict) or not agent_id:
        return None
    stages = [_text(stage).lower() for stage in _list(raw.get("stages"))]
    doubts += [f"agent {agent_id}: there is no stage {stage!r}" for stage in stages if stage not in STAGES]
    return Agent(
        agent_id,
        _short(raw.get("role"), agent_id, doubts),
        tuple(dict.fromkeys(stage for stage in stages if stage in STAGES)),
        tuple(filter(None, (_short(each, agent_id, doubts) for each in _list(raw.get("capabilities"))))),
        _one_of(MODES, raw.get("mode"), IMPLEMENTATION, f"agent {agent_id}: mode", doubts),
        _one_of(PROTOCOLS, raw.get("handoff_protocol"), MANUAL, f"agent {agent_id}: protocol", doubts),
    )


def _rule(raw: object, names: Mapping[str, str], doubts: list[str]) -> HandoffRule | None:
    said = raw if isinstance(raw, dict) else {}
    from_stage, to_stage = (_text(said.get(key)).lower() for key in ("from_stage", "to_stage"))
    from_agent, to_agent = (_text(said.get(key)) for key in ("from_agent", "to_agent"))
    if not {from_stage, to_stage} <= set(STAGES) or not {from_agent, to_agent} <= names.keys():
        doubts.append(f"a rule names a stage or an agent that is not there: {_shown(raw)}")
        return None
    approval = said.get("requires_approval") is True
    return HandoffRule(from_stage, to_stage, names[from_agent], names[to_agent], approval)


def _one_of(known: tuple[str, ...], value: object, default: str, what: str, doubts: list[str]) -> str:
    word = _text(value).lower()
    if word and word not in known:
        doubts.append(f"{what} {word!r} is not one of {', '.join(known)}; it is {default} now")
    return word if word in known else default


def _text(value: object) -> str:
    return one_line(value) if isinstance(value, str) else ""


def _short(value: object, agent_id: str, doubts: list[str]) -> str:
    text = _text(value)
    if len(text) > MAX_TEXT:
        doubts.append(f"agent {agent_id}: a text of {len(text):,} characters was cut to {MAX_TEXT}")
    return text[:MAX_TEXT]


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _shown(value: object) -> str:
    return one_line(repr(value))[:120]
