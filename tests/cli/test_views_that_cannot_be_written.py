"""An event that was recorded stays so where a view cannot be written: it is told, and no error."""

from __future__ import annotations

import pytest

FOLDER = ".idse/projects/portal"
STATE = f"{FOLDER}/session_state.json"


@pytest.fixture
def team(loop, once):
    """The agents claude and codex; codex is asked to go on with plan."""

    def make():
        for name in ("claude", "codex"):
            loop.does("agents", "add", name)
        loop.does("handoff", "request", "--to", "codex", "--stage", "plan", "-m", "go on")

    once(loop, make)
    return loop


def in_the_way(team, path):
    """A folder that is not empty, where a view belongs: it cannot be written, whoever tries."""
    (team.path / path).unlink()
    team.write(f"{path}/in/the/way", "")


def told_of(done, path):
    assert done.returncode == 0, done.stderr
    return "warning: recorded, but" in done.stderr and path in done.stderr and "idse doctor" in done.stderr


def test_a_handoff_that_was_accepted_is_said_to_be(team):
    in_the_way(team, STATE)
    done = team.idse("handoff", "accept")
    assert told_of(done, STATE)
    assert "plan is codex's now" in done.stderr


def test_a_stage_that_was_completed_is_said_to_be(team):
    team.write_well("intent")
    in_the_way(team, STATE)
    done = team.idse("stage", "complete", "intent")
    assert told_of(done, STATE)
    assert "intent: in_progress → complete" in done.stderr


@pytest.mark.parametrize(
    ("args", "stdin"), [(("add", "gemini"), ""), (("import", "-"), '{"agents": [{"id": "gemini"}]}')]
)
def test_an_agent_that_was_added_is_said_to_be(team, bound_idse, args, stdin):
    (team.path / FOLDER).chmod(0o555)
    done = team.run(*bound_idse, "agents", *args, stdin=stdin)
    (team.path / FOLDER).chmod(0o755)
    assert told_of(done, "agent_registry.json")
    assert "added" in done.stderr


def test_agents_are_listed_although_the_view_cannot_be_read(team, bound_idse):
    (team.path / FOLDER / "agent_registry.json").chmod(0)
    done = team.run(*bound_idse, "agents", "list")
    assert (done.returncode, done.stdout.count("\n")) == (0, 2)
    assert "agent_registry.json cannot be read: Permission denied" in done.stderr
