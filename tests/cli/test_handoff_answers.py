"""`idse handoff`: what is asked without a reason, answered for the wrong one, or offered many times."""

from __future__ import annotations

import json

import pytest


@pytest.fixture
def team(loop, once):
    """The agents claude, codex and gemini all handle plan; a person must approve that codex gets it."""

    def make():
        for name in ("claude", "codex", "gemini"):
            loop.does("agents", "add", name, "--stage", "plan")
        loop.does("agents", "rule", "add", "spec", "claude", "plan", "codex", "--requires-approval")

    once(loop, make)
    return loop


def as_agent(name):
    return {"env": {"IDSE_AGENT": name}}


def ask(team, to, stage="plan", why="go on", **options):
    return team.does("handoff", "request", "--to", to, "--stage", stage, "-m", why, **options)


def document(team, *args, **options):
    return json.loads(team.does("handoff", "show", *args, "--json", **options).stdout)["data"]


@pytest.mark.parametrize("why", ["", "   ", "\n"])
@pytest.mark.parametrize("args", [("request", "--to", "codex"), ("reject",)])
def test_a_reason_that_says_nothing_is_none(team, args, why):
    ask(team, "gemini")
    before = team.tip()
    done = team.idse("handoff", *args, "-m", why)
    assert (done.returncode, "needs a reason" in done.stderr) == (2, True)
    assert team.tip() == before


def test_a_long_reason_takes_one_line_of_the_list_and_is_whole_in_the_document(team):
    why = "because " * 2000
    ask(team, "gemini", why=why)
    lines = team.does("handoff", "list").stdout.splitlines()
    assert len(lines) == 2
    assert max(map(len, lines)) <= 120
    assert why.strip() in team.does("handoff", "show").stdout


def test_status_next_and_prime_tell_a_few_offers_of_the_next_stage_and_count_the_others(team):
    for number in range(6):
        team.does("agents", "add", f"agent-{number}")
        ask(team, f"agent-{number}", stage="intent")
    for command in ("status", "next", "prime"):
        told = team.does(command).stdout
        assert told.count("handoff of intent") == 3, command
        assert "and 3 more handoffs: idse handoff list" in told, command


def test_a_stage_of_an_archived_session_is_not_taken_over_and_can_be_declined(team):
    ask(team, "gemini")
    team.does("session", "archive", "__blueprint__")
    done = team.idse("handoff", "accept", **as_agent("gemini"))
    assert (done.returncode, "is archived" in done.stderr) == (2, True)
    team.does("handoff", "reject", "-m", "it is over", **as_agent("gemini"))


def test_an_agent_is_shown_what_is_offered_to_it_and_a_person_the_last(team):
    ask(team, "gemini")
    ask(team, "claude", stage="tasks")
    assert document(team, **as_agent("gemini"))["to"] == "gemini"
    assert document(team, **as_agent("claude"))["to"] == "claude"
    assert document(team)["to"] == "claude"
    assert document(team, **as_agent("codex"))["to"] == "claude"


def test_the_only_one_that_can_be_answered_so_is_meant(team):
    ask(team, "codex", stage="plan", **as_agent("claude"))
    ask(team, "claude", stage="tasks", **as_agent("codex"))
    team.does("handoff", "approve")
    team.does("handoff", "accept", **as_agent("codex"))
    assert team.status()["stages"][3]["agent"] == "codex"
    ask(team, "gemini", stage="feedback", **as_agent("claude"))
    team.does("handoff", "accept", **as_agent("claude"))
    assert team.status()["stages"][4]["agent"] == "claude"
    ask(team, "codex", stage="intent", **as_agent("gemini"))
    both = team.idse("handoff", "reject", "-m", "no", **as_agent("gemini"))
    assert (both.returncode, "2 handoffs are open" in both.stderr) == (2, True)


def test_an_answer_is_told_to_programs_too(team):
    for action, more in (("accept", ()), ("reject", ("-m", "no"))):
        ask(team, "gemini")
        done = team.does("handoff", action, *more, "--json", **as_agent("gemini"))
        document = json.loads(done.stdout)
        assert (document["schema"], document["data"]["action"]) == ("idse.handoff-answer/1", action)
        assert (document["data"]["stage"], document["data"]["to"]) == ("plan", "gemini")
        team.does("agents", "assign", "plan", "--nobody")
    ask(team, "codex")
    assert json.loads(team.does("handoff", "approve", "--json").stdout)["data"]["action"] == "approve"


def test_what_became_void_is_shown_only_by_its_name(team):
    ask(team, "gemini")
    ask(team, "claude")
    team.does("handoff", "accept", **as_agent("gemini"))
    assert (document(team)["to"], document(team)["result"]) == ("gemini", "accepted")


def test_an_offer_to_an_agent_that_left_the_registry_says_how_to_end_it(team):
    ask(team, "gemini")
    team.does("agents", "remove", "gemini")
    done = team.idse("handoff", "accept")
    assert (done.returncode, "idse handoff reject" in done.stderr) == (2, True)


def test_an_agent_does_not_assign_a_stage_that_a_person_has_to_approve(team):
    before = team.tip()
    for who in ("codex", "claude", "gemini"):
        done = team.idse("agents", "assign", "plan", "codex", **as_agent(who))
        assert (done.returncode, "IDSE032" in done.stderr) == (4, True)
        assert "idse handoff request --to codex --stage plan" in done.stderr
    assert team.tip() == before
    team.does("agents", "assign", "plan", "gemini", **as_agent("gemini"))
    team.does("agents", "assign", "plan", "codex")
    team.does("agents", "assign", "plan", "--nobody", **as_agent("gemini"))


def test_capabilities_can_be_taken_away(team):
    team.does("agents", "set", "codex", "--can", "review", "--can", "API design")
    team.does("agents", "set", "codex", "--no-capabilities")
    shown = json.loads(team.does("agents", "show", "codex", "--json").stdout)["data"]
    assert shown["capabilities"] == []
    both = team.idse("agents", "set", "codex", "--can", "x", "--no-capabilities")
    assert (both.returncode, "exclude each other" in both.stderr) == (2, True)
