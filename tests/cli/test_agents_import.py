"""`idse agents import` of an edited view: what others did since is neither lost nor in the way."""

from __future__ import annotations

import json

import pytest

VIEW = ".idse/projects/portal/agent_registry.json"


@pytest.fixture
def team(loop, once):
    """The agents claude, codex and gemini, and a rule from claude to codex."""

    def make():
        for name in ("claude", "codex", "gemini"):
            loop.does("agents", "add", name, "--stage", "spec")
        loop.does("agents", "rule", "add", "spec", "claude", "plan", "codex")

    once(loop, make)
    return loop


def registry(loop):
    return json.loads(loop.does("agents", "list", "--json").stdout)["data"]


def ids(loop):
    return [agent["id"] for agent in registry(loop)["agents"]]


def edited(loop, **fields):
    """The view as a file that somebody edited: `fields` of the registry as they shall be."""
    shown = json.loads(loop.read(VIEW))
    loop.write("mine.json", json.dumps({**shown, **fields}))
    return shown["agents"]


@pytest.mark.parametrize("name", ["1" * 40, "HEAD", "main", "--help"])
def test_a_file_made_from_a_commit_that_is_not_here_takes_nobody_away(team, name):
    edited(team, ledger=name, agents=[{"id": "claude"}], handoff_rules=[])
    before = team.tip("refs/idse/projects/portal")
    done = team.idse("agents", "import", "mine.json")
    assert (done.returncode, "IDSE012" in done.stderr) == (3, True)
    assert "idse sync pull" in done.stderr
    assert "idse agents import --replace mine.json" in done.stderr
    assert team.tip("refs/idse/projects/portal") == before
    team.does("agents", "import", "--replace", "mine.json")
    assert ids(team) == ["claude"]


def test_a_file_made_from_the_ledger_of_a_session_or_a_code_commit_takes_nobody_away(team):
    for commit in (team.tip(), team.tip("HEAD")):
        edited(team, ledger=commit, agents=[], handoff_rules=[])
        assert team.idse("agents", "import", "mine.json").returncode == 3
    assert len(ids(team)) == 3


def test_what_the_file_removes_may_be_gone_already(team):
    agents = edited(team)
    edited(team, agents=[{**agents[0], "role": "lead"}, agents[1]], handoff_rules=[])
    team.does("agents", "remove", "gemini")
    team.does("agents", "rule", "remove", "spec", "claude", "plan", "codex")
    team.does("agents", "import", "mine.json")
    assert [(agent["id"], agent["role"]) for agent in registry(team)["agents"]] == [
        ("claude", "lead"),
        ("codex", ""),
    ]
    assert "nothing changed" in team.does("agents", "import", "mine.json").stderr


def test_a_rule_that_went_with_its_agent_is_no_conflict(team):
    agents = edited(team)
    edited(team, agents=[{**agents[0], "role": "lead"}, *agents[1:]], handoff_rules=[])
    team.does("agents", "remove", "codex", "--with-rules")
    team.does("agents", "import", "mine.json")
    assert (registry(team)["agents"][0]["role"], ids(team)) == ("lead", ["claude", "gemini"])


def test_an_edit_of_an_agent_that_was_removed_since_is_refused_and_says_what_to_do(team):
    agents = edited(team)
    edited(team, agents=[*agents[:2], {**agents[2], "role": "tester"}])
    team.does("agents", "remove", "gemini")
    done = team.idse("agents", "import", "mine.json")
    assert (done.returncode, "agent gemini was removed meanwhile" in done.stderr) == (3, True)
    assert "idse agents import --replace mine.json" in done.stderr
    assert ids(team) == ["claude", "codex"]


def test_a_rule_that_others_added_since_does_not_go_unsaid_with_an_agent_that_the_file_removes(team):
    agents = edited(team)
    edited(team, agents=agents[:2])
    team.does("agents", "rule", "add", "plan", "codex", "tasks", "gemini")
    done = team.idse("agents", "import", "mine.json")
    assert (done.returncode, "codex/plan → gemini/tasks" in done.stderr) == (3, True)
    assert len(registry(team)["handoff_rules"]) == 2
    team.does("agents", "rule", "remove", "plan", "codex", "tasks", "gemini")
    team.does("agents", "import", "mine.json")
    assert ids(team) == ["claude", "codex"]


def test_an_edit_of_a_view_that_named_nobody_leaves_whom_others_added(team):
    team.does("agents", "import", "-", stdin='{"agents": []}')
    edited(team, agents=[{"id": "zed"}])
    team.does("agents", "add", "ann")
    team.does("agents", "import", "mine.json")
    assert ids(team) == ["ann", "zed"]
