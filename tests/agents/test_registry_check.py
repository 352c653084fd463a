"""What a registry may not be, and what looks like a circle and is none."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idse_orchestrator.agents.registry import Agent, AgentRegistry, HandoffRule
from idse_orchestrator.agents.registry_check import (
    MAX_TEXT,
    MAX_WAYS,
    begins_next_pass,
    check_changes,
    check_registry,
    circle_in,
    new_circle,
    registry_troubles,
)
from idse_orchestrator.documents.project_workspace import STAGES
from idse_orchestrator.errors import InvalidRegistryError

A, B = Agent("a", stages=("spec",)), Agent("b", stages=("plan",))


def refused(registry, before=None):
    with pytest.raises(InvalidRegistryError) as caught:
        check_registry(registry, before)
    return caught.value


def test_a_registry_of_two_agents_and_a_rule_is_fine():
    check_registry(AgentRegistry((A, B), (HandoffRule("spec", "plan", "a", "b"),)))


def test_an_agent_twice_is_refused():
    assert refused(AgentRegistry((A, A))).message == "agent 'a' is there twice"


def test_agents_that_differ_only_in_case_are_refused():
    assert "differ only in case" in refused(AgentRegistry((A, Agent("A")))).message


def test_an_unknown_stage_is_refused_with_the_nearest_one():
    error = refused(AgentRegistry((Agent("a", stages=("specs",)),)))
    assert "there is no stage 'specs'" in error.message
    assert error.words == ("did you mean 'spec'?",)


def test_an_unknown_mode_is_refused_with_all_there_are():
    error = refused(AgentRegistry((Agent("a", mode="zzz"),)))
    assert error.words == ("one of: planning, implementation",)


@pytest.mark.parametrize("name", ["", "a b", "../a", ".a", "a" * 65, "a\nb", "ä"])
def test_an_id_follows_the_rules_of_a_name(name):
    assert "cannot name an agent" in refused(AgentRegistry((Agent(name),))).message


def test_a_rule_of_an_unknown_agent_is_refused_with_the_nearest_one():
    error = refused(AgentRegistry((Agent("claude"),), (HandoffRule("spec", "plan", "claude", "claud"),)))
    assert error.words == ("did you mean 'claude'?",)


def test_a_rule_twice_is_refused():
    rule = HandoffRule("spec", "plan", "a", "b")
    again = HandoffRule("spec", "plan", "a", "b", requires_approval=True)
    assert "twice" in refused(AgentRegistry((A, B), (rule, again))).message


def test_a_text_that_is_too_long_is_refused():
    assert "characters" in refused(AgentRegistry((Agent("a", role="x" * (MAX_TEXT + 1)),))).message


def test_a_circle_of_rules_is_refused_and_shown():
    rules = (HandoffRule("spec", "plan", "a", "b"), HandoffRule("plan", "spec", "b", "a"))
    assert refused(AgentRegistry((A, B), rules)).message.endswith("a/spec → b/plan → a/spec")


def test_a_rule_that_leads_to_where_it_began_is_a_circle():
    assert circle_in([HandoffRule("spec", "spec", "a", "a")])


def test_two_agents_that_hand_the_same_stage_to_and_fro_are_a_circle():
    assert circle_in([HandoffRule("spec", "spec", "a", "b"), HandoffRule("spec", "spec", "b", "a")])


def test_handing_a_stage_back_to_somebody_who_does_not_hand_it_on_is_no_circle():
    assert not circle_in([HandoffRule("spec", "plan", "a", "b"), HandoffRule("plan", "spec", "b", "c")])


def test_feedback_begins_the_next_pass_and_closes_no_circle():
    chain = [HandoffRule(one, two, "a", "a") for one, two in itertools.pairwise(STAGES)]
    assert not circle_in([*chain, HandoffRule("feedback", "intent", "a", "a")])
    assert circle_in([*chain, HandoffRule("implementation", "intent", "a", "a")])


def test_what_was_wrong_before_is_not_held_against_another_change():
    circle = (HandoffRule("spec", "plan", "a", "b"), HandoffRule("plan", "spec", "b", "a"))
    check_registry(AgentRegistry((A, B, Agent("c")), circle), AgentRegistry((A, B), circle))


CIRCLES = (
    HandoffRule("spec", "plan", "a", "b"),
    HandoffRule("plan", "spec", "b", "a"),
    HandoffRule("tasks", "feedback", "a", "b"),
    HandoffRule("feedback", "tasks", "b", "b"),
    HandoffRule("tasks", "tasks", "b", "a"),
    HandoffRule("tasks", "intent", "a", "c"),
    HandoffRule("intent", "tasks", "c", "a"),
)
"""Two circles that a merge made, and rules beside them."""
TRIO = (A, B, Agent("c"))


def test_a_circle_is_refused_where_there_is_another_one_already():
    before = AgentRegistry(TRIO, CIRCLES[:2])
    more = (HandoffRule("tasks", "plan", "a", "a"), HandoffRule("plan", "tasks", "a", "a"))
    check_registry(AgentRegistry(TRIO, (*CIRCLES[:2], more[0])), before)
    error = refused(AgentRegistry(TRIO, (*CIRCLES[:2], *more)), before)
    assert error.message.endswith("a/tasks → a/plan → a/tasks") or error.message.endswith(
        "a/plan → a/tasks → a/plan"
    )
    wider = AgentRegistry(TRIO, (*CIRCLES[:2], HandoffRule("plan", "plan", "b", "c")))
    closing = AgentRegistry(TRIO, (*wider.handoff_rules, HandoffRule("plan", "spec", "c", "a")))
    assert "c/plan → a/spec" in refused(closing, wider).message


@pytest.mark.parametrize("gone", range(len(CIRCLES)))
def test_of_two_circles_that_a_merge_made_each_rule_can_be_taken_out(gone):
    rules = [rule for place, rule in enumerate(CIRCLES) if place != gone]
    check_registry(AgentRegistry(TRIO, tuple(rules)), AgentRegistry(TRIO, CIRCLES))


def test_a_place_leads_to_so_many_others_and_no_more():
    many = tuple(Agent(f"a{number}") for number in range(MAX_WAYS + 3))
    rules = tuple(HandoffRule("spec", "plan", "a0", agent.id) for agent in many[1:])
    check_registry(AgentRegistry(many, rules[:MAX_WAYS]))
    above = AgentRegistry(many, rules[: MAX_WAYS + 1])
    assert "more than" in refused(above).message
    assert "more than" in refused(above, AgentRegistry(many, rules[:MAX_WAYS])).message
    check_registry(above, AgentRegistry(many, rules))
    assert "more than" in refused(AgentRegistry(many, rules), above).message
    check_registry(AgentRegistry((*many, A), above.handoff_rules), above)


def test_a_registry_that_a_merge_made_too_large_can_become_smaller():
    huge = AgentRegistry(tuple(Agent(f"a{number}", "r" * 190) for number in range(40_000)))
    check_registry(AgentRegistry(huge.agents[1:]), huge)
    assert "the limit is" in refused(AgentRegistry((*huge.agents, A)), huge).message


def test_agents_that_a_merge_made_look_alike_may_change_places():
    alike = (A, Agent("A"))
    check_registry(AgentRegistry(alike[::-1]), AgentRegistry(alike))


def test_many_mistakes_are_counted_and_the_first_is_told():
    agents = tuple(Agent(f"a{number}", stages=("cooking",)) for number in range(10_000))
    rules = tuple(HandoffRule("spec", "plan", f"x{number}", "y") for number in range(2_000))
    error = refused(AgentRegistry(agents, rules))
    assert error.cause == "and 13,999 more like it"


def test_ten_thousand_agents_with_a_rule_from_each_to_the_next_are_fine():
    agents = tuple(Agent(f"agent-{number}", "a role", STAGES, ("one", "two")) for number in range(10_000))
    rules = tuple(
        HandoffRule("spec", "plan" if number % 2 else "spec", f"agent-{number}", f"agent-{number + 1}")
        for number in range(9_999)
    )
    check_registry(AgentRegistry(agents, rules))


def test_a_registry_that_no_event_could_carry_is_refused():
    huge = AgentRegistry(tuple(Agent(f"a{number}", "r" * 190) for number in range(40_000)))
    assert "the limit is" in refused(huge).message
    with pytest.raises(InvalidRegistryError):
        check_changes([{"action": "remove", "agent": "x" * 5_000_000}])


places = st.tuples(st.sampled_from(STAGES), st.sampled_from("abc"))
rule_lists = st.lists(
    st.builds(lambda one, two: HandoffRule(one[0], two[0], one[1], two[1]), places, places), max_size=12
)


@given(rule_lists)
def test_a_circle_is_found_exactly_where_a_way_returns(rules):
    ways = {}
    for rule in rules:
        if not begins_next_pass(rule):
            ways.setdefault((rule.from_stage, rule.from_agent), set()).add((rule.to_stage, rule.to_agent))
    reached = {start: set(there) for start, there in ways.items()}
    for _ in range(len(ways) + 1):
        for there in reached.values():
            there |= {far for near in there for far in ways.get(near, ())}
    assert bool(circle_in(rules)) == any(start in there for start, there in reached.items())


@given(rule_lists, rule_lists)
def test_a_new_circle_is_found_exactly_where_a_way_returns_through_a_new_rule(old, new):
    rules = tuple({rule.key: rule for rule in (*old, *new)}.values())
    known = {rule.key for rule in old}
    found = new_circle(rules, old)
    assert bool(found) == any(
        (rule.from_stage, rule.from_agent) in reached_from((rule.to_stage, rule.to_agent), rules)
        for rule in rules
        if rule.key not in known and not begins_next_pass(rule)
    )
    steps = {((rule.from_stage, rule.from_agent), (rule.to_stage, rule.to_agent)) for rule in rules}
    assert set(itertools.pairwise(found)) <= steps
    assert not found or found[0] == found[-1]


def reached_from(start, rules):
    reached = {start}
    for _ in rules:
        reached |= {
            (rule.to_stage, rule.to_agent)
            for rule in rules
            if not begins_next_pass(rule) and (rule.from_stage, rule.from_agent) in reached
        }
    return reached


@given(rule_lists)
def test_a_circle_that_is_shown_is_one(rules):
    circle = circle_in(rules)
    steps = {((rule.from_stage, rule.from_agent), (rule.to_stage, rule.to_agent)) for rule in rules}
    assert set(itertools.pairwise(circle)) <= steps
    assert not circle or circle[0] == circle[-1]


def test_a_sound_registry_has_no_troubles():
    assert list(registry_troubles(AgentRegistry((A, B)))) == []
