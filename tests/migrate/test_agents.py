"""The agents of a project come over with their rules, as far as a registry here takes them."""

from __future__ import annotations

import json

import pytest


def test_an_agent_registry_is_taken_over_once(old, taker):
    old.session("C")
    old.json(
        "projects/portal/agent_registry.json",
        {
            "agents": [
                {"id": "claude", "role": "planner", "stages": ["intent", "spec"], "mode": "planning"},
                {"id": "codex", "stages": ["implementation", "deploy"], "mode": "flying"},
            ],
            "handoff_rules": [
                {
                    "from_stage": "spec",
                    "to_stage": "implementation",
                    "from_agent": "claude",
                    "to_agent": "codex",
                },
                {"from_stage": "spec", "to_stage": "nowhere", "from_agent": "claude", "to_agent": "codex"},
            ],
        },
    )
    data = taker.migrate(old)
    assert data["agents"] == 2
    assert len(data["notes"]) == 3
    state = json.loads(taker.git("show", "refs/idse/projects/portal:state.json"))
    assert [agent["id"] for agent in state["registry"]["agents"]] == ["claude", "codex"]
    assert len(state["registry"]["handoff_rules"]) == 1
    assert not taker.migrate(old)["changed"]
    assert taker.idse("fsck").returncode == 0


def test_agents_get_names_that_a_registry_takes_and_rules_follow(old, taker):
    old.session("C")
    agents = [{"id": "Claude Code", "role": "r" * 300}, {"id": "codex"}, {"id": "Codex"}]
    rule = {"from_stage": "spec", "to_stage": "plan", "from_agent": "Claude Code", "to_agent": "Codex"}
    old.json("projects/portal/agent_registry.json", {"agents": agents, "handoff_rules": [rule]})
    data = taker.migrate(old)
    registry = json.loads(taker.git("show", "refs/idse/projects/portal:state.json"))["registry"]
    ids = [agent["id"] for agent in registry["agents"]]
    assert ids[0] == "Claude-Code"
    assert len({each.casefold() for each in ids}) == 3
    assert registry["handoff_rules"][0]["from_agent"] == "Claude-Code"
    assert len(registry["agents"][0]["role"]) == 200
    assert any("'Claude Code' is called 'Claude-Code' now" in note for note in data["notes"])
    listed = taker.idse("agents", "list")
    assert listed.returncode == 0
    assert listed.stderr == ""


def test_what_is_wrong_with_the_rules_of_a_registry_is_doubted(old, taker):
    old.session("C")
    ways = (("claude", "codex", "spec", "plan"), ("codex", "claude", "plan", "spec"))
    rules = [
        dict(zip(("from_agent", "to_agent", "from_stage", "to_stage"), way, strict=True)) for way in ways
    ]
    old.json(
        "projects/portal/agent_registry.json",
        {"agents": [{"id": "claude"}, {"id": "codex"}], "handoff_rules": rules},
    )
    assert any("circle" in note for note in taker.migrate(old)["notes"])


@pytest.mark.parametrize("count", [420, 600])
def test_a_registry_that_no_event_can_hold_is_left_out_and_said(old, taker, count):
    old.session("C")
    agents = [{"id": f"agent-{number}", "capabilities": ["c" * 200] * 50} for number in range(count)]
    old.json("projects/portal/agent_registry.json", {"agents": agents})
    data = taker.migrate(old)
    assert data["agents"] == 0
    assert data["counts"]["unknown"] == 1
    assert any("not taken over" in note for note in data["notes"])


def test_an_empty_registry_changes_nothing(old, taker):
    old.session("C")
    old.json("agent_registry.json", {"agents": []})
    data = taker.migrate(old)
    assert data["agents"] == 0
    assert data["counts"]["unknown"] == 0
