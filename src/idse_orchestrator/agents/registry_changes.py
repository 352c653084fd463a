"""The agent registry from the changes in a project's ledger, and the changes that make it as is wanted.

The cases, in the order of the code: add (an agent that is there gets every field the change names) ·
remove (its rules go with it) · set (fields of an agent that is there) · order (the agents named come
first) · add-rule (again: only whether it needs approval) · remove-rule.

In the one order of events the last writer wins, field by field. A removal is stronger than a change of
the same agent, whichever came first: only an add brings an agent back. So a rule never names an agent
that is not there. A change that finds nothing to change is kept, and the caller is told why.

`adding` and its like look at the registry as it is, and return changes for one event; nothing to change
gives none. UnknownAgentError for who is not there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from idse_orchestrator.agents.registry import (
    Agent,
    AgentRegistry,
    Changes,
    HandoffRule,
    agent_from_dict,
    agent_to_dict,
    registry_of,
    rule_from_dict,
    rule_to_dict,
    rule_words,
    with_registry,
)
from idse_orchestrator.base.text import did_you_mean, few
from idse_orchestrator.errors import InvalidRegistryError, UnknownAgentError
from idse_orchestrator.ledger.events import Event, NotApplied
from idse_orchestrator.pipeline.kinds import say_assigned

if TYPE_CHECKING:
    from idse_orchestrator.pipeline.values import ProjectState

ADD = "add"
REMOVE = "remove"
SET = "set"
ORDER = "order"
ADD_RULE = "add-rule"
REMOVE_RULE = "remove-rule"


def changes_in(body: Mapping[str, Any]) -> Changes:
    """Returns the changes in an ``assigned`` event of a project: ``changes``, or the body itself."""
    if "changes" in body:
        changes = body["changes"]
        return changes if isinstance(changes, list | tuple) else ()
    return (body,) if "action" in body else ()


def changed_registry(registry: AgentRegistry, changes: Changes) -> tuple[AgentRegistry, list[str]]:
    """Returns `registry` after `changes`, and for each that did not apply, why."""
    work = _Work(registry)
    problems = [problem for change in changes if (problem := work.apply(change))]
    return work.registry, problems


def apply_changes(state: ProjectState, event: Event) -> ProjectState:
    """Returns the state after an ``assigned`` event; why changes did not apply is listed once for all."""
    registry, problems = changed_registry(registry_of(state), changes_in(event.body))
    changed = with_registry(state, registry)
    if not problems:
        return changed
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    entry = NotApplied(event.id, problems[0] + more)
    return changed._replace(not_applied=(*state.not_applied, entry))


class _Work:
    """A registry that is being changed: keyed, so that many changes in one event stay linear."""

    def __init__(self, registry: AgentRegistry) -> None:
        self.agents: dict[str, Agent] = {agent.id: agent for agent in registry.agents}
        self.rules: dict[tuple[str, str, str, str], HandoffRule] = {
            rule.key: rule for rule in registry.handoff_rules
        }

    @property
    def registry(self) -> AgentRegistry:
        return AgentRegistry(tuple(self.agents.values()), tuple(self.rules.values()))

    def apply(self, change: Mapping[str, Any]) -> str | None:
        """Makes one change; why it could not be made, or None."""
        try:
            act = _ACTIONS.get(change["action"])
            return act(self, change) if act else f"this idse does not know how to {change['action']}"
        except (AttributeError, KeyError, TypeError, ValueError):
            return "the change is not one this idse can read"


def _add(work: _Work, change: Mapping[str, Any]) -> str | None:
    given = change["agent"]
    known = work.agents.get(given["id"])
    work.agents[given["id"]] = agent_from_dict({**agent_to_dict(known), **given} if known else given)
    return None


def _remove(work: _Work, change: Mapping[str, Any]) -> str | None:
    gone = change["agent"]
    if work.agents.pop(gone, None) is None:
        return f"agent {gone} was gone already"
    work.rules = {
        key: rule for key, rule in work.rules.items() if gone not in (rule.from_agent, rule.to_agent)
    }
    return None


def _set(work: _Work, change: Mapping[str, Any]) -> str | None:
    known = work.agents.get(change["agent"])
    if known is None:
        return f"agent {change['agent']} was removed meanwhile"
    work.agents[known.id] = agent_from_dict({**agent_to_dict(known), **change["fields"], "id": known.id})
    return None


def _order(work: _Work, change: Mapping[str, Any]) -> str | None:
    first = {name: work.agents[name] for name in change["agents"] if name in work.agents}
    work.agents = {**first, **work.agents}
    return None


def _add_rule(work: _Work, change: Mapping[str, Any]) -> str | None:
    rule = rule_from_dict(change["rule"])
    missing = [name for name in (rule.from_agent, rule.to_agent) if name not in work.agents]
    if missing:
        return f"agent {missing[0]} was removed meanwhile"
    work.rules[rule.key] = rule
    return None


def _remove_rule(work: _Work, change: Mapping[str, Any]) -> str | None:
    gone = work.rules.pop(rule_from_dict(change["rule"]).key, None)
    return None if gone else "the rule was gone already"


_ACTIONS: Mapping[str, Callable[[_Work, Mapping[str, Any]], str | None]] = {
    ADD: _add,
    REMOVE: _remove,
    SET: _set,
    ORDER: _order,
    ADD_RULE: _add_rule,
    REMOVE_RULE: _remove_rule,
}


def assigned_words(body: Mapping[str, Any]) -> str:
    """Returns the subject of an ``assigned`` event: a stage of a session, or agents of a project."""
    return say_assigned(body) if "stage" in body else f"agents: {registry_summary(body)}"


def registry_summary(body: Mapping[str, Any]) -> str:
    """Tells what an ``assigned`` event of a project changed: its one change, or how many there are."""
    changes = changes_in(body)
    if len(changes) == 1:
        words = _WORDS.get(str(changes[0].get("action")))
        return words(changes[0]) if words else "changed"
    counts: dict[str, int] = {}
    for change in changes:
        verb = _VERBS.get(str(change.get("action")), "changed")
        counts[verb] = counts.get(verb, 0) + 1
    return ", ".join(f"{verb} {count:,}" for verb, count in counts.items()) or "nothing changed"


_VERBS = {
    ADD: "added",
    REMOVE: "removed",
    SET: "changed",
    ORDER: "ordered",
    ADD_RULE: "new rule",
    REMOVE_RULE: "dropped rule",
}

_WORDS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    ADD: lambda change: f"added {change['agent']['id']}",
    REMOVE: lambda change: f"removed {change['agent']}",
    SET: lambda change: f"set {', '.join(sorted(change['fields']))} of {change['agent']}",
    ORDER: lambda change: f"{few(change['agents'])} first",
    ADD_RULE: lambda change: f"new rule {_way(change['rule'])}",
    REMOVE_RULE: lambda change: f"dropped rule {_way(change['rule'])}",
}


def _way(rule: Mapping[str, Any]) -> str:
    return f"{rule['from_agent']}/{rule['from_stage']} to {rule['to_agent']}/{rule['to_stage']}"


Change = dict[str, Any]
_NEW = agent_to_dict(Agent(""))


def known_agent(registry: AgentRegistry, name: str) -> Agent:
    """Returns the agent `name`; UnknownAgentError where there is none, with the one that looks like it."""
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
    """Adds `agent`, at the end or before another one."""
    if registry.agent(agent.id) is not None:
        raise InvalidRegistryError(
            f"there is an agent {agent.id!r} already",
            fix=(f"idse agents set {agent.id} --help", f"idse agents show {agent.id}"),
        )
    if not before:
        return [_add_change(agent)]
    known_agent(registry, before)
    return [_add_change(agent), *_placed([each.id for each in registry.agents], agent.id, before)]


def removing(registry: AgentRegistry, name: str, *, with_rules: bool) -> list[Change]:
    """Removes an agent. Its rules would go with it, so `with_rules` has to be said where it has any."""
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
    """Sets some fields of an agent; those that stand so already are left out."""
    return _setting(known_agent(registry, name), fields)


def placing(registry: AgentRegistry, name: str, before: str = "") -> list[Change]:
    """Asks `name` before another agent, or before all where none is named."""
    known_agent(registry, name)
    ids = [agent.id for agent in registry.agents]
    first = known_agent(registry, before).id if before else ids[0]
    return [] if first == name else _placed(ids, name, first)


def adding_rule(registry: AgentRegistry, rule: HandoffRule) -> list[Change]:
    """Adds a rule, or says anew whether it needs approval."""
    for name in (rule.from_agent, rule.to_agent):
        known_agent(registry, name)
    return [] if rule in registry.handoff_rules else [{"action": ADD_RULE, "rule": rule_to_dict(rule)}]


def removing_rule(registry: AgentRegistry, rule: HandoffRule) -> list[Change]:
    """Removes a rule; InvalidRegistryError where there is none like it."""
    if rule.key not in {known.key for known in registry.handoff_rules}:
        raise InvalidRegistryError(
            f"there is no handoff rule {rule_words(rule)}", fix=("idse agents rule list",)
        )
    return [{"action": REMOVE_RULE, "rule": rule_to_dict(rule)}]


def becoming(before: AgentRegistry, after: AgentRegistry) -> list[Change]:
    """Returns what leads from one registry to another; both are sound. The order of rules says nothing."""
    old = {agent.id: agent for agent in before.agents}
    new = {agent.id: agent for agent in after.agents}
    changes: list[Change] = [{"action": REMOVE, "agent": name} for name in old if name not in new]
    for name, agent in new.items():
        changes += _setting(old[name], agent_to_dict(agent)) if name in old else [_add_change(agent)]
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
    """Leaves out what somebody made before: removals of what is gone, and what stands so."""
    agents = {agent.id for agent in registry.agents}
    rules = {rule.key for rule in registry.handoff_rules}
    left = [
        change
        for change in changes
        if not (change["action"] == REMOVE and change["agent"] not in agents)
        and not (change["action"] == REMOVE_RULE and rule_from_dict(change["rule"]).key not in rules)
    ]
    return [] if changed_registry(registry, left) == (registry, []) else left


def _setting(known: Agent, fields: Mapping[str, object]) -> list[Change]:
    now = agent_to_dict(known)
    new = {key: value for key, value in fields.items() if now[key] != value}
    return [{"action": SET, "agent": known.id, "fields": new}] if new else []


def _add_change(agent: Agent) -> Change:
    """Returns names no more of an agent than is not as for every new one.

    Ten thousand of them fit into one event.
    """
    said = {key: value for key, value in agent_to_dict(agent).items() if value != _NEW[key]}
    return {"action": ADD, "agent": said}


def _placed(ids: Sequence[str], name: str, before: str) -> list[Change]:
    others = [each for each in ids if each != name]
    place = others.index(before)
    return [{"action": ORDER, "agents": [*others[:place], name]}]
