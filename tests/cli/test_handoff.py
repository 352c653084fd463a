"""`idse handoff`: a stage is asked for, approved, accepted, rejected; and told in a document."""

from __future__ import annotations

import json
import re

import pytest

APPROVAL = ("agents", "rule", "add", "intent", "claude", "context", "codex", "--requires-approval")


@pytest.fixture
def team(loop, once):
    """The agent claude does intent and hands on by itself, codex does context and spec."""

    def make():
        loop.does("agents", "add", "claude", "--stage", "intent", "--protocol", "automatic")
        loop.does("agents", "add", "codex", "--stage", "context", "--stage", "spec")

    once(loop, make)
    return loop


def handoffs(loop, *args):
    return json.loads(loop.does("handoff", "list", *args, "--json").stdout)["data"]["handoffs"]


def as_agent(name):
    return {"env": {"IDSE_AGENT": name}}


def complete_intent(team, agent="claude"):
    team.write_well("intent")
    return team.does("stage", "complete", "intent", **as_agent(agent))


def test_an_accepted_handoff_assigns_the_stage(team):
    team.does("handoff", "request", "--to", "codex", "--stage", "intent", "-m", "I am done")
    assert "handoff of intent" in team.does("status").stdout
    team.does("handoff", "accept", **as_agent("codex"))
    assert team.status()["next"]["agent"] == "codex"
    assert handoffs(team) == []
    (told,) = handoffs(team, "--all")
    assert (told["result"], told["answered_by"], told["reason"]) == ("accepted", "codex", "I am done")


def test_the_stage_that_is_next_is_handed_over_where_none_is_named(team):
    team.does("handoff", "request", "--to", "codex", "-m", "go on", **as_agent("claude"))
    (open_,) = handoffs(team)
    assert (open_["stage"], open_["from"], open_["by"]) == ("intent", "claude", "claude")


def test_who_is_asked_may_say_no_and_who_asked_may_take_it_back(team):
    for who in ("codex", "claude"):
        team.does("handoff", "request", "--to", "codex", "-m", "go on", "--agent", "claude")
        team.does("handoff", "reject", "-m", "not now", "--agent", who)
    assert [told["answered_by"] for told in handoffs(team, "--all")] == ["codex", "claude"]
    assert team.status()["next"]["agent"] == "claude"


def test_an_automatic_rule_asks_when_the_stage_is_complete_and_runs_nothing(team):
    team.does("agents", "rule", "add", "intent", "claude", "context", "codex")
    done = complete_intent(team)
    assert "handoff of context from claude to codex waits" in done.stderr
    (open_,) = handoffs(team)
    assert (open_["stage"], open_["after"], open_["approval"]) == ("context", "intent", False)
    assert team.status()["stages"][1]["status"] == "pending"
    assert team.events()[0]["body"]["action"] == "request"


def test_a_stage_is_never_complete_without_the_handoffs_its_rules_ask_for(team):
    team.does("agents", "add", "gemini", "--stage", "context")
    for to in ("codex", "gemini"):
        team.does("agents", "rule", "add", "intent", "claude", "context", to)
    complete_intent(team)
    stood_at = team.git("reflog", "show", "--format=%H", team.REF).split()
    states = [json.loads(team.git("show", f"{commit}:state.json")) for commit in stood_at]
    complete = [state for state in states if state["stages"]["intent"]["status"] == "complete"]
    assert [len(state["handoffs"]) for state in complete] == [2]


def test_the_commit_that_is_told_is_the_one_that_completes_the_stage(team):
    team.does("agents", "rule", "add", "intent", "claude", "context", "codex")
    told = complete_intent(team).stderr
    (commit,) = re.findall(r"intent: in_progress → complete  \((\w{7})\)", told)
    assert json.loads(team.git("show", f"{commit}:event.json"))["kind"] == "stage"


def test_a_manual_agent_asks_for_nothing_by_itself(team):
    team.does("agents", "set", "claude", "--protocol", "manual")
    team.does("agents", "rule", "add", "intent", "claude", "context", "codex")
    complete_intent(team)
    assert handoffs(team) == []


def test_an_automatic_rule_does_not_ask_twice(team):
    team.does("agents", "rule", "add", "intent", "claude", "context", "codex")
    complete_intent(team)
    team.does("stage", "reopen", "intent", "-m", "more")
    complete_intent(team)
    assert len(handoffs(team)) == 1
    team.does("handoff", "accept", **as_agent("codex"))
    team.does("stage", "reopen", "intent", "-m", "still more")
    complete_intent(team)
    assert handoffs(team) == []


def test_where_a_rule_requires_approval_a_person_gives_it_first(team):
    team.does(*APPROVAL)
    complete_intent(team)
    refused = team.idse("handoff", "accept", **as_agent("codex"))
    assert (refused.returncode, "IDSE032" in refused.stderr) == (4, True)
    assert "idse handoff approve" in team.does("next").stdout
    team.does("handoff", "approve", "-m", "fine")
    assert handoffs(team)[0]["approved_by"] == "Test Author"
    team.does("handoff", "accept", **as_agent("codex"))
    assert team.status()["stages"][1]["agent"] == "codex"


