"""A waiver covers the places that its rule found, and no other."""

from __future__ import annotations

import json

import pytest

from greeting import CODE, DOCUMENTS
from here import discover, ledger_writer
from idse_orchestrator.ledger.events import Draft

FOLDER = ".idse/projects/portal/sessions/__blueprint__"
REF = "refs/idse/sessions/portal/__blueprint__"
OPEN = "[REQUIRES INPUT]"


@pytest.fixture
def project(repo, once):
    """The intent has two open places, and they are waived."""

    def make():
        repo.idse("init", "portal")
        write(repo, "intent.md", f"{DOCUMENTS['intent.md']}\n{OPEN}\n\nAnd when? {OPEN}\n")
        assert repo.idse("rule", "waive", "IDSE301", "-m", "spring").returncode == 0

    once(repo, make)
    return repo


def write(repo, path, text):
    repo.write(f"{FOLDER}/{path}", text)


def text(repo, path):
    return (repo.path / FOLDER / path).read_text()


def kinds(repo, rule):
    """How each finding of a rule is reported."""
    findings = json.loads(repo.idse("validate", "--json").stdout)["data"]["findings"]
    return ["waived" if each["waiver"] else each["severity"] for each in findings if each["rule"] == rule]


def test_the_places_that_were_there_are_covered(project):
    assert kinds(project, "IDSE301") == ["waived"]
    assert project.idse("stage", "complete", "intent").returncode == 0


@pytest.mark.parametrize(
    "change",
    [
        lambda before: "# Another heading\n\n" + before,
        lambda before: before.replace("And when? ", "And   when?  "),
        lambda before: before.replace("\n", "\r\n"),
        lambda before: before.replace(f"\n{OPEN}\n", "\nAnswered.\n", 1),
    ],
    ids=["moved", "spaced", "line ends", "one answered"],
)
def test_they_stay_covered(project, change):
    write(project, "intent.md", change(text(project, "intent.md")))
    assert kinds(project, "IDSE301") == ["waived"]


@pytest.mark.parametrize(
    "change",
    [
        lambda before: f"{before}\n{OPEN}\n",
        lambda before: f"{before}\nWho? {OPEN}\n",
        lambda before: before.replace("And when?", "And who?"),
    ],
    ids=["the same again", "another", "another text"],
)
def test_a_new_one_is_not(project, change):
    write(project, "intent.md", change(text(project, "intent.md")))
    assert kinds(project, "IDSE301") == ["warning"]
    assert project.idse("stage", "complete", "intent").returncode == 1
    assert project.idse("rule", "waive", "IDSE301", "-m", "spring").returncode == 0
    assert kinds(project, "IDSE301") == ["waived"]


def test_the_same_rule_in_another_document_is_not(project):
    project.idse("stage", "complete", "intent")
    assert kinds(project, "IDSE301") == ["warning", "waived"]


def test_what_only_the_gate_finds_can_be_waived(project):
    project.idse("stage", "complete", "intent")
    write(project, "context.md", DOCUMENTS["context.md"])
    write(project, "spec.md", DOCUMENTS["spec.md"].replace("None.", "- Who pays?"))
    project.idse("stage", "complete", "context")
    assert project.idse("stage", "complete", "spec").returncode == 1
    assert project.idse("rule", "waive", "IDSE503", "-m", "the board decides").returncode == 0
    assert project.idse("stage", "complete", "spec").returncode == 0


def test_missing_code_can_be_waived_and_the_next_gap_is_not(project):
    for path, words in DOCUMENTS.items():
        write(project, path, words)
    project.idse("stage", "complete", "intent", "context", "spec", "plan", "tasks")
    assert project.idse("stage", "complete", "implementation").returncode == 1
    assert project.idse("rule", "waive", "IDSE651", "-m", "it comes with the next release").returncode == 0
    project.write("src/greet.py", CODE["src/greet.py"])
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "half of it")
    done = project.idse("stage", "complete", "implementation")
    assert done.returncode == 1
    assert "error[IDSE656]" in done.stdout


def test_no_text_of_a_document_enters_the_ledger(project):
    token = "ghp_" + "a1B2c3D4e5F6" * 3
    write(project, "intent.md", f"{DOCUMENTS['intent.md']}\n{token}\n")
    project.idse("rule", "waive", "IDSE801", "-m", "it is revoked")
    assert token not in project.git("show", f"{REF}:event.json")


def test_the_ledger_needs_format_2_from_the_waiver_on(project):
    formats = [
        json.loads(project.git("show", f"{commit}:state.json"))["format"]
        for commit in project.git("rev-list", "--reverse", REF).split()
    ]
    assert formats == [1, 1, 2]


def test_a_waiver_of_before_covers_its_rule_and_is_told_as_rule_wide(repo):
    repo.idse("init", "portal")
    body = {"rule": "IDSE301", "reason": "long ago", "expires": None}
    writer = ledger_writer(discover(str(repo.path)))
    writer.append("portal", "__blueprint__", lambda _tip: Draft("approved", body))
    write(repo, "intent.md", f"{DOCUMENTS['intent.md']}\n{OPEN}\n")
    assert kinds(repo, "IDSE301") == ["waived"]
    told = repo.idse("validate").stdout
    assert "waived: long ago (without an end, by Test Author, rule-wide)" in told
    assert json.loads(repo.git("show", f"{REF}:state.json"))["format"] == 1
