"""Wishes about a registry as the changes that fulfil them; UnknownAgentError for who is not there.

Each function looks at the registry as it is and returns changes for one event of the project's ledger;
nothing to change gives none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from idse_orchestrator.agents.registry import (
    Agent,
    AgentRegistry,
    HandoffRule,
    agent_to_dict,
    rule_from_dict,
    rule_to_dict,
)
from idse_orchestrator.agents.registry_check import rule_words
from idse_orchestrator.agents.registry_fold import (
    ADD,
    ADD_RULE,
    ORDER,
    REMOVE,
    REMOVE_RULE,
    SET,
    changed_registry,
)
from idse_orchestrator.base.text import did_you_mean
from idse_orchestrator.errors import InvalidRegistryError, UnknownAgentError

Change = dict[str, Any]
_NEW = agent_to_dict(Agent(""))


def known_agent(registry: AgentRegistry, name: str) -> Agent:
    """The agent `name`; UnknownAgentError where the registry has none, with the one that looks like it."""
    agent = registry.agent(name)
    if agent is not None:
        return agent
    ids = [each.id for each in registry.agents]
    raise UnknownAgentError(
        f"there is no agent {name!r} in the registry",
        cause=None if ids else "the registry is empty",
        fix=(*did_you_mean(name, ids), "idse agents list"),
    )


def adding(registry: AgentRegistry, agent: Agent, before: str = "") -> list[Change]:
    """Add `agent`, at the end or before another one."""
    if registry.agent(agent.id) is not None:
        raise InvalidRegistryError(
            f"there is an agent {agent.id!r} already",
            fix=(f"idse agents set {agent.id} …", f"idse agents show {agent.id}"),
        )
    change = {"action": ADD, "agent": _short(agent)}
    if not before:
        return [change]
    known_agent(registry, before)
    return [change, *_placed([each.id for each in registry.agents], agent.id, before)]


def removing(registry: AgentRegistry, name: str, *, with_rules: bool) -> list[Change]:
    """Remove an agent. Its rules would go with it, so `with_rules` has to be said where it has any."""
    known_agent(registry, name)
    rules = [rule for rule in registry.handoff_rules if name in (rule.from_agent, rule.to_agent)]
    if rules and not with_rules:
        count = f"{len(rules)} handoff rule" + ("s name" if len(rules) > 1 else " names")
        raise InvalidRegistryError(
            f"{count} agent {name!r}",
            cause=", ".join(rule_words(rule) for rule in rules[:3]) + (" …" if len(rules) > 3 else ""),
            fix=(f"idse agents remove {name} --with-rules",),
        )
    return [{"action": REMOVE, "agent": name}]


def setting(registry: AgentRegistry, name: str, fields: Mapping[str, object]) -> list[Change]:
    """Set some fields of an agent; those that stand so already are left out."""
    now = agent_to_dict(known_agent(registry, name))
    new = {key: value for key, value in fields.items() if now[key] != value}
    return [{"action": SET, "agent": name, "fields": new}] if new else []


def placing(registry: AgentRegistry, name: str, before: str = "") -> list[Change]:
    """Ask `name` before another agent, or before all where none is named."""
    known_agent(registry, name)
    ids = [agent.id for agent in registry.agents]
    first = known_agent(registry, before).id if before else ids[0]
    return [] if first == name else _placed([each for each in ids if each != name], name, first)


def adding_rule(registry: AgentRegistry, rule: HandoffRule) -> list[Change]:
    """Add a rule, or say anew whether it needs approval."""
    for name in (rule.from_agent, rule.to_agent):
        known_agent(registry, name)
    return [] if rule in registry.handoff_rules else [{"action": ADD_RULE, "rule": rule_to_dict(rule)}]


def removing_rule(registry: AgentRegistry, rule: HandoffRule) -> list[Change]:
    """Remove a rule; InvalidRegistryError where there is none like it."""
    if rule.key not in {known.key for known in registry.handoff_rules}:
        raise InvalidRegistryError(
            f"there is no handoff rule {rule_words(rule)}", fix=("idse agents rule list",)
        )
    return [{"action": REMOVE_RULE, "rule": rule_to_dict(rule)}]


def becoming(before: AgentRegistry, after: AgentRegistry) -> list[Change]:
    """What leads from one registry to another; both are sound. The order of rules says nothing."""
    old = {agent.id: agent for agent in before.agents}
    new = {agent.id: agent for agent in after.agents}
    changes: list[Change] = [{"action": REMOVE, "agent": name} for name in old if name not in new]
    for name, agent in new.items():
        changes += _set_or_add(old.get(name), agent)
    kept = [name for name in old if name in new]
    if [*kept, *(name for name in new if name not in old)] != list(new):
        changes.append({"action": ORDER, "agents": list(new)})
    left = {rule.key: rule for rule in before.handoff_rules if {rule.from_agent, rule.to_agent} <= set(new)}
    wanted = {rule.key: rule for rule in after.handoff_rules}
    changes += [
        {"action": REMOVE_RULE, "rule": rule_to_dict(rule)} for key, rule in left.items() if key not in wanted
    ]
    changes += [
        {"action": ADD_RULE, "rule": rule_to_dict(rule)}
        for key, rule in wanted.items()
        if left.get(key) != rule
    ]
    return changes


def still_wanted(registry: AgentRegistry, changes: Sequence[Change]) -> list[Change]:
    """`changes` without those that somebody made before: removals of what is gone, and what stands so."""
    agents = {agent.id for agent in registry.agents}
    rules = {rule.key for rule in registry.handoff_rules}
    left = [
        change
        for change in changes
        if not (change["action"] == REMOVE and change["agent"] not in agents)
        and not (change["action"] == REMOVE_RULE and rule_from_dict(change["rule"]).key not in rules)
    ]
    return [] if changed_registry(registry, left) == (registry, []) else left


def _set_or_add(known: Agent | None, agent: Agent) -> list[Change]:
    if known is None:
        return [{"action": ADD, "agent": _short(agent)}]
    now, wanted = agent_to_dict(known), agent_to_dict(agent)
    fields = {key: value for key, value in wanted.items() if now[key] != value}
    return [{"action": SET, "agent": agent.id, "fields": fields}] if fields else []


def _short(agent: Agent) -> dict[str, Any]:
    """An agent without what every new agent has anyway: ten thousand of them fit into one event."""
    return {key: value for key, value in agent_to_dict(agent).items() if value != _NEW[key]}


def _placed(ids: Sequence[str], name: str, before: str) -> list[Change]:
    others = [each for each in ids if each != name]
    place = others.index(before)
    return [{"action": ORDER, "agents": [*others[:place], name]}]
