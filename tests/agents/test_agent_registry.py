"""The agent registry: its changes, folded; its bytes."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from idse_orchestrator.agents.registry import (
    Agent,
    AgentRegistry,
    HandoffRule,
    registry_from_dict,
    registry_of,
    registry_to_dict,
)
from idse_orchestrator.agents.registry_changes import registry_summary
from idse_orchestrator.documents.project_workspace import STAGES
from idse_orchestrator.ledger import event_check
from idse_orchestrator.ledger.events import ASSIGNED, CREATED, Actor, Event, subject_of
from idse_orchestrator.pipeline.values import (
    ProjectState,
    project_from_json,
    project_to_json,
)
from idse_orchestrator.wiring.ledgers import KINDS


def event_problem(data):
    return event_check.event_problem(data, KINDS["project"])


WHO = Actor("Ada", "ada@example.org")
RULE = {"from_stage": "spec", "to_stage": "plan", "from_agent": "a", "to_agent": "b"}


def event(number, *changes, lamport=None):
    return Event(
        f"{number:026d}",
        ASSIGNED,
        lamport or number,
        "2026-01-01T00:00:00Z",
        "0" * 26,
        WHO,
        {"changes": changes},
    )


def add(name, **fields):
    return {"action": "add", "agent": {"id": name, **fields}}


def folded(*events):
    return KINDS["project"].fold(("p",), events)


def test_agents_stand_in_the_order_in_which_they_were_added():
    state = folded(event(1, add("b")), event(2, add("a")))
    assert [agent.id for agent in registry_of(state).agents] == ["b", "a"]


def test_agents_that_are_put_first_come_first_and_the_others_keep_their_order():
    order = {"action": "order", "agents": ["c", "nobody", "b"]}
    state = folded(event(1, add("a"), add("b"), add("c"), add("d")), event(2, order))
    assert [agent.id for agent in registry_of(state).agents] == ["c", "b", "a", "d"]


def test_the_last_writer_wins_field_by_field():
    state = folded(
        event(1, add("a", role="writer", mode="planning")),
        event(2, {"action": "set", "agent": "a", "fields": {"role": "tester"}}),
        event(3, {"action": "set", "agent": "a", "fields": {"stages": ["spec"]}}),
    )
    assert registry_of(state).agents == (Agent("a", "tester", ("spec",), (), "planning"),)


def test_a_removal_is_stronger_than_a_change_of_the_same_agent_whichever_came_first():
    remove = {"action": "remove", "agent": "a"}
    change = {"action": "set", "agent": "a", "fields": {"role": "x"}}
    for second, third in ((remove, change), (change, remove)):
        assert not registry_of(folded(event(1, add("a")), event(2, second), event(3, third))).agents


def test_a_change_that_comes_too_late_is_kept_and_says_why():
    change = {"action": "set", "agent": "a", "fields": {"role": "x"}}
    state = folded(event(1, add("a")), event(2, {"action": "remove", "agent": "a"}), event(3, change))
    assert [(entry.event[-1], entry.why) for entry in state.not_applied] == [
        ("3", "agent a was removed meanwhile")
    ]


def test_the_rules_of_an_agent_go_with_it_and_none_comes_after_it():
    rule = {"action": "add-rule", "rule": RULE}
    gone = {"action": "remove", "agent": "b"}
    for changes in ((rule, gone), (gone, rule)):
        events = [event(2 + number, change) for number, change in enumerate(changes)]
        assert not registry_of(folded(event(1, add("a"), add("b")), *events)).handoff_rules


def test_a_rule_said_again_changes_only_whether_it_needs_approval():
    again = {"action": "add-rule", "rule": {**RULE, "requires_approval": True}}
    state = folded(event(1, add("a"), add("b"), {"action": "add-rule", "rule": RULE}, again))
    assert registry_of(state).handoff_rules == (
        HandoffRule("spec", "plan", "a", "b", requires_approval=True),
    )


def test_a_project_without_agents_has_the_state_it_had_before_there_were_agents():
    assert set(json.loads(project_to_json(ProjectState("p")))) == {
        "format",
        "project",
        "stack",
        "created_at",
        "updated_at",
        "lamport",
        "events",
        "settings",
    }


def test_one_change_may_stand_alone():
    alone = Event("0" * 26, ASSIGNED, 1, "2026-01-01T00:00:00Z", "0" * 26, WHO, add("a"))
    assert registry_of(folded(alone)).agent("a")
    assert event_problem(alone.to_json()) is None


def test_a_subject_tells_the_one_change_or_counts_many():
    assert subject_of(event(1, add("a")), KINDS.words) == "agents: added a"
    assert subject_of(event(1, add("a"), add("b"), {"action": "remove", "agent": "c"}), KINDS.words) == (
        "agents: added 2, removed 1"
    )
    assert (
        subject_of(event(1, {"action": "add-rule", "rule": RULE}), KINDS.words)
        == "agents: new rule a/spec to b/plan"
    )
    many = {"action": "order", "agents": [f"a{number}" for number in range(9_999)]}
    assert registry_summary({"changes": [many]}) == "a0, a1 and 9997 more first"


def test_the_schema_refuses_what_is_no_change():
    for change in (
        add("a", stages=["cooking"]),
        add("a", mode="sleeping"),
        {"action": "remove"},
        {"action": "explode", "agent": "a"},
        {"action": "set", "agent": "a", "fields": {"id": "b"}},
    ):
        assert event_problem(event(1, change).to_json()), change


ids = st.sampled_from("abcd")
rules = st.builds(
    HandoffRule, st.sampled_from(STAGES), st.sampled_from(STAGES), ids, ids, requires_approval=st.booleans()
).map(lambda rule: {name: getattr(rule, name) for name in HandoffRule.__slots__})
fields = st.fixed_dictionaries(
    {},
    optional={
        "role": st.text(max_size=3),
        "stages": st.lists(st.sampled_from(STAGES), unique=True, max_size=2),
        "mode": st.sampled_from(["planning", "implementation"]),
    },
)
changes = st.one_of(
    st.builds(lambda name, given: add(name, **given), ids, fields),
    st.builds(lambda name: {"action": "remove", "agent": name}, ids),
    st.builds(lambda name, given: {"action": "set", "agent": name, "fields": given}, ids, fields),
    st.builds(lambda names: {"action": "order", "agents": names}, st.lists(ids, unique=True)),
    st.builds(lambda rule: {"action": "add-rule", "rule": rule}, rules),
    st.builds(lambda rule: {"action": "remove-rule", "rule": rule}, rules),
)
histories = st.lists(st.tuples(st.integers(1, 4), st.lists(changes, min_size=1, max_size=3)), max_size=8).map(
    lambda rows: [
        event(number, *some, lamport=lamport) for number, (lamport, some) in enumerate(rows, start=1)
    ]
)


@given(events=histories, data=st.data())
def test_whoever_has_the_same_changes_has_the_same_registry_in_whatever_order_they_came(events, data):
    shuffled = data.draw(st.permutations(events))
    assert project_to_json(folded(*shuffled, *events[:2])) == project_to_json(folded(*events))


@given(events=histories)
def test_no_rule_names_an_agent_that_is_not_there(events):
    registry = registry_of(folded(*events))
    known = {agent.id for agent in registry.agents}
    assert all({rule.from_agent, rule.to_agent} <= known for rule in registry.handoff_rules)


@given(events=histories)
def test_a_state_with_a_registry_comes_back_from_its_bytes(events):
    state = folded(*events)
    assert project_from_json(project_to_json(state)) == state
    assert KINDS["project"].state_problem(project_to_json(state)) is None


@given(
    body=st.recursive(
        st.one_of(st.none(), st.text(max_size=2), st.integers(), st.sampled_from(["add", "set", "a"])),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3),
            st.dictionaries(
                st.sampled_from(["action", "agent", "agents", "rule", "changes", "fields", "id", "stages"]),
                inner,
            ),
        ),
        max_leaves=12,
    )
)
def test_no_body_makes_the_fold_raise(body):
    one = Event(
        "1" * 26,
        ASSIGNED,
        2,
        "2026-01-01T00:00:00Z",
        "0" * 26,
        WHO,
        body if isinstance(body, dict) else {"changes": body},
    )
    assert folded(event(1, add("a")), one).events == 2


def test_ten_thousand_agents_in_one_event_are_folded_at_once():
    many = [add(f"agent-{number}", stages=["spec"]) for number in range(10_000)]
    rules = [
        {
            "action": "add-rule",
            "rule": {**RULE, "from_agent": f"agent-{number}", "to_agent": f"agent-{number + 1}"},
        }
        for number in range(9_999)
    ]
    registry = registry_of(folded(event(1, *many, *rules)))
    assert (len(registry.agents), len(registry.handoff_rules)) == (10_000, 9_999)
    assert registry_from_dict(registry_to_dict(registry)) == registry


def test_a_registry_is_true_when_it_holds_something():
    assert not AgentRegistry()
    assert AgentRegistry((Agent("a"),))


def test_other_kinds_leave_the_registry_alone():
    genesis = Event("1" * 26, CREATED, 2, "2026-01-01T00:00:00Z", "0" * 26, WHO, {"project": "p"})
    assert registry_of(folded(event(1, add("a")), genesis)).agent("a")
