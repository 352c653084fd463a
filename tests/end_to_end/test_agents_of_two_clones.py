"""Two clones change one registry, and neither sees the other: after a sync they are equal."""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from advice import commands_in

VIEW = ".idse/projects/portal/agent_registry.json"


@pytest.fixture
def clones(begun, make_repo, bare_remote):
    """Two clones of one project that sync with one Agency; `claude` and `codex` are in the registry."""
    begun.idse("agents", "add", "claude", "--stage", "spec")
    begun.idse("agents", "add", "codex", "--stage", "plan")
    begun.idse("sync", "setup", bare_remote.path)
    assert begun.idse("sync", "push").returncode == 0
    other = begun.clone("other")
    done = other.idse("init", "--agency", bare_remote.path)
    assert done.returncode == 0, done.stderr
    return begun, other


def does(repo, *args):
    done = repo.idse(*args)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def sync(one, other):
    for repo in (one, other, one):
        does(repo, "sync", "push")


def registry(repo):
    return json.loads(does(repo, "agents", "list", "--json").stdout)["data"]


def view(repo):
    return {key: value for key, value in json.loads(repo.read(VIEW)).items() if key != "ledger"}


def test_a_clone_has_the_view_of_the_registry_it_pulled(clones):
    _, other = clones
    assert [agent["id"] for agent in view(other)["agents"]] == ["claude", "codex"]


def test_changes_of_both_clones_stand_side_by_side(clones):
    one, other = clones
    does(one, "agents", "set", "claude", "--role", "architect")
    does(one, "agents", "add", "gemini", "--stage", "tasks")
    does(other, "agents", "set-mode", "claude", "planning")
    does(other, "agents", "rule", "add", "spec", "claude", "plan", "codex")
    sync(one, other)
    assert registry(one) == registry(other)
    claude = registry(one)["agents"][0]
    assert (claude["role"], claude["mode"]) == ("architect", "planning")
    assert len(registry(one)["handoff_rules"]) == 1
    assert view(one) == view(other)
    assert one.git("rev-parse", "refs/idse/projects/portal") == other.git(
        "rev-parse", "refs/idse/projects/portal"
    )


def test_a_removal_is_stronger_than_a_change_made_elsewhere(clones):
    one, other = clones
    does(one, "agents", "remove", "codex")
    does(other, "agents", "set-role", "codex", "builder")
    does(other, "agents", "set-role", "codex", "mason")
    sync(one, other)
    assert [agent["id"] for agent in registry(one)["agents"]] == ["claude"]
    assert registry(one) == registry(other)
    assert does(one, "fsck").returncode == 0


def test_a_circle_that_a_merge_made_is_shown_and_mended_by_taking_a_rule_out(clones):
    one, other = clones
    does(one, "agents", "rule", "add", "spec", "claude", "plan", "codex")
    does(other, "agents", "rule", "add", "plan", "codex", "spec", "claude")
    sync(one, other)
    told = one.idse("doctor")
    assert told.returncode == 1
    assert "handoff rules go round in a circle: claude/spec → codex/plan → claude/spec" in told.stdout
    assert "circle" in one.idse("agents", "list").stderr
    assert commands_in(told.stdout) == ["idse agents rule remove plan codex spec claude"]
    does(one, "agents", "add", "gemini")  # what was wrong before keeps nobody from going on
    one.write(
        VIEW, one.read(VIEW).replace(b'"id": "gemini", "role": ""', b'"id": "gemini", "role": "tester"')
    )
    does(one, "agents", "import", VIEW)
    does(one, "agents", "rule", "remove", "plan", "codex", "spec", "claude")
    assert one.idse("doctor").returncode == 0


def test_agents_that_a_merge_made_look_alike_are_shown_and_mended_by_removing_one(clones):
    one, other = clones
    does(one, "agents", "add", "gemini")
    does(other, "agents", "add", "Gemini")
    sync(one, other)
    told = one.idse("doctor")
    assert told.returncode == 1
    assert "agents 'gemini' and 'Gemini' differ only in case" in told.stdout
    assert commands_in(told.stdout) == ["idse agents remove Gemini"]
    does(one, "agents", "remove", "Gemini")
    assert one.idse("doctor").returncode == 0


def test_two_that_accept_one_handoff_at_once_end_in_one_assignment(clones):
    one, other = clones
    session = ("--session", "login")
    does(one, "handoff", "request", "--to", "codex", "--stage", "spec", "-m", "go on", *session)
    sync(one, other)
    does(one, "handoff", "accept", "--agent", "codex", *session)
    does(other, "handoff", "reject", "-m", "no time", "--agent", "codex", *session)
    sync(one, other)
    states = [json.loads(does(repo, "status", "login", "--json").stdout)["data"] for repo in (one, other)]
    assert states[0]["ledger"] == states[1]["ledger"]
    assert states[0]["handoffs"] == []
    assert [entry["why"] for entry in states[0]["not_applied"]] == ["the handoff was not open any more"]


def test_the_document_tells_what_the_ledger_held_when_it_was_asked_for_whatever_is_merged_later(clones):
    one, other = clones
    session = ("--session", "login")
    other.write(".idse/projects/portal/sessions/login/intent.md", "# Intent\n\nsaid elsewhere\n")
    does(other, "save", "login", "-m", "elsewhere")
    does(one, "handoff", "request", "--to", "codex", "--stage", "spec", "-m", "go on", *session)
    before = does(one, "handoff", "show", *session).stdout
    sync(one, other)
    assert does(one, "handoff", "show", *session).stdout == before
    assert does(other, "handoff", "show", *session).stdout == before


words = st.sampled_from(["claude", "codex", "gemini"])
deeds = st.lists(
    st.tuples(
        st.integers(0, 1),
        st.one_of(
            st.tuples(st.just("add"), words),
            st.tuples(st.just("remove"), words, st.just("--with-rules")),
            st.tuples(st.just("set-role"), words, st.sampled_from(["one", "two"])),
            st.tuples(st.just("move"), words),
            st.tuples(st.just("rule"), st.just("add"), st.just("spec"), words, st.just("plan"), words),
        ),
    ),
    min_size=2,
    max_size=6,
)


@settings(max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(deeds)
def test_whatever_two_people_do_offline_a_sync_makes_equal(clones, deeds):
    for who, deed in deeds:
        assert clones[who].idse("agents", *deed).returncode in (0, 2)
    sync(*clones)
    assert registry(clones[0]) == registry(clones[1])
    assert view(clones[0]) == view(clones[1])


def test_many_processes_that_add_agents_at_once_lose_none(begun):
    program = str(pathlib.Path(sys.executable).parent / "idse")
    command = [program, "agents", "add"]
    running = [
        subprocess.Popen([*command, f"agent-{number}"], cwd=begun.path, stderr=subprocess.DEVNULL)
        for number in range(6)
    ]
    assert [process.wait() for process in running] == [0] * 6
    names = {f"agent-{number}" for number in range(6)}
    assert {agent["id"] for agent in registry(begun)["agents"]} == names
    does(begun, "agents", "add", "last")
    assert {agent["id"] for agent in view(begun)["agents"]} == {*names, "last"}
    assert does(begun, "fsck").returncode == 0
