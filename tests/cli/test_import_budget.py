"""What the commands that run all day may not import: start-up is a feature."""

from __future__ import annotations

import json

import pytest

SPEC = ".idse/projects/demo/sessions/__blueprint__/spec.md"
LEDGER = "refs/idse/sessions/demo/__blueprint__"

READING = {"click", "pygit2", "pydantic", "jinja2", "yaml", "rich", "markdown_it", "dataclasses", "_hashlib"}
RECORDING = {"click", "pydantic", "jinja2", "yaml", "rich", "markdown_it"}
COMPILING = {"click", "pygit2", "pydantic", "jinja2", "rich"}
JUDGING = {"click", "pygit2", "pydantic", "jinja2", "rich"}


@pytest.fixture
def project(repo, once):
    """A repository that `idse init demo` made, committed."""

    def make():
        done = repo.idse("init", "demo")
        assert done.returncode == 0, done.stderr
        repo.commit("start")

    once(repo, make)
    return repo


def modules_of(repo, *args):
    """Names of all modules that one run of the real command imported; the run has to succeed."""
    done = repo.idse(*args, env={"PYTHONPROFILEIMPORTTIME": "1"})
    assert done.returncode == 0, done.stderr
    rows = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    names = {row.rsplit("|", 1)[1].strip() for row in rows}
    assert "idse_orchestrator" in names, "the list of imports was not seen"
    return names


def imported_by(repo, *args):
    """Top-level names of the same."""
    return {name.partition(".")[0] for name in modules_of(repo, *args)}


@pytest.mark.parametrize(
    "args", [("status",), ("status", "--json"), ("next",), ("next", "--json")], ids=" ".join
)
def test_looking_where_a_session_stands_imports_nothing_heavy(project, args):
    assert not imported_by(project, *args) & READING


@pytest.mark.parametrize(
    "args", [("agents", "route", "spec"), ("agents", "route", "spec", "--json"), ("next",)], ids=" ".join
)
def test_asking_who_should_act_imports_nothing_heavy(project, args):
    assert project.idse("agents", "add", "claude", "--stage", "spec").returncode == 0
    assert not imported_by(project, *args) & READING


def test_recording_a_commit_pays_for_libgit2_at_most(project):
    spec = project.read(SPEC)
    project.git("config", "core.hooksPath", "/dev/null")
    project.write(SPEC, spec + b"\nOne more line.\n")
    project.git("add", SPEC)
    assert project.idse("hook", "pre-commit").returncode == 0  # judges, and keeps what it found
    project.commit("edit the spec")
    before = project.git("rev-parse", LEDGER)
    imported = imported_by(project, "hook", "post-commit")
    assert project.git("rev-parse", LEDGER) != before, "the hook had nothing to record"
    assert not imported & RECORDING


def test_judging_the_index_pays_for_no_more_than_the_judging(project):
    project.write(SPEC, project.read(SPEC) + b"\nOne more line.\n")
    project.git("add", SPEC)
    assert not imported_by(project, "hook", "pre-commit") & JUDGING


def test_compiling_a_profile_pays_for_markdown_and_yaml_alone(project):
    block = b"\n## Agent Profile\n\n```yaml\nid: a\nname: A\n```\n"
    project.write(SPEC, project.read(SPEC) + block)
    imported = imported_by(project, "compile", "agent-spec", "--session", "__blueprint__")
    assert {"yaml", "markdown_it"} <= imported, "there was nothing to compile"
    assert not imported & COMPILING


def imported_by_agents_hook(project, name, path=""):
    call = json.dumps({"cwd": str(project.path), "tool_name": "Edit", "tool_input": {"file_path": path}})
    done = project.idse("hook", name, "claude", stdin=call, env={"PYTHONPROFILEIMPORTTIME": "1"})
    assert isinstance(json.loads(done.stdout), dict)
    rows = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    return {row.rsplit("|", 1)[1].strip().partition(".")[0] for row in rows}


@pytest.mark.parametrize("path", ["src/app.py", SPEC, ".idse/projects/demo/CURRENT_SESSION", "/elsewhere"])
def test_judging_an_edit_imports_nothing_heavy(project, path):
    imported = imported_by_agents_hook(project, "agent-before-edit", path)
    assert "idse_orchestrator" in imported
    assert not imported & READING


@pytest.mark.parametrize("name", ["agent-session-start", "agent-stop"])
def test_an_agents_start_and_stop_pay_for_no_more_than_the_judging(project, name):
    imported = imported_by_agents_hook(project, name)
    assert "idse_orchestrator" in imported
    assert not imported & JUDGING


def test_the_list_of_imports_would_show_a_heavy_one(project):
    """`--help` needs click: the budget is measured with something that can be over it."""
    assert "click" in imported_by(project, "validate", "--help")


def test_a_hook_that_knows_every_verdict_loads_no_check(project):
    project.write(SPEC, project.read(SPEC) + b"\nOne more line.\n")
    project.git("add", SPEC)
    assert project.idse("hook", "pre-commit").returncode == 0
    imported = modules_of(project, "hook", "pre-commit")
    assert not {name for name in imported if name.startswith("idse_orchestrator.constitution.checks.")}
    assert not imported & {"dataclasses", "idse_orchestrator.documents.markdown"}


@pytest.mark.parametrize("args", [("agents", "list"), ("handoff", "list"), ("rule", "list")], ids=" ".join)
def test_lists_pay_for_no_schema(project, args):
    assert not imported_by(project, *args) & {"pydantic", "jinja2", "yaml", "markdown_it", "pygit2"}


def test_a_push_of_nothing_loads_no_kind_of_ledger_and_no_guard(project, bare_remote):
    assert project.idse("sync", "setup", str(bare_remote.path)).returncode == 0
    assert project.idse("sync", "push").returncode == 0
    imported = modules_of(project, "sync", "push")
    assert not imported & {
        "dataclasses",
        "idse_orchestrator.ledger.kinds",
        "idse_orchestrator.sync.guard",
    }


SERVING = {"asyncio", "uvicorn", "httptools", "prometheus_client", "starlette", "mcp"}


@pytest.mark.parametrize(
    "args",
    [("status",), ("validate",), ("save",), ("log",), ("doctor",), ("hook", "post-commit"), ("--help",)],
    ids=" ".join,
)
def test_what_is_no_server_loads_nothing_of_one(project, args):
    names = modules_of(project, *args)
    assert not {name for name in names if name.startswith("idse_orchestrator.server")}
    assert not {name.partition(".")[0] for name in names} & {*SERVING, "sqlite3"}


def test_only_serving_loads_a_web_server(project, tmp_path):
    home = ("--home", str(tmp_path / "agency"))
    assert project.idse("agency", "init", *home).returncode == 0
    for command in (("client", "list"), ("key", "list"), ("doctor",), ("rules", "show")):
        assert not imported_by(project, "agency", *command, *home) & SERVING, command


@pytest.mark.parametrize("args", [("status",), ("next",), ("hook", "pre-commit")], ids=" ".join)
def test_what_runs_all_day_knows_no_runner(project, args):
    loaded = modules_of(project, *args)
    assert not {name for name in loaded if name.startswith("idse_orchestrator.runner") or name == "sqlite3"}
