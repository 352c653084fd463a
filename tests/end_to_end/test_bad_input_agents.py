"""Agents, registries and handoffs that cannot be: refused in one sentence, and nothing is changed."""

from __future__ import annotations

import json
import os

import pytest

VIEW = ".idse/projects/portal/agent_registry.json"
AGENT = {"id": "claude", "stages": ["spec"]}


@pytest.fixture
def team(begun, once):
    """`begun` with claude (spec) and codex (plan), and a rule from one to the other."""

    def make():
        for args in (
            ("add", "claude", "--stage", "spec"),
            ("add", "codex", "--stage", "plan"),
            ("rule", "add", "spec", "claude", "plan", "codex"),
        ):
            done = begun.idse("agents", *args)
            assert done.returncode == 0, done.stderr

    once(begun, make)
    return begun


@pytest.fixture
def file_of(tmp_path):
    """Writes a file outside of the repository."""

    def write(content):
        path = tmp_path / "registry.json"
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        return str(path)

    return write


@pytest.mark.parametrize(
    ("args", "code", "told"),
    [
        (("add", "claude"), "IDSE030", "there is an agent 'claude' already"),
        (("add", "Claude"), "IDSE030", "agents 'claude' and 'Claude' differ only in case"),
        (("add", "x", "--stage", "specs"), "IDSE006", "did you mean spec?"),
        (("add", "x", "--before", "nobody"), "IDSE031", "there is no agent 'nobody' in the registry"),
        (("add", "a b"), "IDSE004", "'a b' cannot name an agent"),
        (("add", "x", "--mode", "resting"), "IDSE001", "'planning', 'implementation'"),
        (("add", "x", "--role", "r" * 201), "IDSE030", "201 characters"),
        (("set", "claud", "--role", "x"), "IDSE031", "did you mean claude?"),
        (("set", "claude"), "IDSE001", "nothing to set"),
        (("set", "claude", "--stage", "deploy"), "IDSE006", "there is no stage 'deploy'"),
        (("remove", "codex"), "IDSE030", "idse agents remove codex --with-rules"),
        (("remove", "gone"), "IDSE031", "there is no agent 'gone'"),
        (("show", "gone"), "IDSE031", "idse agents list"),
        (("move", "gone"), "IDSE031", "there is no agent 'gone'"),
        (("route", "specs"), "IDSE006", "did you mean spec?"),
        (("route", "spec", "--session", "logn"), "IDSE006", "did you mean login?"),
        (("assign", "spec", "gone"), "IDSE031", "there is no agent 'gone'"),
        (("assign", "specs", "codex"), "IDSE006", "did you mean spec?"),
        (("assign", "spec"), "IDSE001", "name an agent, or say --nobody"),
        (("rule", "add", "plan", "codex", "spec", "claude"), "IDSE030", "go round in a circle"),
        (("rule", "add", "spec", "codex", "spec", "codex"), "IDSE030", "codex/spec → codex/spec"),
        (("rule", "add", "spec", "claude", "plan", "codx"), "IDSE031", "did you mean codex?"),
        (("rule", "add", "specs", "claude", "plan", "codex"), "IDSE006", "did you mean spec?"),
        (("rule", "remove", "spec", "codex", "plan", "codex"), "IDSE030", "there is no handoff rule"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, tuple) else "",
)
def test_what_cannot_be_is_refused_and_nothing_changes(team, refused, args, code, told):
    exit_code = 2
    assert told in refused(team, code, exit_code, "agents", *args)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "it is no JSON"),
        (b"{", "registry.json:1:2"),
        (b"[]", "Input should be a valid dictionary"),
        (b"\xff\xfe{}", "byte 0 is not UTF-8"),
        (b'{"agents": [], "agents": []}', "the key 'agents' is there twice"),
        (b'{"agents": NaN}', "NaN is no JSON"),
        (b"[" * 100_000, "it is nested too deep"),
        (b'{"agents": [' + b" " * (8 * 1024 * 1024) + b"]}", "it is larger than 8 MiB"),
        ({}, "agents: Field required"),
        ({"agents": "claude"}, "agents: Input should be a valid list"),
        ({"agents": [{"id": 7}]}, "agents.0.id: Input should be a valid string"),
        ({"agents": [{"id": "a", "stages": "spec"}]}, "agents.0.stages"),
        ({"agents": [{"id": "a", "stage": ["spec"]}]}, "did you mean 'stages'?"),
        ({"agents": [AGENT, AGENT]}, "agent 'claude' is there twice"),
        ({"agents": [{"id": "a", "stages": ["specs"]}]}, "did you mean 'spec'?"),
        ({"agents": [{"id": "a", "mode": "plan"}]}, "there is no mode 'plan'"),
        ({"agents": [{"id": "../a"}]}, "cannot name an agent"),
        (
            {
                "agents": [AGENT],
                "handoff_rules": [
                    {"from_stage": "spec", "to_stage": "plan", "from_agent": "claude", "to_agent": "claud"}
                ],
            },
            "did you mean 'claude'?",
        ),
        (
            {
                "agents": [AGENT],
                "handoff_rules": [
                    {"from_stage": one, "to_stage": two, "from_agent": "claude", "to_agent": "claude"}
                    for one, two in (("spec", "plan"), ("plan", "tasks"), ("tasks", "spec"))
                ],
            },
            "claude/spec → claude/plan → claude/tasks → claude/spec",
        ),
        ({"agents": [{"id": f"a{number}", "role": "r" * 199} for number in range(30_000)]}, "the limit is"),
    ],
    ids=range(20),
)
def test_a_file_that_is_no_registry_is_refused_and_nothing_changes(team, refused, file_of, content, told):
    assert told in refused(team, "IDSE030", 2, "agents", "import", file_of(content))


