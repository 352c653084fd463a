"""The user's file of agents: what it may say, and what is told by name where it is wrong."""

from __future__ import annotations

import pytest

from idse_orchestrator.errors import InvalidConfigurationError, UnknownNameError
from idse_orchestrator.runner.agents.settings import KNOWN
from idse_orchestrator.runner.model.buckets import ACCOUNT_SHARE, WORKER_SHARE
from idse_orchestrator.runner.model.configuration import adapter_of, read_configuration, routed


def test_without_a_file_the_known_agents_and_the_shares_of_the_first_design_are_there():
    found = read_configuration(None)
    assert set(found.agents) == {"claude", "codex", "gemini"}
    assert (found.worker, found.account("anthropic")) == (WORKER_SHARE, ACCOUNT_SHARE)
    assert read_configuration(b"# nothing\n") == found


def test_a_file_adds_agents_changes_known_ones_and_sets_limits():
    found = read_configuration(b"""\
agents:
  claude: {model: claude-opus-5, models: {small: claude-haiku-5-5}}
  second: {adapter: codex, env: {OPENAI_BASE_URL: "http://localhost:1/v1"}, keys: [], account: home}
  mine: {argv: [my-agent, "--model={model}"], format: gemini, credential: [pass, show, mine]}
  build: {command: make $IDSE_TASK}
limits:
  worker: {output: 5000}
  accounts: {anthropic: {requests: 50, input: 30_000}}
budgets: {run: 2.5, month: 200}
checks: {tests: pytest -q}
""")
    claude, second, mine = (found.agent(name) for name in ("claude", "second", "mine"))
    assert (claude.model, claude.model_for("small"), claude.keys) == (
        "claude-opus-5",
        "claude-haiku-5-5",
        KNOWN["claude"].keys,
    )
    assert (second.adapter, second.program, second.keys, second.account) == ("codex", "codex", (), "home")
    assert (mine.adapter, mine.program, mine.format) == ("generic", "my-agent", "gemini")
    assert adapter_of(found.agent("build")).plan(None).argv == ("sh", "-c", "make $IDSE_TASK")
    assert found.worker == (1_000, 100_000, 5_000)
    assert found.account("anthropic") == (50, 30_000, None)
    assert found.account("openai") == ACCOUNT_SHARE
    assert (found.budgets, found.checks) == ({"run": 2.5, "month": 200}, {"tests": "pytest -q"})
    assert {adapter_of(each).name for each in found.agents.values()} == set(found.agents)


@pytest.mark.parametrize(
    ("text", "what", "where"),
    [
        ("agents: {Claude: {}}", "cannot be called 'Claude'", "agents → Claude"),
        ("agents: {other: {model: x}}", "does not say what it is", "agents → other"),
        ("agents: {claude: {modle: x}}", "there is no key 'modle'", "agents → claude → modle"),
        ("agents: {claude: {model: --evil}}", "cannot stand here", "agents → claude → model"),
        ("agents: {x: {adapter: cloud}}", "'cloud' cannot stand here", "agents → x → adapter"),
        ("agents: {x: {argv: []}}", "no word", "agents → x → argv"),
        ("agents: {x: {argv: [a], format: xml}}", "'xml' cannot stand here", "agents → x → format"),
        ("agents: {claude: {env: {A B: c}}}", "no name of a variable", "agents → claude → env → A B"),
        ("agents: {claude: {arguments: --fast}}", "this is no list", "agents → claude → arguments"),
        ("agents: [claude]", "no table of keys", "agents"),
        ("limits: {worker: {requests: many}}", "no number from 0 up", "limits → worker → requests"),
        ("budgets: {week: 3}", "there is no key 'week'", "budgets → week"),
        ("budgets: {month: -3}", "no number from 0 up", "budgets → month"),
        ("agents: {claude: {", "not readable YAML", ""),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text, what, where):
    with pytest.raises(InvalidConfigurationError) as caught:
        read_configuration(text.encode())
    assert what in caught.value.message
    assert caught.value.where.endswith(where)
    assert caught.value.where.startswith("~/.config/idse/agents.yaml:")


def test_an_agent_that_is_not_there_is_told_with_those_that_are():
    with pytest.raises(UnknownNameError) as caught:
        read_configuration(None).agent("cladue")
    assert caught.value.message == "no agent 'cladue' is set up here"
    assert "did you mean claude?" in caught.value.words


@pytest.mark.parametrize(
    ("wanted", "registered", "free", "turn", "who"),
    [
        ("codex", ("claude",), ("claude", "codex"), 0, "codex"),
        ("codex", (), ("claude",), 0, ""),
        ("", ("codex",), ("claude", "codex"), 0, "codex"),
        ("", ("gemini",), ("claude", "codex"), 1, "codex"),
        ("", (), ("claude", "codex"), 2, "claude"),
        ("", (), (), 0, ""),
    ],
)
def test_a_task_goes_to_whom_it_names_then_by_the_registry_then_in_turn(wanted, registered, free, turn, who):
    assert routed(wanted, registered, free, turn) == who
