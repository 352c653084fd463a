"""Who should act on a stage."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from idse_orchestrator.agents.ide_agent_routing import (
    ASSIGNED,
    LISTED,
    UNKNOWN,
    automatic_rules,
    needs_approval,
    route,
    routed_words,
    suggest,
)
from idse_orchestrator.agents.registry import AUTOMATIC, Agent, AgentRegistry, HandoffRule
from idse_orchestrator.documents.project_workspace import STAGES

CLAUDE = Agent("claude", "architect", ("intent", "spec"), ("review",), "planning", AUTOMATIC)
CODEX = Agent("codex", "builder", ("spec", "tasks"))
TEAM = AgentRegistry((CLAUDE, CODEX), (HandoffRule("spec", "tasks", "claude", "codex"),))


def test_agents_are_asked_in_the_order_of_the_registry():
    assert [choice.agent.id for choice in route(TEAM, "spec").choices] == ["claude", "codex"]
    assert routed_words(route(TEAM, "spec")) == "handles the stage, first of 2"


def test_the_agent_a_session_assigns_comes_first_and_once():
    routing = route(TEAM, "spec", "codex")
    assert [(choice.agent, choice.why) for choice in routing.choices] == [(CODEX, ASSIGNED), (CLAUDE, LISTED)]


def test_an_assigned_agent_that_left_the_registry_is_named_as_such():
    assert route(TEAM, "plan", "gemini").first == (Agent("gemini"), UNKNOWN)


def test_a_stage_that_nobody_handles_has_nobody():
    assert (route(TEAM, "plan").first, route(TEAM, "plan").agent) == (None, "")
    assert routed_words(route(TEAM, "plan")) == "nobody handles the stage"


def test_a_suggestion_covers_every_stage():
    agents = {routing.stage: routing.agent for routing in suggest(TEAM, {"plan": "codex"})}
    assert agents == {
        "intent": "claude",
        "context": "",
        "spec": "claude",
        "plan": "codex",
        "tasks": "codex",
        "implementation": "",
        "feedback": "",
    }


def test_the_rules_of_the_agent_that_completed_a_stage_fire_if_it_hands_over_automatically():
    assert automatic_rules(TEAM, "spec", "claude", "") == TEAM.handoff_rules
    assert automatic_rules(TEAM, "spec", "codex", "") == ()
    assert automatic_rules(TEAM, "intent", "claude", "") == ()


def test_a_person_stands_for_the_agent_the_stage_is_routed_to_and_an_unknown_agent_for_nobody():
    assert automatic_rules(TEAM, "spec", "", "") == TEAM.handoff_rules
    assert automatic_rules(TEAM, "spec", "", "codex") == ()
    assert automatic_rules(TEAM, "spec", "stranger", "") == ()


def test_approval_is_not_evaded_by_asking_as_somebody_else():
    rules = (
        HandoffRule("spec", "plan", "claude", "codex", requires_approval=True),
        HandoffRule("spec", "plan", "codex", "codex"),
    )
    team = AgentRegistry((CLAUDE, CODEX), rules)
    assert needs_approval(team, "plan", "claude", "codex")
    assert needs_approval(team, "plan", "stranger", "codex")
    assert not needs_approval(team, "plan", "codex", "codex")
    assert not needs_approval(team, "spec", "claude", "codex")


@given(
    st.lists(
        st.tuples(st.sampled_from("abcd"), st.lists(st.sampled_from(STAGES))), unique_by=lambda one: one[0]
    ),
    st.sampled_from(STAGES),
    st.sampled_from(["", "a", "z"]),
)
def test_a_routing_names_exactly_those_that_handle_the_stage_and_the_assigned_one(rows, stage, assigned):
    registry = AgentRegistry(tuple(Agent(name, stages=tuple(stages)) for name, stages in rows))
    names = [choice.agent.id for choice in route(registry, stage, assigned).choices]
    expected = [name for name, stages in rows if stage in stages and name != assigned]
    assert names == ([assigned] if assigned else []) + expected
