"""The file of a registry: what comes in is a registry or is refused with a place, whatever the bytes are."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from idse_orchestrator.agents.registry import AgentRegistry, agent_from_dict, registry_to_dict, rule_from_dict
from idse_orchestrator.agents.registry_changes import becoming, changed_registry
from idse_orchestrator.agents.registry_check import check_registry
from idse_orchestrator.agents.registry_schema import parse_registry, registry_json_schema
from idse_orchestrator.documents.project_workspace import STAGES
from idse_orchestrator.errors import InvalidRegistryError

KEYS = ["agents", "handoff_rules", "id", "stages", "role", "capabilities", "ledger", "from_stage", "x"]
values = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=4), st.sampled_from(STAGES)
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(KEYS), inner, max_size=4)
    ),
    max_leaves=15,
)


def only_refuses(data):
    with contextlib.suppress(InvalidRegistryError):
        check_registry(parse_registry(data, "a file")[0])


@given(st.binary())
@example(b"\x00")
@example(b'{"agents": [{"id": "a", "role": "\\ud800"}]}')
@example(b'{"agents": [{"id": "\\ud800"}]}')
@example(b'{"\\ud800": 1}')
@example(b"9" * 10_000)
def test_no_bytes_make_it_raise_anything_else(data):
    only_refuses(data)


@given(values)
def test_no_json_makes_it_raise_anything_else(value):
    only_refuses(json.dumps(value).encode())


def test_free_text_comes_in_on_one_line():
    data = {
        "agents": [
            {"id": "a", "role": " a\n\x1b[31mb ", "stages": ["spec", "spec"], "capabilities": ["", "x"]}
        ]
    }
    (agent,) = parse_registry(json.dumps(data).encode(), "a file")[0].agents
    assert (agent.role, agent.stages, agent.capabilities) == ("a [31mb", ("spec",), ("x",))


def test_what_is_not_said_is_as_for_a_new_agent():
    (agent,) = parse_registry(b'{"agents": [{"id": "a"}]}', "a file")[0].agents
    assert (agent.mode, agent.handoff_protocol, agent.stages) == ("implementation", "manual", ())


def test_the_schema_names_every_key_and_every_word():
    text = json.dumps(registry_json_schema())
    for word in ("planning", "automatic", *STAGES, "requires_approval", "handoff_protocol"):
        assert f'"{word}"' in text


ids = st.lists(st.sampled_from("abcde"), unique=True, max_size=5)


@st.composite
def registries(draw):
    names = draw(ids)
    agents = [
        agent_from_dict({"id": name, "role": draw(st.sampled_from(["", "x"])), "stages": draw(stages)})
        for name in names
    ]
    ends = st.sampled_from(names) if names else st.nothing()
    rules = draw(st.lists(st.tuples(some, some, ends, ends, st.booleans()), max_size=4)) if names else []
    keyed = {
        rule.key: rule
        for one, two, giver, taker, approval in rules
        for rule in [
            rule_from_dict(
                {
                    "from_stage": one,
                    "to_stage": two,
                    "from_agent": giver,
                    "to_agent": taker,
                    "requires_approval": approval,
                }
            )
        ]
    }
    return AgentRegistry(tuple(agents), tuple(keyed.values()))


some = st.sampled_from(STAGES)
stages = st.lists(some, unique=True, max_size=2)


@given(registries(), registries())
def test_changes_lead_from_any_registry_to_any_other(before, after):
    made, problems = changed_registry(before, becoming(before, after))
    assert problems == []
    assert made.agents == after.agents
    assert set(made.handoff_rules) == set(after.handoff_rules)


@given(registries())
def test_a_registry_comes_back_from_its_file(registry):
    data = json.dumps(registry_to_dict(registry)).encode()
    assert parse_registry(data, "a file") == (registry, "")


@pytest.mark.parametrize("key", ["$schema", "ledger"])
def test_a_file_may_name_its_schema_and_its_commit(key):
    assert parse_registry(json.dumps({"agents": [], key: "x"}).encode(), "a file")[0] == AgentRegistry()
