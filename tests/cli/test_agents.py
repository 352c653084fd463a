"""`idse agents`: the registry, its file, and who should act."""

from __future__ import annotations

import json
import pathlib

import pytest

VIEW = ".idse/projects/portal/agent_registry.json"
SCHEMA = pathlib.Path(__file__).parents[2] / "docs" / "reference" / "agent_registry.schema.json"


@pytest.fixture
def team(loop, once):
    """A project with two agents: claude plans intent and spec, codex does spec and tasks."""

    def make():
        loop.does(
            *("agents", "add", "claude", "--role", "architect", "--stage", "intent", "--stage", "spec"),
            *("--mode", "planning", "--can", "review"),
        )
        loop.does("agents", "add", "codex", "--stage", "spec", "--stage", "tasks")

    once(loop, make)
    return loop


def data(loop, *args, code=0):
    done = loop.idse(*args, "--json")
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)["data"]


def ids(loop):
    return [agent["id"] for agent in data(loop, "agents", "list")["agents"]]


def test_agents_are_listed_in_the_order_in_which_they_are_asked(team):
    assert team.does("agents", "list").stdout == (
        "claude  planning        intent, spec  architect\ncodex   implementation  spec, tasks\n"
    )
    team.does("agents", "move", "codex")
    assert ids(team) == ["codex", "claude"]
    team.does("agents", "add", "gemini", "--before", "claude")
    assert ids(team) == ["codex", "gemini", "claude"]


def test_several_agents_of_a_stage_are_named_in_order_and_the_session_decides_before_them(team):
    assert team.does("agents", "route", "spec").stdout == (
        "claude  architect, planning, handles the stage  [review]\n"
        "codex   implementation, handles the stage\n"
    )
    team.does("agents", "assign", "spec", "codex", "-m", "it knows the code")
    routed = data(team, "agents", "route", "spec")
    assert routed["agent"] == "codex"
    assert [(choice["agent"], choice["why"]) for choice in routed["routing"]] == [
        ("codex", "assigned in this session"),
        ("claude", "handles the stage"),
    ]
    team.does("agents", "assign", "spec", "--nobody")
    assert data(team, "agents", "route", "spec")["agent"] == "claude"


def test_a_stage_that_nobody_handles_is_a_no(team):
    done = team.idse("agents", "route", "plan")
    assert (done.returncode, done.stdout) == (1, "")
    assert "nobody handles plan" in done.stderr


def test_the_fast_path_and_click_say_the_same(team):
    fast = team.idse("agents", "route", "spec", "--project", "portal", "--session", "__blueprint__")
    slow = team.idse("agents", "route", "spec", "--project", "portal", "--session", "__blueprint__", "-v")
    assert (fast.stdout, fast.returncode) == (slow.stdout, slow.returncode)


def test_a_suggestion_names_an_agent_for_each_stage_and_those_that_nobody_handles(team):
    done = team.idse("agents", "suggest")
    assert done.returncode == 1
    assert "spec            claude  handles the stage; then codex" in done.stdout
    assert "nobody handles context, plan, implementation, feedback" in done.stderr
    assert data(team, "agents", "suggest", code=1)["nobody_handles"] == [
        "context",
        "plan",
        "implementation",
        "feedback",
    ]


def test_status_next_and_prime_say_who_should_act(team):
    assert "who:  claude (architect, planning)" in team.does("status").stdout
    assert "who:  claude (architect, planning)" in team.does("next").stdout
    assert "who:  claude (architect, planning)" in team.does("prime").stdout
    assert data(team, "next")["agent"] == "claude"
    assert [stage["agent"] for stage in team.status()["stages"]] == [
        "claude",
        None,
        "claude",
        None,
        "codex",
        None,
        None,
    ]


def test_without_agents_nothing_is_said_of_them(loop):
    assert "who:" not in loop.does("status").stdout
    assert (data(loop, "next")["agent"], data(loop, "next")["routing"]) == (None, [])
    assert not (loop.path / VIEW).exists()


def test_a_change_says_what_changed_and_the_history_tells_it(team):
    assert "set role of codex" in team.does("agents", "set-role", "codex", "builder", "-m", "new here").stderr
    assert "set mode of codex" in team.does("agents", "set-mode", "codex", "planning").stderr
    assert "nothing changed" in team.does("agents", "set-mode", "codex", "planning").stderr
    told = team.does("log", "--all", "--kind", "assigned").stdout
    assert "agents: set role of codex" in told
    assert "new here" in told


def test_what_is_set_stands_and_what_is_not_given_stays(team):
    team.does("agents", "set", "claude", "--stage", "plan", "--protocol", "automatic")
    shown = data(team, "agents", "show", "claude")
    assert shown == {
        "id": "claude",
        "role": "architect",
        "stages": ["plan"],
        "capabilities": ["review"],
        "mode": "planning",
        "handoff_protocol": "automatic",
        "handoff_rules": [],
    }
    team.does("agents", "set", "claude", "--no-stages")
    assert data(team, "agents", "show", "claude")["stages"] == []


