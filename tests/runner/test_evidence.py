"""What counts as evidence, fact by fact."""

from __future__ import annotations

import pytest

from idse_orchestrator.runner.model.evidence import (
    CHANGED,
    CHECK,
    FACTS,
    FINAL,
    MARKERS,
    MISSING,
    MODES,
    NOT_ASKED,
    OK,
    OUTPUT,
    SECRETS,
    TOUCHED,
    VALID,
    WITHIN,
    Asked,
    Left,
    is_refused_place,
    judge,
    wants_a_look,
)

GOOD = Left(said=True, changed=("src/a.py",))


def test_a_result_that_is_whole():
    found = judge(Asked(("src/a.py",)), GOOD)
    assert found.is_whole
    assert {name for name in FACTS if found.facts[name] == OK} == {
        FINAL,
        CHANGED,
        TOUCHED,
        WITHIN,
        MODES,
        MARKERS,
        SECRETS,
    }
    assert {name for name in FACTS if found.facts[name] == NOT_ASKED} == {VALID, OUTPUT, CHECK}


@pytest.mark.parametrize(
    ("asked", "left", "fact", "why"),
    [
        (Asked(), GOOD._replace(said=False, said_why="a tool was denied"), FINAL, "a tool was denied"),
        (Asked(), GOOD._replace(changed=()), CHANGED, "no file changed"),
        (Asked(("src/b.py",)), GOOD._replace(changed=("tests/test_b.py",)), TOUCHED, "no change in src/b.py"),
        (Asked(("src/b/",)), GOOD._replace(changed=("src/b/x", "src/c")), WITHIN, "not declared: src/c"),
        (Asked(), GOOD._replace(refused=("x: a repository",)), MODES, "x: a repository"),
        (Asked(), GOOD._replace(marked=("src/a.py",)), MARKERS, "conflict markers in src/a.py"),
        (Asked(), GOOD._replace(secret=("src/a.py",)), SECRETS, "it looks like a secret in src/a.py"),
        (Asked(output="report.md"), GOOD, OUTPUT, "no output report.md"),
        (Asked(check=True), GOOD, CHECK, "the check did not run"),
        (Asked(check=True), GOOD._replace(check=4), CHECK, "the check ended with 4"),
    ],
)  # fmt: skip
def test_each_fact_can_be_missing(asked, left, fact, why):
    found = judge(asked, left)
    assert found.facts[fact] == MISSING
    assert found.why == {fact: why}


def test_an_agent_that_says_done_and_changed_nothing_is_believed_nothing():
    assert not judge(Asked(), Left(said=True)).is_whole


def test_a_check_alone_may_decide_and_an_output_needs_no_change():
    assert judge(Asked(check=True, check_alone=True), Left(said=True, check=0)).is_whole
    assert judge(Asked(output="report.md"), Left(said=True, outputs=("report.md",))).is_whole


def test_tests_and_documentation_may_stand_beside_what_is_declared():
    beside = ("src/a.py", "tests/test_a.py", "docs/a.md", "pkg/a_test.go", "web/a.spec.ts", "CHANGELOG.md")
    assert judge(Asked(("src/a.py",)), Left(said=True, changed=beside)).is_whole


@pytest.mark.parametrize("path", [".idse/projects/x", ".IDSE/x", "a/.git/config", ".git"])
def test_places_that_no_task_changes(path):
    assert is_refused_place(path)


def test_what_runs_by_itself_is_looked_at():
    changed = (".claude/settings.json", ".github/workflows/ci.yml", "src/a.py", ".mcp.json")
    assert wants_a_look(changed) == (".claude/settings.json", ".github/workflows/ci.yml", ".mcp.json")
