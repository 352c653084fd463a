"""Whoever writes a document is told what it must hold, what it builds on, and how it is judged."""

from __future__ import annotations

import json

import pytest

from idse_orchestrator.documents.project_workspace import STAGES


def data(repo, *args):
    done = repo.idse("instructions", *args, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["data"]


@pytest.mark.parametrize("stage", STAGES)
def test_every_section_that_is_asked_for_comes_with_what_its_template_asks(loop, stage):
    found = data(loop.repo, stage)
    assert found["path"].endswith({"implementation": "README.md"}.get(stage, f"{stage}.md"))
    assert len(found["sections"]) >= 3
    assert all(each["help"] for each in found["sections"]), found["sections"]
    assert {each["id"] for each in found["rules"]} >= {"IDSE301", "IDSE302"}
    assert [each["stage"] for each in found["upstream"]] == list(STAGES[: STAGES.index(stage)])


def test_a_document_that_follows_them_passes_its_gate(loop):
    """The sections, each with words, and nothing that a rule names, are enough for the intent."""
    sections = data(loop.repo, "intent")["sections"]
    loop.edit("intent.md", "".join(f"## {each['name']}\n\nWritten.\n\n" for each in sections))
    loop.does("stage", "complete", "intent")


def test_the_next_stage_is_meant_where_none_is_named(loop):
    assert data(loop.repo)["stage"] == "intent"
    loop.finish("intent")
    assert data(loop.repo)["stage"] == "context"


def test_what_comes_before_is_told_in_short_with_where_it_stands(loop):
    loop.finish("intent")
    loop.edit(
        "intent.md", "# Intent\n\n## Goal\n\n" + "word " * 400 + "\n\n## Scope\n\n> help\n\nAll of it.\n"
    )
    (intent,) = data(loop.repo, "context")["upstream"]
    assert (intent["status"], intent["condition"]) == ("complete", "changed")
    goal, scope = intent["digest"]
    assert (goal["section"], len(goal["text"])) == ("Goal", 280)
    assert scope == {"section": "Scope", "text": "All of it."}


def test_a_rule_and_a_template_of_the_project_count(loop):
    loop.write(
        ".idse/constitution.yaml",
        "rules:\n  - {id: ACME001, name: no-weasel-words, applies_to: [intent], check: no_text,\n"
        "     with: {texts: [leverage]}, message: m, hint: Say what it does}\n",
    )
    loop.write(".idse/templates/intent.md", "# Intent\n\n## Goal\n\n> Our own question?\n")
    found = data(loop.repo, "intent")
    assert {"id": "ACME001", "name": "no-weasel-words", "words": "Say what it does"} in found["rules"]
    assert {"name": "Goal", "help": "Our own question?"} in found["sections"]


def test_text_that_nobody_sees_is_shown_by_its_names(loop):
    loop.edit("intent.md", "## Goal\n\nhid\u202eden \U000e0041 text\n")
    shown = loop.does("instructions", "context").stdout
    assert "\u202e" not in shown
    assert "U+202E" in shown
    assert "U+E0041" in shown


def test_a_stage_says_how_it_begins_and_a_name_that_is_none_is_refused(loop):
    assert data(loop.repo, "spec")["commands"][0] == "idse stage start spec"
    loop.finish("intent")
    assert data(loop.repo, "intent")["commands"][0] == 'idse stage reopen intent -m "why"'
    refused = loop.repo.idse("instructions", "spek")
    assert refused.returncode == 2
    assert "there is no stage 'spek'" in refused.stderr
