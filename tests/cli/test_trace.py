"""``idse trace``: a table for people, JSON for programs, a Mermaid chart."""

from __future__ import annotations

import json
import re

import pytest

from greeting import CODE, DOCUMENTS

BUILT = "implementation/README.md"
TASKS = "tasks.md"
FOLDER = ".idse/projects/portal/sessions/__blueprint__"


@pytest.fixture
def project(repo, once):
    """A small piece of work, its code in one commit; nothing of it is complete."""

    def make():
        repo.idse("init", "portal")
        for path, text in {**{f"{FOLDER}/{path}": text for path, text in DOCUMENTS.items()}, **CODE}.items():
            repo.write(path, text)
        repo.git("add", "-A")
        repo.git("commit", "-q", "-m", "work")

    once(repo, make)
    return repo


def traced(repo, *args):
    done = repo.idse("trace", *args, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["data"]


def missing(repo):
    return {f"{each['about']}: {each['problem']} ({each['where']})" for each in traced(repo)["missing"]}


def test_a_requirement_leads_both_ways(project):
    [first, *_] = traced(project)["rows"]
    head = project.git("rev-parse", "HEAD").strip()
    assert first["requirement"]["id"] == "FR-1"
    assert first["goals"] == ["SC-1"]
    assert [(task["id"], task["commits"]) for task in first["tasks"]] == [("1.1", [head])]
    assert [(each["id"], each["report"]) for each in first["checks"]] == [
        ("AC-1", "AC-1 | tests/test_greet.py::test_name | passed")
    ]


def test_what_no_requirement_leads_to_stands_last(project):
    last = traced(project)["rows"][-1]
    assert (last["requirement"], [task["id"] for task in last["tasks"]]) == (None, ["0.1", "2.1"])


def test_says_what_is_missing(project):
    assert missing(project) == {
        "FR-2: it names no success criterion (spec.md:14)",
        "NFR-1: it names no success criterion (spec.md:18)",
        "NFR-1: no acceptance criterion names it (spec.md:18)",
        "NFR-1: no task names it or a criterion of it (spec.md:18)",
        "task 0.1: it names no requirement or criterion (tasks.md:5)",
        "task 2.1: it names no requirement or criterion (tasks.md:13)",
    }


@pytest.mark.parametrize(
    ("path", "old", "new", "told"),
    [
        ("spec.md", " (SC-1).", ".", "SC-1: no requirement names it (intent.md:17)"),
        ("spec.md", "printed (FR-2)", "printed", "AC-2: it names no requirement (spec.md:23)"),
        (BUILT, "| AC-2 |", "| AC-7 |", "AC-2: nothing says how it was checked (spec.md:23)"),
        (TASKS, "src/greet.py", "src/no.py", "task 1.1: no commit shows that it was done (tasks.md:9)"),
    ],
)  # fmt: skip
def test_names_each_link_that_is_not_there(project, path, old, new, told):
    assert told not in missing(project)
    project.write(f"{FOLDER}/{path}", DOCUMENTS[path].replace(old, new))
    assert told in missing(project)


def test_items_without_ids_are_known_by_their_place(project):
    text = re.sub(r"(?:FR|NFR)-\d: ", "", DOCUMENTS["spec.md"])
    project.write(f"{FOLDER}/spec.md", text)
    assert [row["requirement"]["id"] for row in traced(project)["rows"] if row["requirement"]] == [
        "R#1",
        "R#2",
        "R#3",
    ]


def test_a_person_sees_a_table(project):
    done = project.idse("trace")
    head = project.git("rev-parse", "--short=7", "HEAD").strip()
    assert done.stdout.splitlines()[:2] == [
        "goal  requirement                                  tasks     commits  checked",
        f'SC-1  FR-1: it must print "Hello, NAME" (SC-1).    1.1       {head}  AC-1',
    ]


def test_where_code_cannot_be_seen_that_is_said(project, tmp_path):
    clone = tmp_path / "clone"
    project.run("git", "clone", "-q", "--depth=1", f"file://{project.path}", str(clone))
    project.run("git", "fetch", "-q", "--depth=100", "origin", "refs/idse/*:refs/idse/*", cwd=clone)
    done = project.idse("trace", "portal/__blueprint__", cwd=clone)
    assert "commits cannot be seen here: this clone is shallow" in done.stderr
    assert "?" in done.stdout
    assert "no commit shows" not in done.stdout


@pytest.mark.parametrize("text", ["# Tasks\n\nnone yet\n", ""])
def test_a_session_without_tasks_has_a_trace(project, text):
    project.write(f"{FOLDER}/tasks.md", text)
    assert traced(project)["rows"][0]["tasks"] == []


def test_a_session_of_that_name_has_to_be_there(project):
    done = project.idse("trace", "nobody")
    assert done.returncode == 2
    assert "there is no session 'nobody'" in done.stderr


class TestMermaid:
    def test_draws_every_link_once(self, project):
        lines = project.idse("trace", "--mermaid").stdout.splitlines()
        assert lines[0] == "flowchart LR"
        assert len(lines) == len(set(lines))
        head = project.git("rev-parse", "HEAD").strip()
        assert f"  t1_1 --> c{head[:12]}" in lines
        assert "  g0 --> r0" in lines

    def test_no_text_of_a_document_is_markup(self, project):
        evil = 'FR-1: "]; click g0 "javascript:x" <img src=x> %%{init} `a` ﻿\u202e (SC-1)'
        project.write(f"{FOLDER}/spec.md", re.sub(r"FR-1: .*", lambda _: evil, DOCUMENTS["spec.md"], count=1))
        lines = project.idse("trace", "--mermaid").stdout.splitlines()
        labels = [re.fullmatch(r'.*?\["(.*)"\]', line) for line in lines]
        for label in filter(None, labels):
            assert not set(label[1]) & set('"<>[]{}%`')
        assert "\u202e" not in "".join(lines)


def test_documents_that_did_not_change_are_not_parsed_again(project):
    def run():
        return project.idse("trace", env={"PYTHONPROFILEIMPORTTIME": "1"})

    first, second = run(), run()
    assert first.stdout == second.stdout
    assert "markdown_it" in first.stderr
    assert "markdown_it" not in second.stderr
    project.write(f"{FOLDER}/spec.md", DOCUMENTS["spec.md"].replace("FR-2", "FR-3"))
    third = run()
    assert "FR-3" in third.stdout
    assert "markdown_it" in third.stderr
