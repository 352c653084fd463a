"""An agent that is not there, or not logged in, is told by name before anything begins, with what to type."""

from __future__ import annotations

import os
import pathlib

import pytest

from printing_agents import set_up
from run_bed import THREE, begin_project


@pytest.fixture
def project(repo, once):
    """Three tasks, complete."""
    once(repo, lambda: begin_project(repo, THREE))
    return repo


def programs(tmp_path, *names):
    """Returns a PATH on which programs of these names are, and git."""
    folder = tmp_path / "programs"
    folder.mkdir()
    for name in names:
        (folder / name).write_text("#!/bin/sh\nexit 1\n")
        (folder / name).chmod(0o755)
    return f"{folder}:/usr/bin:/bin"


@pytest.mark.parametrize(
    ("agent", "typed"),
    [
        ("claude", "npm install -g @anthropic-ai/claude-code"),
        ("codex", "npm install -g @openai/codex"),
        ("gemini", "npm install -g @google/gemini-cli"),
    ],
)
def test_a_program_that_is_not_installed(project, agent, typed):
    done = project.idse("run", "--agents", agent, env={"PATH": "/usr/bin:/bin"})
    assert done.returncode == 2
    assert f"IDSE080]: agent {agent} is not installed: there is no program {agent}" in done.stderr
    assert typed in done.stderr
    assert project.git("for-each-ref", "refs/idse-local/tasks/") == ""


def test_an_agent_without_a_key(project, tmp_path):
    done = project.idse("run", "--agents", "claude", env={"PATH": programs(tmp_path, "claude")})
    assert done.returncode == 2
    assert "agent claude is not logged in: ANTHROPIC_API_KEY is not set" in done.stderr
    assert "export ANTHROPIC_API_KEY=KEY" in done.stderr
    assert "claude setup-token" in done.stderr


@pytest.mark.parametrize(
    ("command", "why"),
    [(["sh", "-c", "exit 3"], "exit code 3"), (["true"], "it printed nothing"), (["nowhere"], "nowhere:")],
)
def test_a_credential_command_that_gives_no_key(project, tmp_path, command, why):
    set_up(agents={"claude": {"credential": command}})
    done = project.idse("run", "--agents", "claude", env={"PATH": programs(tmp_path, "claude")})
    assert done.returncode == 2
    assert "its credential command gives no key" in done.stderr
    assert why in done.stderr


def test_an_agent_that_nobody_set_up(project):
    done = project.idse("run", "--agents", "cladue")
    assert done.returncode == 2
    assert "no agent 'cladue' is set up here" in done.stderr
    assert "did you mean claude?" in done.stderr


def test_a_file_of_agents_that_is_wrong_is_told_with_its_line(project):
    home = pathlib.Path(os.environ["HOME"]) / ".config" / "idse"
    home.mkdir(parents=True, exist_ok=True)
    (home / "agents.yaml").write_text("agents:\n  claude:\n    modle: x\n")
    done = project.idse("run", "--agents", "claude")
    assert done.returncode == 2
    assert "there is no key 'modle'" in done.stderr
    assert "agents.yaml:3" in done.stderr


def test_a_key_reaches_its_agent_and_no_other_and_no_check(project):
    """A canary for each: the agent sees the key that a command printed, and nothing of the user's."""
    seen = project.path.parent / "seen"
    script = (
        f'env | grep -c "^MINE_KEY=sk-canary$" >>{seen}; env | grep -c "OTHER_KEY" >>{seen};'
        ' for path in $IDSE_PATHS; do mkdir -p "$(dirname "$path")"; echo x >>"$path"; done'
    )
    set_up(
        agents={
            "mine": {"argv": ["sh", "-c", script], "keys": ["MINE_KEY"], "credential": ["echo", "sk-canary"]}
        }
    )
    done = project.idse(
        "run", "--agents", "mine", "--only", "T001", "--sandbox", "none",
        "--check", f'env | grep -c "MINE_KEY" >>{seen}; true', env={"OTHER_KEY": "sk-other"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert seen.read_text().split() == ["1", "0", "0"]
    everything = project.git("log", "--all", "-p") + project.git("for-each-ref")
    assert "sk-canary" not in everything