def test_a_file_that_is_none_is_refused(team, refused, tmp_path):
    assert "No such file" in refused(team, "IDSE015", 2, "agents", "import", str(tmp_path / "nothing"))
    assert "directory" in refused(team, "IDSE015", 2, "agents", "import", str(tmp_path))


def test_a_device_without_an_end_is_refused(team, refused):
    assert "IDSE030" in refused(team, "IDSE030", 2, "agents", "import", "/dev/zero")


@pytest.mark.parametrize("content", [b"{}", b"", b"[1]", b'{"agents": []}', b"\xff"])
@pytest.mark.parametrize(
    "args", [("add", "x"), ("set-role", "claude", "x"), ("rule", "add", "spec", "codex", "plan", "claude")]
)
def test_an_edit_of_the_view_by_hand_is_never_overwritten(team, refused, content, args):
    team.write(VIEW, content)
    assert f"idse agents import {VIEW}" in refused(team, "IDSE034", 3, "agents", *args)


def test_other_files_do_not_take_the_place_of_an_edit(team, refused, file_of):
    team.write(VIEW, b'{"agents": [{"id": "mine"}]}')
    told = refused(team, "IDSE034", 3, "agents", "import", file_of({"agents": []}))
    assert "this is another file" in told


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: os.symlink("/dev/zero", path)])
def test_what_stands_in_place_of_the_view_and_is_no_file_is_left_alone(team, refused, make):
    path = team.path / VIEW
    path.unlink()
    make(path)
    refused(team, "IDSE034", 3, "agents", "add", "x")


@pytest.mark.parametrize(
    ("args", "code", "exit_code", "told"),
    [
        (("request", "--to", "nobody", "-m", "x"), "IDSE031", 2, "there is no agent 'nobody'"),
        (("request", "--to", "codex", "--stage", "specs", "-m", "x"), "IDSE006", 2, "did you mean spec?"),
        (("request", "--to", "codex"), "IDSE001", 2, "'-m'"),
        (("request", "--to", "codex", "-m", "x", "--agent", "codex"), "IDSE001", 2, "is codex's already"),
        (("accept",), "IDSE033", 3, "there is no open handoff"),
        (("accept", "01M7"), "IDSE033", 3, "there is no open handoff '01M7'"),
        (("reject", "-m", "x"), "IDSE033", 3, "there is no open handoff"),
        (("approve",), "IDSE033", 3, "there is no open handoff"),
        (("show",), "IDSE006", 2, "there is no handoff in this session yet"),
        (("show", "01M7"), "IDSE006", 2, "there is no handoff '01M7' in this session"),
        (("list", "--session", "nothing"), "IDSE006", 2, "there is no session 'nothing'"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, tuple) else "",
)
def test_a_handoff_that_cannot_be_is_refused(team, refused, args, code, exit_code, told):
    assert told in refused(team, code, exit_code, "handoff", *args)


def test_an_answer_that_is_not_ones_own_to_give_is_refused(team, refused):
    team.idse("agents", "rule", "add", "spec", "claude", "plan", "codex", "--requires-approval")
    asked = team.idse(
        "handoff", "request", "--to", "codex", "--stage", "plan", "-m", "x", "--agent", "claude"
    )
    assert asked.returncode == 0, asked.stderr
    told = refused(team, "IDSE032", 4, "handoff", "accept", "--agent", "codex")
    assert "no person had approved it" in told
    assert "only a person" in refused(team, "IDSE032", 4, "handoff", "approve", env={"IDSE_AGENT": "codex"})
    assert "it is for codex" in refused(team, "IDSE032", 4, "handoff", "accept", "--agent", "gemini")
    twice = ("handoff", "request", "--to", "codex", "--stage", "plan", "-m", "x")
    assert "offered to codex already" in refused(team, "IDSE033", 3, *twice)


def test_commands_that_read_write_nothing_whatever_the_view_holds(team, unchanged):
    for content in (None, b"", b"{", b'{"agents": []}'):
        if content is None:
            (team.path / VIEW).unlink()
        else:
            team.write(VIEW, content)
        with unchanged(team):
            for args in (("list",), ("show", "claude"), ("route", "spec"), ("suggest",), ("rule", "list")):
                assert team.idse("agents", *args).returncode in (0, 1)
            for args in (("status",), ("next",), ("handoff", "list"), ("doctor",)):
                assert team.idse(*args).returncode in (0, 1)


def test_ten_thousand_agents_are_taken_over_and_routed(team, file_of):
    agents = [
        {"id": f"agent-{number}", "stages": ["spec"], "role": "one of many"} for number in range(10_000)
    ]
    rules = [
        {
            "from_stage": "spec",
            "to_stage": "spec",
            "from_agent": f"agent-{number}",
            "to_agent": f"agent-{number + 1}",
        }
        for number in range(9_999)
    ]
    done = team.idse("agents", "import", file_of({"agents": agents, "handoff_rules": rules}))
    assert done.returncode == 0, done.stderr
    assert team.idse("agents", "route", "spec").stdout.startswith("agent-0 ")
    assert len(json.loads(team.read(VIEW))["agents"]) == 10_000
    assert "who:" not in team.idse("status").stdout.splitlines()[0]
    assert team.idse("agents", "add", "one-more").returncode == 0
    assert team.idse("fsck").returncode == 0
    cycle = [*rules, {**rules[-1], "from_agent": "agent-9999", "to_agent": "agent-0"}]
    refused = team.idse("agents", "import", file_of({"agents": agents, "handoff_rules": cycle}))
    assert (refused.returncode, "go round in a circle" in refused.stderr) == (2, True)
    assert len(refused.stderr) < 2000