def test_rules_are_added_listed_shown_and_go_with_their_agent(team):
    team.does("agents", "rule", "add", "spec", "claude", "tasks", "codex", "--requires-approval")
    line = "claude/spec → codex/tasks  needs approval"
    assert team.does("agents", "rule", "list").stdout == f"{line}\n"
    assert line in team.does("agents", "show", "codex").stdout
    team.does("agents", "rule", "add", "spec", "claude", "tasks", "codex")
    assert team.does("agents", "rule", "list").stdout == "claude/spec → codex/tasks\n"
    team.does("agents", "remove", "codex", "--with-rules")
    assert data(team, "agents", "rule", "list")["handoff_rules"] == []


def test_a_stage_that_moves_says_whom_it_was_routed_to(team):
    team.finish("intent")
    moved = next(event["body"] for event in team.events() if event["body"].get("action") == "complete")
    assert moved["routed"] == {"agent": "claude", "why": "handles the stage"}
    assert "agent claude, why handles the stage\n" in team.does("show", "@{1}").stdout
    assert team.does("fsck").returncode == 0


def test_the_file_is_a_view_that_git_ignores(team):
    shown = json.loads(team.read(VIEW))
    assert shown.pop("ledger") == team.git("rev-parse", "refs/idse/projects/portal")
    assert shown == {key: value for key, value in data(team, "agents", "list").items() if key != "project"}
    assert team.git("check-ignore", VIEW).strip() == VIEW


def test_a_commit_that_holds_the_view_is_refused(team):
    team.git("add", "--force", VIEW)
    done = team.run("git", "commit", "-m", "the view")
    assert (done.returncode, VIEW in done.stdout + done.stderr) == (1, True)


def test_uninstall_takes_the_view_away_and_leaves_an_edit(team):
    edited = team.read(VIEW).replace(b"architect", b"lead")
    assert f"remove view: {team.path / VIEW}" in team.does("uninstall", "--dry-run").stdout
    team.write(VIEW, edited)
    team.does("uninstall", "--yes")
    assert team.read(VIEW) == edited


def test_a_missing_file_is_written_again_by_whoever_writes(team):
    (team.path / VIEW).unlink()
    assert "agents" in team.idse("doctor").stdout
    team.does("doctor", "--fix")
    assert [agent["id"] for agent in json.loads(team.read(VIEW))["agents"]] == ["claude", "codex"]


def test_an_old_file_is_no_edit(team):
    old = team.read(VIEW)
    team.does("agents", "add", "gemini")
    team.write(VIEW, old)
    team.does("agents", "set-role", "gemini", "tester")
    assert len(json.loads(team.read(VIEW))["agents"]) == 3


def test_an_edit_of_the_file_is_told_and_kept_until_it_is_taken_over(team):
    edited = team.read(VIEW).replace(b"architect", b"lead")
    team.write(VIEW, edited)
    assert f"{VIEW} was edited by hand" in team.does("agents", "list").stderr
    assert "was edited by hand" in team.idse("doctor").stdout
    team.does("doctor", "--fix")
    team.does("save", "-m", "whatever")
    assert team.read(VIEW) == edited
    team.does("agents", "import", VIEW)
    assert data(team, "agents", "show", "claude")["role"] == "lead"
    assert "idse agents import" not in team.does("agents", "list").stderr


def test_an_edit_of_an_old_file_leaves_what_changed_since(team):
    old = team.read(VIEW)
    team.does("agents", "set-mode", "codex", "planning")
    team.does("agents", "add", "gemini")
    team.write(VIEW, old.replace(b"architect", b"lead"))
    team.does("agents", "import", VIEW)
    assert ids(team) == ["claude", "codex", "gemini"]
    assert data(team, "agents", "show", "codex")["mode"] == "planning"
    assert data(team, "agents", "show", "claude")["role"] == "lead"


def test_another_file_is_the_registry_as_it_shall_be(team):
    team.write("mine.json", json.dumps({"agents": [{"id": "codex", "stages": ["plan"]}, {"id": "zed"}]}))
    team.does("agents", "import", "mine.json", "-m", "a new team")
    assert ids(team) == ["codex", "zed"]
    assert "nothing changed" in team.does("agents", "import", "mine.json").stderr


def test_a_registry_is_read_from_standard_input(team):
    done = team.idse("agents", "import", "-", stdin='{"agents": []}')
    assert done.returncode == 0, done.stderr
    assert ids(team) == []
    assert json.loads(team.read(VIEW))["agents"] == []


def test_the_schema_that_is_published_is_the_one_that_is_printed(repo):
    printed = repo.idse("agents", "schema").stdout
    assert SCHEMA.read_text(encoding="utf-8") == printed
    assert json.loads(printed)["properties"]["agents"]


def test_a_very_large_change_is_shown_by_its_beginning(team):
    team.write("mine.json", json.dumps({"agents": [{"id": f"agent-{number}"} for number in range(1000)]}))
    team.does("agents", "import", "mine.json")
    (entry,) = json.loads(team.does("log", "--all", "--kind", "assigned", "-n", "1", "--json").stdout)[
        "data"
    ]["entries"]
    shown = team.does("show", entry["event"]).stdout
    assert "characters: --json)" in shown
    assert len(shown) < 6000
    assert entry["subject"] == "agents: removed 2, added 1,000"


def test_the_exported_list_can_be_imported_again(team):
    listed = data(team, "agents", "list")
    listed.pop("project")
    team.does("agents", "remove", "codex")
    done = team.idse("agents", "import", "-", stdin=json.dumps(listed))
    assert done.returncode == 0, done.stderr
    assert {**data(team, "agents", "list")} == {**listed, "project": "portal"}
