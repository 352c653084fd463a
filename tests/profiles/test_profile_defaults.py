"""The rules on Agent Profiles in validate, hooks and gates: what a profile inherits is not missing."""

from __future__ import annotations

import json

import pytest

SESSIONS = ".idse/projects/portal/sessions"


@pytest.fixture
def project(repo, once):
    """Project portal with session login, whose spec is in progress; nothing is committed."""

    def make():
        for command in (("init", "portal"), ("spawn", "login", "--title", "Login")):
            assert repo.idse(*command).returncode == 0

    once(repo, make)
    return repo


def add(repo, session, *lines):
    path = f"{SESSIONS}/{session}/spec.md"
    text = repo.read(path).decode().partition("\n\n## Agent Profile")[0]
    block = "\n".join(["", "", "## Agent Profile", "", "```yaml", *lines, "```", ""])
    repo.write(path, text + block)
    return (text + block).split("\n")


def found(repo, *args):
    done = repo.idse("validate", *args, "--format", "json")
    findings = json.loads(done.stdout)["data"]["findings"]
    return [
        (each["rule"], each["session"], each["line"], each["message"])
        for each in findings
        if each["rule"] in ("IDSE501", "IDSE504")
    ]


@pytest.fixture
def judged(project):
    """``judged(*args)``: findings about profiles, with the severities of a spec that is in progress."""
    rules = "raise:\n  IDSE501: {pending: warning}\n  IDSE504: {pending: warning}\n"
    project.write(".idse/constitution.yaml", rules)
    return lambda *args: found(project, *args)


def test_a_profile_without_a_name_is_found_at_its_heading(project, judged):
    lines = add(project, "login", "id: a")
    at = lines.index("## Agent Profile") + 1
    says = "the Agent Profile has no name, and the blueprint's gives none"
    assert judged("login") == [("IDSE504", "login", at, says)]


@pytest.mark.parametrize(
    "args", [("login",), ("--all",), ("--project", "portal"), ("--staged",), ("--commit", "HEAD")]
)
def test_a_name_that_the_blueprint_gives_is_not_missing_wherever_documents_are_judged(project, judged, args):
    add(project, "login", "id: a")
    add(project, "__blueprint__", "name: A")
    if args == ("--staged",):
        project.commit("the blueprint, before", f"{SESSIONS}/__blueprint__", ".idse/constitution.yaml")
        project.git("add", f"{SESSIONS}/login")
    else:
        project.commit("start")
    assert judged(*args) == []
    add(project, "__blueprint__", "tools: [git]")
    if args == ("--staged",):
        project.git("add", f"{SESSIONS}/__blueprint__")
    else:
        project.commit("the name goes")
    assert [each[:2] for each in judged(*args)] == [("IDSE504", "login")]


def test_a_blueprint_of_defaults_alone_is_complete(project, judged):
    add(project, "__blueprint__", "tools: [git]")
    assert judged("--all") == []


def test_a_broken_blueprint_is_the_only_finding(project, judged):
    add(project, "login", "id: a")
    add(project, "__blueprint__", "name: [")
    assert [each[:2] for each in judged("--all")] == [("IDSE501", "__blueprint__")]


def test_what_a_broken_blueprint_does_not_even_mean_to_give_is_missing(project, judged):
    add(project, "login", "id: a")
    add(project, "__blueprint__", "tools: 3")
    assert {each[:2] for each in judged("--all")} == {("IDSE501", "__blueprint__"), ("IDSE504", "login")}


def test_null_takes_even_the_name_that_the_blueprint_gives(project, judged):
    lines = add(project, "login", "id: a", "name: null")
    add(project, "__blueprint__", "name: A")
    ((rule, _, line, message),) = judged("login")
    assert (rule, line) == ("IDSE501", lines.index("name: null") + 1)
    assert message.endswith("name has no value, and every profile needs one")


def test_each_problem_of_the_compiler_is_a_finding_at_its_line(project, judged):
    lines = add(project, "login", "id: a", "name: A", "inputs:", "- Plan: x.md", "gaols: [x]")
    assert [(rule, line) for rule, _, line, _ in judged("login")] == [
        ("IDSE501", lines.index("- Plan: x.md") + 1),
        ("IDSE501", lines.index("gaols: [x]") + 1),
    ]
    done = project.idse("validate", "login")
    assert 'quote it:  - "Plan: x.md"' in done.stdout
    assert "did you mean goals?" in done.stdout


def test_a_ledger_alone_cannot_tell_what_is_inherited_and_says_nothing(project, judged):
    add(project, "login", "id: a")
    assert project.idse("save").returncode == 0
    assert judged("--ledger", "login") == []


def test_a_gate_lets_an_inherited_name_through_and_not_a_missing_one(loop):
    loop.finish("intent", "context")
    loop.does("stage", "start", "spec")
    loop.write_well("spec")
    block = "\n## Agent Profile\n\n```yaml\nid: a\ngaols: [x]\n```\n"
    text = loop.text("spec.md")
    if "Agent Profile" in text:
        text = text.split("## Agent Profile")[0]
    loop.edit("spec.md", text + block)
    done = loop.repo.idse("stage", "complete", "spec")
    assert done.returncode == 1
    assert "IDSE501" in done.stdout + done.stderr
    loop.edit("spec.md", text + block.replace("gaols: [x]\n", ""))
    loop.does("stage", "complete", "spec")  # a blueprint's own profile may be defaults alone


def test_a_commit_of_a_complete_spec_with_a_broken_profile_is_stopped(loop):
    loop.finish("intent", "context", "spec")
    loop.repo.commit("complete")
    loop.edit("spec.md", loop.text("spec.md") + "\n## Agent Profile\n\n```yaml\nid: [\n```\n")
    loop.repo.git("add", ".idse")
    done = loop.repo.run("git", "commit", "-m", "a broken profile")
    assert done.returncode != 0
    assert "IDSE501" in done.stderr
