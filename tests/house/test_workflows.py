"""What CI is told to do: safe, minimal, and the same as what the README says."""

from __future__ import annotations

import base64
import http.server
import pathlib
import re
import shlex
import subprocess
import sys
import threading

import pytest
import yaml

ROOT = pathlib.Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
ACTION = ROOT / ".github" / "actions" / "validate" / "action.yml"


def load(path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def steps_of(path):
    """Every step of a workflow or of the action."""
    document = load(path)
    jobs = document["jobs"].values() if "jobs" in document else [document["runs"]]
    return [step for job in jobs for step in job["steps"]]


def action_step(name):
    return next(step for step in load(ACTION)["runs"]["steps"] if step["name"] == name)


@pytest.mark.parametrize("path", [*WORKFLOWS, ACTION], ids=lambda path: path.name)
def test_no_expression_is_pasted_into_a_script(path):
    assert not [step["run"] for step in steps_of(path) if "${{" in step.get("run", "")]


@pytest.mark.parametrize("path", [*WORKFLOWS, ACTION], ids=lambda path: path.name)
def test_every_script_is_valid_bash(path):
    for step in steps_of(path):
        done = subprocess.run(
            ["bash", "-n"], input=step.get("run", ""), text=True, capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_may_only_read_unless_a_job_asks_for_more(path):
    assert load(path)["permissions"] == {"contents": "read"}


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_every_job_has_a_time_limit(path):
    assert all("timeout-minutes" in job for job in load(path)["jobs"].values())


@pytest.mark.parametrize("path", [*WORKFLOWS, ACTION], ids=lambda path: path.name)
def test_every_used_action_is_pinned_by_commit_and_names_its_version(path):
    used = re.findall(r"uses: (?!\./)(.*)", path.read_text(encoding="utf-8"))
    assert len(used) == sum("uses" in step and not step["uses"].startswith("./") for step in steps_of(path))
    assert [name for name in used if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", name)] == []


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_no_checkout_keeps_its_credentials(path):
    checkouts = [step for step in steps_of(path) if step.get("uses", "").startswith("actions/checkout@")]
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


SNIPPETS = [
    snippet.replace("@COMMIT", "@" + "0" * 40)
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
    for snippet in re.findall(r"```yaml\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    if re.search("^jobs:", snippet, re.MULTILINE)
]
SCHEMA = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows"]
JUDGES = {
    "schema": [*SCHEMA, "--default-filetype", "yaml", "-"],
    "zizmor": [str(pathlib.Path(sys.executable).with_name("zizmor")), "--offline", "--quiet", "-"],
}


def judge(name, snippet):
    done = subprocess.run(JUDGES[name], input=snippet, text=True, capture_output=True, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("name", JUDGES)
def test_the_workflows_that_the_documentation_shows_are_held_to_the_same(name):
    assert SNIPPETS
    assert [words for code, words in (judge(name, snippet) for snippet in SNIPPETS) if code] == []


@pytest.mark.parametrize(
    ("name", "good", "bad", "finding"),
    [
        ("schema", "runs-on:", "run-on:", "Schema validation errors"),
        ("zizmor", "          persist-credentials: false\n", "", "artipacked"),
        ("zizmor", "@" + "0" * 40, "@v1", "unpinned-uses"),
    ],
)
def test_what_is_wrong_in_a_workflow_is_found(name, good, bad, finding):
    assert good in SNIPPETS[0]
    code, words = judge(name, SNIPPETS[0].replace(good, bad))
    assert code
    assert finding in words


def test_tests_run_on_every_supported_python_on_linux_and_macos():
    matrix = load(ROOT / ".github/workflows/test.yml")["jobs"]["test"]["strategy"]["matrix"]
    assert matrix["python"] == ["3.11", "3.12", "3.13", "3.14"]
    assert matrix["os"] == ["ubuntu-latest", "macos-latest"]


def test_the_project_validates_its_own_pull_requests_with_its_own_action():
    workflow = load(ROOT / ".github/workflows/idse.yml")
    # YAML 1.1 reads the key `on` as a boolean.
    assert "pull_request" in workflow[True]
    assert workflow["jobs"]["validate"]["permissions"]["security-events"] == "write"
    assert [s["uses"] for s in workflow["jobs"]["validate"]["steps"]][-1] == "./.github/actions/validate"


def test_findings_are_uploaded_even_when_validation_failed():
    upload = action_step("Upload the findings")
    assert upload["uses"].startswith("github/codeql-action/upload-sarif@")
    assert "always()" in upload["if"]


def run_action_step(name, repo, tmp_path, env, idse):
    """Run one script of the action as the runner does, with `idse` in place of the installed command."""
    command = tmp_path / "temp" / "idse" / "bin" / "idse"
    command.parent.mkdir(parents=True, exist_ok=True)
    command.write_text(f"#!/bin/sh\n{idse}\n")
    command.chmod(0o755)
    output = tmp_path / "output"
    output.touch()
    runner = {"RUNNER_TEMP": str(tmp_path / "temp"), "GITHUB_OUTPUT": str(output)}
    script = action_step(name)["run"]
    done = repo.run("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script, env={**runner, **env})
    return done, dict(line.split("=", 1) for line in output.read_text().splitlines())


RANGE = {"BASE": "a" * 40, "HEAD": "b" * 40, "STRICT": "false"}


def test_a_failed_validation_still_leaves_a_report_and_its_exit_code(repo, tmp_path):
    done, output = run_action_step("Validate", repo, tmp_path, RANGE, 'echo "$@"; exit 1')
    assert done.returncode == 0
    assert output["exit-code"] == "1"
    arguments = shlex.split(pathlib.Path(output["sarif"]).read_text())
    assert arguments == ["validate", "--from-ref", "a" * 40, "--to-ref", "b" * 40, "--format", "sarif"]


def test_a_validation_that_could_not_judge_uploads_nothing(repo, tmp_path):
    _, output = run_action_step("Validate", repo, tmp_path, RANGE, "echo broken; exit 70")
    assert output == {"exit-code": "70"}


def test_a_new_branch_without_a_base_is_judged_by_its_tip(repo, tmp_path):
    env = {**RANGE, "BASE": "0" * 40, "STRICT": "true"}
    _, output = run_action_step("Validate", repo, tmp_path, env, 'echo "$@"')
    words = shlex.split(pathlib.Path(output["sarif"]).read_text())
    assert words == ["validate", "--commit", "b" * 40, "--strict", "--format", "sarif"]


def test_the_verdict_is_the_exit_code_of_the_validation(repo, tmp_path):
    done, _ = run_action_step("Verdict", repo, tmp_path, {"CODE": "1"}, "true")
    assert done.returncode == 1


def test_history_and_ledgers_come_from_origin_into_a_shallow_checkout(repo, bare_remote, tmp_path):
    base = repo.commit("base", allow_empty=True)
    head = repo.commit("head", allow_empty=True)
    ledger = repo.git("commit-tree", "-m", "ledger", repo.git("write-tree"))
    url = f"file://{bare_remote.path}"
    repo.git("push", "--quiet", url, "main", f"{ledger}:refs/idse/sessions/p/s")
    repo.git("clone", "--quiet", "--depth=1", url, str(tmp_path / "shallow"))
    shallow = type(repo)(tmp_path / "shallow")
    env = {"BASE": base, "HEAD": head, "LEDGER": "true"}
    done, _ = run_action_step("Fetch history and ledgers", shallow, tmp_path, env, "true")
    assert done.returncode == 0, done.stderr
    assert shallow.git("rev-parse", "HEAD~1") == base
    assert shallow.git("rev-parse", "refs/idse/sessions/p/s") == ledger


def test_an_origin_without_ledgers_is_no_error(repo, bare_remote, tmp_path):
    repo.commit("one", allow_empty=True)
    repo.git("push", "--quiet", str(bare_remote.path), "main")
    repo.git("remote", "add", "origin", str(bare_remote.path))
    env = {"BASE": "0" * 40, "HEAD": "", "LEDGER": "true"}
    done, _ = run_action_step("Fetch history and ledgers", repo, tmp_path, env, "true")
    assert done.returncode == 0, done.stderr


def test_the_token_is_shown_once_to_the_server_even_when_the_checkout_kept_another(repo, tmp_path):
    seen = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            seen.append(self.headers.get_all("Authorization"))
            self.send_error(404)

        def log_message(self, *_args):
            """Say nothing."""

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        repo.git("config", f"http.{url}/.extraheader", "AUTHORIZATION: basic kept")
        repo.git("remote", "add", "origin", f"{url}/portal.git")
        env = {"BASE": "", "HEAD": "", "LEDGER": "true", "TOKEN": "secret", "GITHUB_SERVER_URL": url}
        run_action_step("Fetch history and ledgers", repo, tmp_path, env, "true")
        server.shutdown()
    assert seen
    expected = "Basic " + base64.b64encode(b"x-access-token:secret").decode()
    assert seen == [[expected]] * len(seen)


def test_the_pre_commit_hooks_call_commands_that_judge_the_index_and_record_the_commit():
    hooks = {hook["id"]: hook for hook in load(ROOT / ".pre-commit-hooks.yaml")}
    validate, record = hooks["idse-validate"], hooks["idse-record"]
    assert validate["entry"] == "idse validate --staged"
    assert {"pre-commit", "pre-merge-commit"} <= set(validate["stages"])
    assert re.search(validate["files"], ".idse/projects/p/sessions/s/spec.md")
    assert not re.search(validate["files"], "docs/.idse/spec.md")
    assert record["entry"] == "idse hook post-commit"
    assert record["stages"] == ["post-commit"]
    assert not any(hook["pass_filenames"] for hook in hooks.values())


def test_our_own_pre_commit_hooks_download_nothing():
    (local,) = load(ROOT / ".pre-commit-config.yaml")["repos"]
    assert local["repo"] == "local"
    assert {hook["language"] for hook in local["hooks"]} == {"system"}
    entries = [hook["entry"].removeprefix(".venv/bin/") for hook in local["hooks"]]
    assert [entry.split(" --")[0] for entry in entries] == ["ruff check", "ruff format", "idse validate"]


def test_ci_runs_the_very_test_command_of_the_readme():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    commands = re.findall(r"^\$ (python3 -m venv .*-m pytest)$", readme, re.MULTILINE)
    assert len(commands) == 1
    assert commands[0] in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_ci_can_be_started_as_a_program():
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111
    assert subprocess.run(["bash", "-n", ROOT / ".ci" / "run"], check=False).returncode == 0
