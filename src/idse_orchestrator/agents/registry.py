"""Who works on a project: its agents, the stages each of them handles, and the rules of handing over.

It is the fold of the registry changes in a project's ledger (`registry_fold.py`), a part of its state;
``agent_registry.json`` is its view. The order of the agents counts: it is the order in which they are asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from idse_orchestrator.pipeline.values import part_of, with_part

if TYPE_CHECKING:
    from idse_orchestrator.pipeline.project_state import ProjectState
    from idse_orchestrator.pipeline.values import Parted

PLANNING = "planning"
IMPLEMENTATION = "implementation"
MODES = (PLANNING, IMPLEMENTATION)
"""An agent in planning mode may write under ``.idse/`` only."""

MANUAL = "manual"
AUTOMATIC = "automatic"
PROTOCOLS = (MANUAL, AUTOMATIC)
"""How an agent hands over: when somebody says so, or by a request as soon as its stage is complete."""


class Agent(NamedTuple):
    """Somebody who acts for people: `stages` are those it handles, `capabilities` are free words."""

    id: str
    role: str = ""
    stages: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = ()
    mode: str = IMPLEMENTATION
    handoff_protocol: str = MANUAL


class HandoffRule(NamedTuple):
    """When `from_agent` is done with `from_stage`, `to_agent` goes on with `to_stage`."""

    from_stage: str
    to_stage: str
    from_agent: str
    to_agent: str
    requires_approval: bool = False

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What makes it this rule and no other; whether it needs approval is only said of it."""
        return (self.from_stage, self.to_stage, self.from_agent, self.to_agent)


class AgentRegistry(NamedTuple):
    """Agents in the order in which they are asked, and the rules of handing over."""

    agents: tuple[Agent, ...] = ()
    handoff_rules: tuple[HandoffRule, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.agents or self.handoff_rules)

    def agent(self, agent_id: str) -> Agent | None:
        """The agent of that id, or None."""
        return next((agent for agent in self.agents if agent.id == agent_id), None)


REGISTRY = "registry"
"""The part of a project's state that is kept here."""


def registry_of(owner: Parted) -> AgentRegistry:
    """Returns the agents of a project, given its state or a look; an empty registry where it has none.

    CorruptLedgerError where its state holds something else.
    """
    return part_of(owner, REGISTRY, registry_from_dict, AgentRegistry())


def with_registry(state: ProjectState, registry: AgentRegistry) -> ProjectState:
    """Returns `state` with this registry."""
    return with_part(state, REGISTRY, registry_to_dict(registry) if registry else None)


def registry_to_dict(registry: AgentRegistry) -> dict[str, Any]:
    """`registry` as plain JSON values: the shape of ``agent_registry.json``."""
    return {
        "agents": [agent_to_dict(agent) for agent in registry.agents],
        "handoff_rules": [rule_to_dict(rule) for rule in registry.handoff_rules],
    }


def registry_from_dict(raw: Mapping[str, Any]) -> AgentRegistry:
    """The registry in `raw`, as `registry_to_dict` made it; KeyError or TypeError where it is none."""
    return AgentRegistry(
        tuple(map(agent_from_dict, raw["agents"])), tuple(map(rule_from_dict, raw["handoff_rules"]))
    )


def agent_to_dict(agent: Agent) -> dict[str, Any]:
    """`agent` as plain JSON values."""
    return {
        "id": agent.id,
        "role": agent.role,
        "stages": list(agent.stages),
        "capabilities": list(agent.capabilities),
        "mode": agent.mode,
        "handoff_protocol": agent.handoff_protocol,
    }


def agent_from_dict(raw: Mapping[str, Any]) -> Agent:
    """The agent in `raw`; what is not said is as for a new agent."""
    return Agent(
        raw["id"],
        raw.get("role", ""),
        tuple(raw.get("stages", ())),
        tuple(raw.get("capabilities", ())),
        raw.get("mode", IMPLEMENTATION),
        raw.get("handoff_protocol", MANUAL),
    )


def rule_to_dict(rule: HandoffRule) -> dict[str, Any]:
    """`rule` as plain JSON values."""
    return {
        "from_stage": rule.from_stage,
        "to_stage": rule.to_stage,
        "from_agent": rule.from_agent,
        "to_agent": rule.to_agent,
        "requires_approval": rule.requires_approval,
    }


def rule_from_dict(raw: Mapping[str, Any]) -> HandoffRule:
    """The rule in `raw`."""
    return HandoffRule(
        raw["from_stage"],
        raw["to_stage"],
        raw["from_agent"],
        raw["to_agent"],
        raw.get("requires_approval", False),
    )
