"""The agents of a project, the stages each of them handles, and the rules of handing over.

It is the fold of the registry changes in a project's ledger (`registry_changes.py`), a part of its state;
``agent_registry.json`` is its view. The order of the agents counts: it is the order in which they are asked.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from idse_orchestrator.base.names import filled
from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.documents.project_workspace import agent_registry_path
from idse_orchestrator.errors import RegistryEditedError
from idse_orchestrator.pipeline.values import ProjectState, ProjectTip, part_of, with_part

if TYPE_CHECKING:
    from idse_orchestrator.pipeline.ports import LedgerReader
    from idse_orchestrator.pipeline.values import Parted
    from idse_orchestrator.sessions.ports import ViewFiles

Changes = Sequence[Mapping[str, Any]]
"""Changes of a registry, as an event carries them: an `action` and what it is about."""

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
        """The part that makes it this rule and no other; whether it needs approval is only said of it."""
        return (self.from_stage, self.to_stage, self.from_agent, self.to_agent)


class AgentRegistry(NamedTuple):
    """Agents in the order in which they are asked, and the rules of handing over."""

    agents: tuple[Agent, ...] = ()
    handoff_rules: tuple[HandoffRule, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.agents or self.handoff_rules)

    def agent(self, agent_id: str) -> Agent | None:
        """Returns the agent of that id, or None."""
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
    """Returns `registry` as plain JSON values: the shape of ``agent_registry.json``."""
    return {
        "agents": [agent_to_dict(agent) for agent in registry.agents],
        "handoff_rules": [rule_to_dict(rule) for rule in registry.handoff_rules],
    }


def registry_from_dict(raw: Mapping[str, Any]) -> AgentRegistry:
    """Returns the registry in `raw`, as `registry_to_dict` made it; KeyError, TypeError where it is none."""
    return AgentRegistry(
        tuple(map(agent_from_dict, raw["agents"])), tuple(map(rule_from_dict, raw["handoff_rules"]))
    )


def agent_to_dict(agent: Agent) -> dict[str, Any]:
    """Returns `agent` as plain JSON values."""
    return {**agent._asdict(), "stages": list(agent.stages), "capabilities": list(agent.capabilities)}


def agent_from_dict(raw: Mapping[str, Any]) -> Agent:
    """Returns the agent in `raw`; what is not said is as for a new agent."""
    said = {key: raw[key] for key in Agent._fields if key in raw}
    lists = {key: tuple(said.get(key, ())) for key in ("stages", "capabilities")}
    return Agent(**{**said, **lists})


def rule_to_dict(rule: HandoffRule) -> dict[str, Any]:
    """Returns `rule` as plain JSON values."""
    return rule._asdict()


def rule_from_dict(raw: Mapping[str, Any]) -> HandoffRule:
    """Returns the rule in `raw`."""
    return filled(HandoffRule, {"requires_approval": False, **raw})


UNWANTED = "unwanted"
MISSING = "missing"
CURRENT = "current"
OLD = "old"
EDITED = "edited"
"""There is no registry and no file · no file · it says what the ledger says · what the ledger said once ·
something that no ledger said."""


def registry_view(tip: ProjectTip) -> bytes:
    """Returns the content of the view: a line for each agent and each rule."""
    registry = registry_of(tip.state)
    agents = [json.dumps(agent_to_dict(agent), ensure_ascii=False) for agent in registry.agents]
    rules = [json.dumps(rule_to_dict(rule), ensure_ascii=False) for rule in registry.handoff_rules]
    return (
        f'{{\n  "ledger": "{tip.commit}",\n  "agents": {_lines(agents)},\n'
        f'  "handoff_rules": {_lines(rules)}\n}}\n'
    ).encode()


def _lines(rows: Sequence[str]) -> str:
    return "[\n" + ",\n".join(f"    {row}" for row in rows) + "\n  ]" if rows else "[]"


def view_condition(ledgers: LedgerReader, workspace: ViewFiles, project: str, tip: ProjectTip | None) -> str:
    """Returns how the view of `project` stands to its ledger, whose tip is `tip`: one of the words above."""
    return content_condition(ledgers, project, tip, workspace.view(agent_registry_path(project)))


def content_condition(
    ledgers: LedgerReader, project: str, tip: ProjectTip | None, content: bytes | None
) -> str:
    """Returns the same for the bytes of a view, None where there is none."""
    registry = registry_of(tip.state) if tip else AgentRegistry()
    if content is None:
        return MISSING if registry else UNWANTED
    seen = _parsed(content)
    if seen is None:
        return EDITED
    said, commit = seen
    if said == registry:
        return CURRENT
    then = ledgers.project_at(project, commit) if commit else None
    return OLD if then and registry_of(then) == said else EDITED


def refresh_registry_view(ledgers: LedgerReader, workspace: ViewFiles, project: str) -> str:
    """Writes the view of `project` where it is missing or old; its condition before. An edited one stays."""
    tip = ledgers.project(project)
    condition = view_condition(ledgers, workspace, project, tip)
    if tip is not None and condition in (MISSING, OLD):
        workspace.write_views({agent_registry_path(project): registry_view(tip)})
    return condition


def refuse_edited_view(ledgers: LedgerReader, workspace: ViewFiles, project: str) -> None:
    """Raises RegistryEditedError where the view of `project` holds an edit that the ledger lacks."""
    path = agent_registry_path(project)
    if view_condition(ledgers, workspace, project, ledgers.project(project)) == EDITED:
        cause = "it is a view of the ledger, which does not say what it says; nothing was changed"
        raise edited_view(path, "the file of the agent registry was edited by hand", cause)


def edited_view(path: str, message: str, cause: str) -> RegistryEditedError:
    """Returns the error for a view at `path` that holds an edit."""
    fix = (f"idse agents import {path}  # takes the edit over", f"rm {path}  # drops it")
    return RegistryEditedError(message, where=path, cause=cause, fix=fix)


def _parsed(content: bytes) -> tuple[AgentRegistry, str] | None:
    """Reads the registry in the bytes of a view, and the commit it names ("" for none); None: it is none."""
    try:
        raw = json.loads(content)
        if not isinstance(raw, dict) or raw.keys() != {"ledger", "agents", "handoff_rules"}:
            return None
        commit = raw["ledger"]
        registry = registry_from_dict(raw)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return (registry, commit) if isinstance(commit, str) else None


def rule_words(rule: HandoffRule) -> str:
    """Returns a rule on one line: ``claude/spec → codex/plan``."""
    return f"{rule.from_agent}/{rule.from_stage} → {rule.to_agent}/{rule.to_stage}"
