"""The agent registry from the changes in a project's ledger.

The cases, in the order of the code: add (an agent that is there gets every field the change names) ·
remove (its rules go with it) · set (fields of an agent that is there) · order (the agents named come
first) · add-rule (again: only whether it needs approval) · remove-rule.

In the one order of events the last writer wins, field by field. A removal is stronger than a change of
the same agent, whichever came first: only an add brings an agent back. So a rule never names an agent
that is not there. A change that finds nothing to change is kept, and the caller is told why.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from idse_orchestrator.agents.registry import (
    Agent,
    AgentRegistry,
    HandoffRule,
    agent_from_dict,
    agent_to_dict,
    registry_of,
    rule_from_dict,
    with_registry,
)
from idse_orchestrator.base.text import few
from idse_orchestrator.ledger.events import NotApplied
from idse_orchestrator.pipeline.kinds import say_assigned

if TYPE_CHECKING:
    from idse_orchestrator.ledger.events import Event
    from idse_orchestrator.pipeline.values import ProjectState

ADD = "add"
REMOVE = "remove"
SET = "set"
ORDER = "order"
ADD_RULE = "add-rule"
REMOVE_RULE = "remove-rule"

Changes = Sequence[Mapping[str, Any]]


def changes_in(body: Mapping[str, Any]) -> Changes:
    """The changes an ``assigned`` event of a project's ledger carries: ``changes``, or the body itself."""
    if "changes" in body:
        changes = body["changes"]
        return changes if isinstance(changes, list | tuple) else ()
    return (body,) if "action" in body else ()


def changed_registry(registry: AgentRegistry, changes: Changes) -> tuple[AgentRegistry, list[str]]:
    """`registry` after `changes`, and for each that did not apply, why."""
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
        """Make one change; why it could not be made, or None."""
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


def _set_words(change: Mapping[str, Any]) -> str:
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
    SET: _set_words,
    ORDER: _ordered,
    ADD_RULE: _rule,
    REMOVE_RULE: _rule,
}
