"""Agents and rules of handing over, and what an event may change about them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from idse_orchestrator.domain.ledger.schema.words import Mode, Protocol, Stage, Strict


class AgentSchema(Strict):
    """An agent of a registry."""

    id: str
    role: str = ""
    stages: list[Stage] = []
    capabilities: list[str] = []
    mode: Mode = "implementation"
    handoff_protocol: Protocol = "manual"


class HandoffRuleSchema(Strict):
    """When an agent is done with a stage, another one goes on."""

    from_stage: Stage
    to_stage: Stage
    from_agent: str
    to_agent: str
    requires_approval: bool = False


class RegistrySchema(Strict):
    """The agent registry in a project's state."""

    agents: list[AgentSchema]
    handoff_rules: list[HandoffRuleSchema]


class _AgentFields(Strict):
    role: str = ""
    stages: list[Stage] = []
    capabilities: list[str] = []
    mode: Mode = "implementation"
    handoff_protocol: Protocol = "manual"


class _Change(Strict):
    """One change of the agent registry; `action` says which of the others it has."""

    reason: str = ""


class _AddAgent(_Change):
    action: Literal["add"]
    agent: AgentSchema


class _RemoveAgent(_Change):
    action: Literal["remove"]
    agent: str


class _SetAgent(_Change):
    action: Literal["set"]
    agent: str
    fields: _AgentFields


class _OrderAgents(_Change):
    action: Literal["order"]
    agents: list[str]


class _ChangeRule(_Change):
    action: Literal["add-rule", "remove-rule"]
    rule: HandoffRuleSchema


Change = Annotated[
    _AddAgent | _RemoveAgent | _SetAgent | _OrderAgents | _ChangeRule, Field(discriminator="action")
]