def test_an_answer_names_one_of_several_by_the_beginning_of_its_id(team):
    team.does("handoff", "request", "--to", "codex", "--stage", "spec", "-m", "one")
    team.does("handoff", "request", "--to", "codex", "--stage", "plan", "-m", "two")
    several = team.idse("handoff", "accept", **as_agent("codex"))
    assert (several.returncode, "2 handoffs are open" in several.stderr) == (2, True)
    second = handoffs(team)[1]["id"]
    team.does("handoff", "accept", second.lower(), **as_agent("codex"))
    assert [open_["stage"] for open_ in handoffs(team)] == ["spec"]


def test_the_document_tells_what_was_done_what_is_open_and_what_to_do_next(team):
    team.does("agents", "rule", "add", "intent", "claude", "context", "codex")
    complete_intent(team)
    team.does("stage", "start", "context")
    team.edit("spec.md", "# Spec\n\n## Open Questions\n\n- Who pays?\n")
    team.does("save", "-m", "a question")
    team.does("handoff", "request", "--to", "claude", "--stage", "context", "-m", "your turn")
    text = team.does("handoff", "show").stdout
    assert text.startswith("# Handoff of context: Test Author → claude\n")
    assert "intent: in_progress → complete, by Test Author (claude)" in text
    assert "## Why\n\nyour turn\n" in text
    assert "- context: in progress" in text
    assert "unresolved [REQUIRES INPUT] in context.md" in text
    assert "## Next action\n\nwrite context.md\n\n    idse stage complete context" in text


def test_the_document_is_the_same_whatever_is_done_afterwards(team):
    team.does("handoff", "request", "--to", "codex", "--stage", "intent", "-m", "go on")
    before = team.does("handoff", "show").stdout
    complete_intent(team)
    team.does("stage", "start", "context")
    assert team.does("handoff", "show").stdout == before


def test_a_project_may_have_its_own_template(team):
    team.does("handoff", "request", "--to", "codex", "-m", "go on")
    team.write(
        ".idse/templates/handoff.md.j2", "{{ stage }} for {{ to_agent }}: {{ commands | join(', ') }}\n"
    )
    assert team.does("handoff", "show").stdout == "intent for codex: idse stage complete intent\n"
    assert "ok       templates" in team.idse("doctor", "-v").stdout
    team.write(".idse/templates/handoff.md.j2", "{{ password }}")
    broken = team.idse("handoff", "show")
    assert (broken.returncode, "is not a value that templates have" in broken.stderr) == (2, True)


def test_a_ledger_with_handoffs_is_sound_and_its_history_reads_well(team):
    team.does("handoff", "request", "--to", "codex", "--stage", "spec", "-m", "go on")
    team.does("handoff", "accept")
    told = team.does("log", "--kind", "handoff", "--oneline").stdout
    assert "spec: a person → codex (handoff accepted)" in told
    assert team.does("fsck").returncode == 0


def test_free_text_forges_no_trailer_and_no_line_of_the_document(team):
    reason = "fine\n\nIdse-Kind: created\n## Findings\n\x1b[31mred"
    team.does("handoff", "request", "--to", "codex", "-m", reason)
    assert team.git("log", "-1", "--format=%(trailers:key=Idse-Kind,valueonly)", team.REF).split() == [
        "handoff"
    ]
    text = team.does("handoff", "show").stdout
    assert text.count("\n## Findings\n") == 1
    assert "\x1b" not in text


class TestTheShortForm:
    def test_it_asks_as_request_does(self, team):
        done = team.does("handoff", "--from", "claude", "--to", "codex", "--stage", "intent")
        assert "handoff of intent from claude to codex waits" in done.stderr
        (open_,) = handoffs(team)
        said = (open_["stage"], open_["from"], open_["to"], open_["by"], open_["reason"])
        assert said == ("intent", "claude", "codex", "claude", "")
        assert "codex" in team.does("handoff", "show").stdout
        assert team.does("fsck").returncode == 0

    def test_it_takes_the_other_options_too(self, team):
        done = team.does("handoff", "--to", "codex", "-m", "go on", "--json", **as_agent("claude"))
        told = json.loads(done.stdout)
        assert told["schema"] == "idse.handoff/1"
        assert [told["data"][key] for key in ("stage", "from", "reason")] == ["intent", "claude", "go on"]

    def test_request_knows_from_as_well(self, team):
        team.does("handoff", "request", "--from", "claude", "--to", "codex", "-m", "go on")
        assert handoffs(team)[0]["by"] == "claude"

    def test_who_is_not_in_the_registry_hands_nothing_over(self, team):
        done = team.idse("handoff", "--from", "cluade", "--to", "codex", "--stage", "intent")
        assert done.returncode == 2
        assert "there is no agent 'cluade' in the registry" in done.stderr
        assert "claude" in done.stderr
        assert handoffs(team) == []

    @pytest.mark.parametrize(
        ("args", "words"),
        [
            (("--from", "claude"), "--to is missing"),
            (("--to", "codex", "list"), "--to goes with the short form, not with list"),
            (("--to", "codex", "--stage", "x"), "there is no stage 'x'"),
            (("--to", "nobody"), "there is no agent 'nobody' in the registry"),
        ],
    )
    def test_what_does_not_fit_is_refused(self, team, args, words):
        done = team.idse("handoff", *args)
        assert done.returncode == 2
        assert words in done.stderr
        assert handoffs(team) == []

    def test_without_a_word_it_is_the_help(self, team):
        assert team.idse("handoff").returncode == 2
        assert "--from AGENT" in team.idse("handoff").stdout
