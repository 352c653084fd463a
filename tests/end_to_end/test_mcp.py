"""The MCP server, asked by the client of the official SDK."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import anyio
import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters

PROGRAM = str(Path(sys.executable).parent / "idse")
MOST_TOKENS = 1500
CHARACTERS_OF_A_TOKEN = 4


def ask(repo, *calls, env=None):
    """The answers of one server to `calls`, each (tool, arguments): whether it worked, and its document."""
    found = []

    async def talk():
        parameters = StdioServerParameters(command=PROGRAM, args=["mcp"], cwd=str(repo.path), env=env)
        async with Client(parameters) as client:
            for tool, arguments in calls:
                result = await client.call_tool(tool, arguments)
                found.append((not result.is_error, json.loads(result.content[0].text)))

    anyio.run(talk)
    return found


def tools_of(repo):
    found = []

    async def talk():
        parameters = StdioServerParameters(command=PROGRAM, args=["mcp"], cwd=str(repo.path))
        async with Client(parameters) as client:
            found.extend((await client.list_tools()).tools)

    anyio.run(talk)
    return found


def test_eight_tools_that_cost_little_and_none_that_writes_documents(loop):
    tools = tools_of(loop.repo)
    assert [tool.name for tool in tools] == [
        "status", "next", "instructions", "validate", "move_stage", "log", "handoff", "sync",
    ]  # fmt: skip
    text = json.dumps([tool.model_dump(mode="json", exclude_none=True) for tool in tools])
    assert len(text) / CHARACTERS_OF_A_TOKEN <= MOST_TOKENS, len(text)


def test_a_stage_is_led_through_its_gate(loop):
    loop.write_well("intent")
    answers = ask(
        loop.repo,
        ("next", {}),
        ("instructions", {"stage": "intent"}),
        ("validate", {}),
        ("move_stage", {"action": "complete"}),
        ("status", {}),
        ("log", {"max-count": 2}),
    )
    assert all(worked for worked, _ in answers)
    following, told, judged, moved, status, log = (document["data"] for _, document in answers)
    assert following["stage"] == "intent"
    assert told["sections"]
    assert judged["findings"] == []
    assert [each["stage"] for each in moved["moves"]] == ["intent", "context"]
    assert status["stages"][0]["status"] == "complete"
    assert [entry["subject"] for entry in log["entries"]] == [
        "context: pending → in_progress",
        "intent: in_progress → complete",
    ]


def test_who_acts_is_told_by_the_environment_of_the_server(loop):
    loop.write_well("intent")
    ((worked, _),) = ask(loop.repo, ("move_stage", {"action": "complete"}), env={"IDSE_AGENT": "codex"})
    assert worked
    assert loop.stage("intent")["by"] == "codex"


def test_what_is_refused_is_an_error_with_what_to_type(loop):
    (refused, again) = ask(
        loop.repo,
        ("move_stage", {"action": "complete"}),
        ("move_stage", {"action": "start", "stages": ["spec"]}),
    )
    assert [worked for worked, _ in (refused, again)] == [False, False]
    assert refused[1]["diagnostics"][0]["code"] == "IDSE010"
    assert "IDSE301" in {each["code"] for each in refused[1]["diagnostics"]}
    assert again[1]["diagnostics"][0]["fix"] == ["idse stage start context"]


@pytest.mark.parametrize(
    ("tool", "arguments", "words"),
    [
        ("move_stage", {}, "'action' is needed"),
        ("move_stage", {"action": "complete", "stages": ["--no-start"]}, "is no name"),
        ("move_stage", {"action": "complete", "force": "yes"}, "there is no argument 'force'"),
        ("status", {"session": "x"}, "there is no argument 'session'"),
        ("instructions", {"stage": "spek"}, "there is no stage 'spek'"),
        ("log", {"max-count": "many"}, "many"),
        ("write", {}, "there is no tool 'write'"),
    ],
)
def test_what_makes_no_sense_is_told(loop, tool, arguments, words):
    ((worked, document),) = ask(loop.repo, (tool, arguments))
    assert not worked
    assert words in document["diagnostics"][0]["message"]


def test_a_value_is_never_taken_for_an_option(loop):
    loop.finish("intent")
    calls = [("move_stage", {"action": "reopen", "stages": ["intent"], "reason": "--help; -x"})]
    ((worked, _),) = ask(loop.repo, *calls)
    assert worked
    assert loop.events()[0]["body"]["reason"] == "--help; -x"


def test_agents_hand_over_and_sync(loop, bare_remote):
    loop.does("agents", "add", "ann")
    loop.does("sync", "setup", str(bare_remote.path))
    answers = ask(
        loop.repo,
        ("handoff", {"action": "request", "to": "ann", "stage": "intent", "reason": "go on"}),
        ("handoff", {"action": "accept"}),
        ("sync", {"direction": "push"}),
        ("sync", {"direction": "status"}),
    )
    assert all(worked for worked, _ in answers)
    assert answers[0][1]["data"]["to"] == "ann"
    assert answers[3][1]["schema"] == "idse.sync-status/1"


def test_where_there_is_no_repository_each_answer_says_so(tmp_path, repo):
    folder = tmp_path / "plain"
    folder.mkdir()

    class Place:
        path = folder

    ((worked, document),) = ask(Place, ("status", {}))
    assert not worked
    assert document["diagnostics"][0]["code"]


def test_without_the_extra_it_says_what_to_install(loop):
    blocked = loop.path / "blocked"
    blocked.mkdir()
    (blocked / "mcp.py").write_text("raise ImportError('no', name='mcp')\n")
    done = loop.idse("mcp", env={"PYTHONPATH": str(blocked)})
    assert done.returncode == 2
    assert "pip install 'idse-orchestrator[mcp]'" in done.stderr
