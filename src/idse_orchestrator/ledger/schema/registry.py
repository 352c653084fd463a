"""Agents, rules of handing over and claims, as events and states must hold them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from idse_orchestrator.ledger.schema.words import (
    Body,
    ClaimId,
    Count,
    Line,
    Mode,
    Name,
    Object,
    Protocol,
    Stage,
    Strict,
    Ulid,
)


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


class EvidenceSchema(Strict):
    """A ledger commit that bears out a claim."""

    session: Name
    stage: Stage
    commit: Object
    blob: Object


class Claimed(Body):
    """An event about a claim of a blueprint; `CLAIMED` says what each action must hold besides."""

    action: Literal["declare", "promote", "reinforce", "demote"]
    claim: ClaimId
    section: str = ""
    demotions: dict[Ulid, Count] = {}


class _Declared(Claimed):
    text: Line


class _Borne(Claimed):
    evidence: Annotated[list[EvidenceSchema], Field(min_length=1)]


class _Demoted(Claimed):
    reason: str = Field(min_length=1)


CLAIMED: dict[str, type[Body]] = {
    "declare": _Declared,
    "promote": _Borne,
    "reinforce": _Borne,
    "demote": _Demoted,
}
