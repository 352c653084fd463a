"""What coding agents call, through the real command: the gate, the briefing, the one validation."""

from __future__ import annotations

import fcntl
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import termios
import time

import pytest

from idse_orchestrator.agents.judge_edit import EditGate, judge_edits
from idse_orchestrator.agents.registry import Agent, agent_to_dict
from idse_orchestrator.ledger.events import ASSIGNED, Draft
from idse_orchestrator.wiring.application import Application

IDSE = str(pathlib.Path(sys.executable).parent / "idse")
FOLDER = ".idse/projects/portal/sessions/login"
HOOKS = ("agent-session-start", "agent-before-edit", "agent-stop")


def hook(repo, name, payload=None, *, agent="claude", cwd=None, env=None):
    """The answer of a hook, which always is one JSON object and exit code 0."""
    data = json.dumps({"session_id": "s1", "cwd": str(repo.path), **(payload or {})})
    done = repo.idse("hook", name, agent, stdin=data, cwd=cwd, env=env)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    answer = json.loads(done.stdout)
    assert isinstance(answer, dict)
    return answer


def before_edit(repo, path, *, env=None, cwd=None, **more):
    payload = {"tool_name": "Edit", "tool_input": {"file_path": str(path)}, **more}
    return hook(repo, "agent-before-edit", payload, env=env, cwd=cwd)


def denied(answer):
    """Why an edit was denied; "" where it was not."""
    told = answer.get("hookSpecificOutput", {})
    return told["permissionDecisionReason"] if told.get("permissionDecision") == "deny" else ""


def unread(pipe):
    """How many bytes of a pipe its reader has not taken yet."""
    return int.from_bytes(fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)), sys.byteorder)


def register(repo, *agents, project="portal"):
    changes = [{"action": "add", "agent": agent_to_dict(agent)} for agent in agents]
    app = Application(str(repo.path), os.environ)
    app.writer.append_to_project(project, lambda _tip: Draft(ASSIGNED, {"changes": changes}))


@pytest.fixture
def planner(begun):
    """`begun`, in which agent alice is in planning mode and bob is not; alice is the one configured."""
    register(begun, Agent("alice", mode="planning"), Agent("bob"))
    begun.git("config", "idse.agent", "alice")
    return begun


@pytest.fixture
def broken(begun):
    """`begun` with a document that breaks a promise: intent is complete and changed since."""
    app = Application(str(begun.path), os.environ)
    blob = begun.git("hash-object", f"{FOLDER}/intent.md")
    body = {
        "stage": "intent",
        "action": "complete",
        "from": "in_progress",
        "to": "complete",
        "artifact": blob,
    }
    app.writer.append("portal", "login", lambda _tip: Draft("stage", {**body, "upstream": {}, "reopens": {}}))
    begun.write(f"{FOLDER}/intent.md", "# Intent\n\n## Goal\n\nAnother one.\n")
    return begun


# --- the gate: documents ---


def test_a_document_of_the_stage_in_progress_is_edited_without_a_word(begun):
    assert before_edit(begun, begun.path / FOLDER / "intent.md") == {}


@pytest.mark.parametrize("stage", ["context", "spec", "plan", "tasks"])
def test_a_document_is_denied_where_its_stage_cannot_start_and_for_the_same_reason(begun, stage):
    start = begun.idse("stage", "start", stage, "--project", "portal")
    assert start.returncode == 1
    reason = start.stderr.splitlines()[0].partition(": ")[2]
    assert reason in denied(before_edit(begun, f"{FOLDER}/{stage}.md"))


def test_a_complete_document_is_denied_until_it_is_reopened(broken):
    assert "idse stage reopen intent" in denied(before_edit(broken, f"{FOLDER}/intent.md"))
    assert broken.idse("stage", "reopen", "intent", "-m", "why").returncode == 0
    assert before_edit(broken, f"{FOLDER}/intent.md") == {}


def test_a_document_of_another_session_is_judged_by_that_session(begun):
    assert begun.idse("stage", "start", "intent", "--project", "portal").returncode == 0
    blueprint = ".idse/projects/portal/sessions/__blueprint__"
    assert before_edit(begun, f"{blueprint}/intent.md") == {}
    assert "context" in denied(before_edit(begun, f"{blueprint}/context.md"))


def test_other_files_of_a_session_are_free(begun):
    assert before_edit(begun, f"{FOLDER}/notes.md") == {}


def test_a_folder_that_no_ledger_knows_is_free(begun):
    assert before_edit(begun, ".idse/projects/portal/sessions/stray/spec.md") == {}


@pytest.mark.parametrize("name", ["CURRENT_SESSION", "session_state.json", "agent_registry.json"])
@pytest.mark.parametrize("agent", ["", "alice", "bob", "nobody"])
def test_views_are_denied_to_every_agent_with_the_command_to_use_instead(planner, name, agent):
    reason = denied(before_edit(planner, f".idse/projects/portal/{name}", env={"IDSE_AGENT": agent}))
    assert "To go on: idse " in reason


@pytest.mark.parametrize("inner", ["refs/idse/sessions/portal/login", "idse/agent-told"])
def test_ledgers_in_the_git_directory_are_denied(begun, inner):
    assert denied(before_edit(begun, begun.path / ".git" / inner))


# --- the gate: modes ---


@pytest.mark.parametrize("path", ["src/app.py", "README.md", "deep/new/folder/x.py", ".git/hooks/pre-commit"])
def test_a_planning_agent_is_denied_everything_outside_of_idse(planner, path):
    reason = denied(before_edit(planner, path))
    assert "planning mode" in reason
    assert "idse agents" in reason
    assert not denied(before_edit(planner, path, env={"IDSE_AGENT": "bob"}))


def test_a_planning_agent_writes_its_documents(planner):
    assert before_edit(planner, f"{FOLDER}/intent.md") == {}


def test_a_planning_agent_gets_out_through_no_link(planner):
    planner.write("src/app.py", "code\n")
    os.symlink("../../../../../src/app.py", planner.path / FOLDER / "link.md")
    os.symlink("../src", planner.path / ".idse/src")
    assert denied(before_edit(planner, f"{FOLDER}/link.md"))
    assert denied(before_edit(planner, ".idse/src/new.py"))


def test_dots_lead_a_planning_agent_nowhere(planner):
    assert denied(before_edit(planner, f"{FOLDER}/../../../../../src/app.py"))


def test_a_link_into_idse_is_judged_by_what_it_leads_to(begun):
    os.symlink(f"{FOLDER}/spec.md", begun.path / "notes.md")
    assert "spec" in denied(before_edit(begun, "notes.md"))


def test_an_agent_is_known_by_its_program_where_none_is_configured(begun):
    register(begun, Agent("claude", mode="planning"))
    assert denied(before_edit(begun, "src/app.py"))
    payload = {"tool_name": "apply_patch", "tool_input": {"command": "*** Add File: src/app.py\n+x\n"}}
    assert not denied(hook(begun, "agent-before-edit", payload, agent="codex"))


@pytest.mark.parametrize("name", ["Alice", " alice ", "ALICE\n"])
def test_a_name_in_other_case_or_with_blanks_is_no_way_out_of_a_mode(planner, name):
    """No two agents of a registry differ only in case, so nobody else can be meant."""
    assert "'alice' is in planning mode" in denied(before_edit(planner, "src/a.py", env={"IDSE_AGENT": name}))


def test_a_patch_is_judged_by_every_file_in_it(planner):
    update, add = f"*** Update File: {FOLDER}/intent.md\n@@\n+x", "*** Add File: src/app.py\n+x"
    patch = f"*** Begin Patch\n{update}\n{add}\n*** End Patch"
    payload = {"tool_name": "apply_patch", "tool_input": {"command": patch}}
    assert "src/app.py" in denied(hook(planner, "agent-before-edit", payload, agent="codex"))


def test_who_acts_is_looked_up_once_for_all_files_of_an_edit(planner):
    app, asked = Application(str(planner.path), os.environ), []

    def session():
        asked.append("session")
        return "portal", "login"

    gate = EditGate(
        app.reader, app.workspace, lambda: "alice", "claude", session, lambda: "warn", str, lambda _: None
    )
    assert judge_edits(gate, [f"src/{number}.py" for number in range(50)]).answer == "deny"
    assert asked == ["session"]


# --- the gate: code ---


def test_code_before_implementation_is_a_warning_told_once_in_a_conversation(begun):
    answer = before_edit(begun, "src/app.py")
    assert not denied(answer)
    assert "idse stage start implementation" in answer["hookSpecificOutput"]["additionalContext"]
    assert before_edit(begun, "src/other.py") == {}
    assert before_edit(begun, "src/app.py", session_id="s2") == answer


@pytest.mark.parametrize("value", ["deny", "ask", "allow"])
def test_the_setting_says_what_code_before_implementation_is_answered(begun, value):
    assert begun.idse("config", "set", "code-edits", value).returncode == 0
    for _ in range(2):
        answer = before_edit(begun, "src/app.py").get("hookSpecificOutput", {})
        assert answer.get("permissionDecision", "allow") == value


def test_code_is_free_once_implementation_is_started(begun):
    app = Application(str(begun.path), os.environ)
    body = {"stage": "implementation", "action": "start", "from": "pending", "to": "in_progress"}
    app.writer.append("portal", "login", lambda _tip: Draft("stage", body))
    assert before_edit(begun, "src/app.py", env={"IDSE_CODE_EDITS": "deny"}) == {}


# --- the gate: where ---


def test_the_gate_works_from_every_sub_directory_and_for_relative_paths(planner):
    deep = planner.path / "a/b"
    deep.mkdir(parents=True)
    assert denied(before_edit(planner, "x.py", cwd=deep))
    answer = hook(
        planner, "agent-before-edit", {"cwd": str(deep), "tool_input": {"file_path": "../../x.py"}}, cwd=deep
    )
    assert "not x.py" in denied(answer)


def test_a_path_from_the_home_is_the_file_that_the_agent_opens(begun):
    env = {"HOME": str(begun.path.parent)}
    path = f"~/{begun.path.name}/.idse/projects/portal/session_state.json"
    assert "is a view" in denied(before_edit(begun, path, env=env))
    patch = {"command": f"*** Update File: {path}"}  # a folder of that name, to this one
    answer = hook(
        begun, "agent-before-edit", {"tool_name": "apply_patch", "tool_input": patch}, agent="codex", env=env
    )
    assert denied(answer) == ""


def test_the_gate_judges_a_file_in_the_work_tree_it_stands_in(planner):
    other = planner.worktree("other")
    assert "src/app.py" in denied(before_edit(planner, other.path / "src/app.py"))
    nested = planner.path / ".trees/nested"
    planner.git("worktree", "add", "--quiet", "-b", "nested", str(nested))
    assert "not src/app.py" in denied(before_edit(planner, nested / "src/app.py"))
    assert before_edit(planner, nested / FOLDER / "intent.md") == {}


def test_a_file_outside_of_the_repository_is_none_of_our_business(planner, tmp_path, make_repo):
    other = make_repo("another")
    assert other.idse("init", "elsewhere").returncode == 0
    register(other, Agent("alice", mode="planning"), project="elsewhere")
    for path in (
        tmp_path / "free.txt",
        other.path / "code.py",
        "/etc/hosts",
        "/proc/self/x",
        "/nowhere/at/all",
    ):
        assert before_edit(planner, path) == {}


def test_a_repository_inside_of_ours_is_no_way_out_of_the_gate(planner, make_repo):
    inner = make_repo("repo/vendor/lib")
    make_repo("repo/.idse/notes")
    files = (f"*** Update File: {FOLDER}/intent.md", "*** Add File: vendor/lib/x.py")
    payload = {"tool_name": "apply_patch", "tool_input": {"command": "\n".join(files)}}
    assert "vendor/lib/x.py" in denied(hook(planner, "agent-before-edit", payload, agent="codex"))
    assert "vendor/lib/.idse/x" in denied(before_edit(planner, inner.path / ".idse/x"))
    assert before_edit(planner, ".idse/notes/x.md") == {}
    planner.git("config", "idse.agent", "bob")
    assert not denied(before_edit(planner, inner.path / "x.py"))


def test_no_planning_agent_writes_into_a_submodule(planner, make_repo):
    lib = make_repo("lib")
    lib.write("x.py", "x = 1\n")
    lib.commit("Begin")
    planner.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", "../lib", "lib")
    assert "not lib/x.py" in denied(before_edit(planner, "lib/x.py"))
    assert "not lib/x.py" in denied(before_edit(planner, "lib/x.py", cwd=planner.path / FOLDER))
    assert before_edit(planner, planner.path / "lib/x.py", cwd=planner.path / "lib") == {}


@pytest.mark.parametrize("kind", ["--object-format=sha256", "--bare"])
def test_a_repository_inside_of_ours_that_idse_cannot_serve_is_no_way_out_either(planner, kind):
    planner.git("init", "--quiet", kind, "vendor/odd")
    assert "vendor/odd/x.py" in denied(before_edit(planner, "vendor/odd/x.py"))


def test_an_agent_that_walked_out_of_its_repository_is_still_held_to_it(planner, tmp_path):
    payload = {"cwd": str(tmp_path), "tool_input": {"file_path": str(planner.path / "src/app.py")}}
    answer = hook(
        planner, "agent-before-edit", payload, cwd=tmp_path, env={"CLAUDE_PROJECT_DIR": str(planner.path)}
    )
    assert denied(answer)


def test_another_agents_start_says_nothing_about_where_codex_was_started(planner, make_repo):
    env = {"CLAUDE_PROJECT_DIR": str(make_repo("another").path)}
    payload = {"tool_name": "apply_patch", "tool_input": {"command": "*** Add File: src/app.py"}}
    assert denied(hook(planner, "agent-before-edit", payload, agent="codex", env=env))


def test_a_link_to_the_repository_is_the_repository(planner, tmp_path):
    os.symlink(planner.path, tmp_path / "short")
    assert denied(before_edit(planner, tmp_path / "short/src/app.py"))


# --- nothing to judge, and bad input ---


@pytest.mark.parametrize("name", HOOKS)
def test_where_idse_is_not_used_the_hooks_say_nothing(repo, tmp_path, name):
    assert hook(repo, name, {"tool_input": {"file_path": str(repo.path / "x.py")}}) == {}
    assert hook(repo, name, {"cwd": str(tmp_path), "tool_input": {"file_path": "x.py"}}, cwd=tmp_path) == {}
    assert not (repo.path / ".git/idse").exists()


@pytest.mark.parametrize("name", HOOKS)
@pytest.mark.parametrize(
    "data",
    [
        "",
        "garbage",
        "[]",
        "null",
        '{"tool_input": 1}',
        '{"cwd": 1}',
        "[" * 100_000,
        '"\ud800"',
        '{"a":"\x00"}',
    ],
)
def test_garbage_on_standard_input_is_answered_all_the_same(begun, name, data):
    done = subprocess.run(
        [IDSE, "hook", name, "claude"],
        cwd=begun.path,
        input=data.encode("utf-8", "surrogatepass"),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0
    assert isinstance(json.loads(done.stdout), dict)
    assert done.stderr == b""


@pytest.mark.parametrize("name", HOOKS)
@pytest.mark.parametrize("redirection", ["<&-", "<&- 2>&-", "</dev/null", "2>&-"])
def test_closed_streams_are_no_reason_to_fail(begun, name, redirection):
    done = begun.run("sh", "-c", f'"$0" hook {name} claude {redirection}', IDSE)
    assert done.returncode == 0, done.stderr
    assert isinstance(json.loads(done.stdout), dict)


@pytest.mark.parametrize("name", HOOKS)
@pytest.mark.parametrize("where", [">&-", "| true", ">/dev/full"])
def test_an_answer_that_nobody_can_read_is_no_failure(begun, name, where):
    done = begun.run("bash", "-c", f'set -o pipefail; echo {{}} | "$0" hook {name} claude {where}', IDSE)
    assert done.returncode == 0, done.stderr


def test_a_pipe_that_is_killed_leaves_no_failure_behind(begun):
    writer = subprocess.Popen(
        [sys.executable, "-c", "import time; print('{', flush=True); time.sleep(60)"], stdout=subprocess.PIPE
    )
    child = subprocess.Popen(
        [IDSE, "hook", "agent-stop", "claude"], cwd=begun.path, stdin=writer.stdout, stdout=subprocess.PIPE
    )
    writer.stdout.close()
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    out, _ = child.communicate(timeout=60)
    assert (child.returncode, json.loads(out)) == (0, {})


@pytest.mark.parametrize("name", HOOKS)
def test_an_interrupt_is_answered_too(begun, name):
    child = subprocess.Popen(
        [IDSE, "hook", name, "claude"],
        cwd=begun.path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        # A shell's background job is born deaf to it, and so is a CI that runs in one.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - no threads here
    )
    child.stdin.write(b"{")
    child.stdin.flush()
    while unread(child.stdin):
        time.sleep(0.01)
    child.send_signal(signal.SIGINT)
    out = child.stdout.read()
    assert child.wait() == 0
    assert "KeyboardInterrupt" in json.loads(out)["systemMessage"]
    child.stdin.close()
    child.stdout.close()


@pytest.mark.parametrize("name", HOOKS)
def test_a_broken_ledger_lets_the_agent_go_on_and_tells_the_person(planner, name):
    blob = planner.git("hash-object", "-w", "--stdin", stdin="no ledger")
    for ref in planner.git(
        "for-each-ref", "--format=%(refname)", "refs/idse/sessions", "refs/idse/projects"
    ).split():
        (planner.path / ".git" / ref).write_text(blob + "\n")
    answer = hook(planner, name, {"tool_input": {"file_path": "src/app.py"}})
    assert set(answer) == {"systemMessage"}
    assert "nothing was checked" in answer["systemMessage"]


@pytest.mark.parametrize("name", HOOKS)
def test_a_setting_that_cannot_be_used_lets_the_agent_go_on(begun, name):
    begun.git("config", "idse.code-edits", "perhaps")
    answer = hook(begun, name, {"tool_input": {"file_path": "src/app.py"}})
    assert "permissionDecision" not in answer.get("hookSpecificOutput", {})
    if name == "agent-before-edit":
        assert "code-edits" in answer["systemMessage"]


@pytest.mark.parametrize("name", HOOKS)
def test_a_folder_that_is_gone_is_answered(begun, name):
    script = f'mkdir gone && cd gone && rmdir ../gone && echo {{}} | "$0" hook {name} claude'
    done = begun.run("sh", "-c", script, IDSE)
    assert done.returncode == 0, done.stderr
    assert isinstance(json.loads(done.stdout), dict)


@pytest.mark.parametrize("name", HOOKS)
def test_without_git_the_agent_goes_on(begun, name, tmp_path):
    (tmp_path / "bin").mkdir()
    done = subprocess.run(
        [sys.executable, IDSE, "hook", name, "claude"],
        cwd=begun.path,
        input=b'{"tool_input": {"file_path": "x.py"}}',
        env={**os.environ, "PATH": str(tmp_path / "bin")},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0
    assert "git cannot be started" in json.loads(done.stdout)["systemMessage"]


def test_a_hook_that_does_not_exist_is_a_usage_error_that_the_settings_turn_into_nothing(begun):
    assert begun.idse("hook", "agent-nonsense").returncode == 2
    done = begun.run("sh", "-c", "idse hook agent-nonsense claude || echo '{}'")
    assert (done.returncode, json.loads(done.stdout)) == (0, {})


# --- start and stop ---


@pytest.mark.parametrize("agent", ["claude", "codex"])
def test_an_agents_session_starts_with_the_briefing_of_prime(begun, agent):
    told = hook(begun, "agent-session-start", {"source": "startup"}, agent=agent)["hookSpecificOutput"]
    assert told["hookEventName"] == "SessionStart"
    assert told["additionalContext"] == begun.idse("prime").stdout.rstrip("\n")


def test_an_agents_session_starts_in_the_work_tree_it_stands_in(begun):
    other = begun.worktree("other")
    assert other.idse("spawn", "second").returncode == 0
    told = hook(begun, "agent-session-start", {"cwd": str(other.path)})["hookSpecificOutput"]
    assert "portal/second" in told["additionalContext"]


def test_an_agent_in_a_work_tree_without_a_session_is_told_which_there_are(begun):
    other = begun.worktree("other")
    told = hook(begun, "agent-session-start", {"cwd": str(other.path)})["hookSpecificOutput"]
    assert told["hookEventName"] == "SessionStart"
    assert "no session of 'portal' is current in this work tree" in told["additionalContext"]
    assert "idse switch login" in told["additionalContext"]


def test_an_agent_in_a_clone_without_ledgers_is_told_how_they_come(begun):
    clone = begun.clone("clone")
    told = hook(clone, "agent-session-start", {"source": "startup"})["hookSpecificOutput"]
    assert "this clone has no ledger of it" in told["additionalContext"]
    assert "idse init portal" in told["additionalContext"]


def test_a_session_without_errors_lets_the_agent_stop(begun):
    assert hook(begun, "agent-stop") == {}


def test_an_agent_that_stops_beside_a_broken_promise_is_told_once(broken):
    answer = hook(broken, "agent-stop")
    assert answer["decision"] == "block"
    assert "IDSE402" in answer["reason"]
    assert hook(broken, "agent-stop") == {}


def test_an_agent_that_goes_on_because_of_the_hook_may_stop(broken):
    assert hook(broken, "agent-stop", {"stop_hook_active": True}) == {}
    assert hook(broken, "agent-stop")["decision"] == "block"


def test_new_findings_are_told_again(broken):
    assert hook(broken, "agent-stop")["decision"] == "block"
    broken.write(f"{FOLDER}/spec.md", b"\xff\xfe not UTF-8")
    assert "spec.md" in hook(broken, "agent-stop")["reason"]
    assert hook(broken, "agent-stop") == {}


def test_a_clone_that_was_given_no_ledgers_edits_and_stops_freely(begun):
    clone = begun.clone("clone")
    assert hook(clone, "agent-stop") == {}
    assert before_edit(clone, f"{FOLDER}/spec.md") == {}


def test_hooks_leave_no_trace_but_a_memory_that_uninstall_takes_along(broken):
    before_edit(broken, "src/app.py")
    hook(broken, "agent-stop")
    assert (broken.path / ".git/idse/agent-told").exists()
    assert broken.git("status", "--porcelain", "--", ":!.idse") == ""
    assert broken.idse("uninstall").returncode == 0
    assert not (broken.path / ".git/idse").exists()


def test_what_agents_were_told_goes_with_their_hooks(broken):
    broken.idse("agent-files", "install")
    before_edit(broken, "src/app.py")
    assert broken.idse("agent-files", "uninstall").returncode == 0
    assert not (broken.path / ".git/idse/agent-told").exists()


def test_a_memory_that_cannot_be_kept_changes_no_answer(begun):
    shutil.rmtree(begun.path / ".git/idse")
    (begun.path / ".git/idse").write_text("in the way\n")
    first = before_edit(begun, "src/app.py")
    assert first == before_edit(begun, "src/app.py")
    assert not denied(first)


# --- without git ---


@pytest.fixture
def folder(tmp_path, make_repo):
    """A folder without git: project portal stands in a store of its own. Handled like a repository."""
    repo = make_repo("plain")
    shutil.rmtree(repo.path / ".git")
    for words in (("init", "portal"), ("spawn", "login"), ("agents", "add", "alice", "--mode", "planning")):
        done = repo.idse(*words, env={"IDSE_STORE": "filesystem"})
        assert done.returncode == 0, done.stderr
    return repo


@pytest.mark.parametrize("env", [{}, {"IDSE_STORE": "filesystem"}])
def test_the_gate_and_the_briefing_work_in_a_folder_without_git(folder, env):
    assert "`intent` is in_progress" in denied(before_edit(folder, f"{FOLDER}/context.md", env=env))
    assert before_edit(folder, f"{FOLDER}/intent.md", env=env) == {}
    assert denied(before_edit(folder, "src/app.py", env={**env, "IDSE_AGENT": "alice"}))
    assert denied(before_edit(folder, ".idse/store/x", env=env))
    assert before_edit(folder, "/elsewhere/x.py", env=env) == {}
    told = hook(folder, "agent-session-start", env=env)["hookSpecificOutput"]["additionalContext"]
    assert "portal/login" in told
    assert hook(folder, "agent-stop", env=env) == {}


def test_agent_files_come_and_go_in_a_folder_without_git(folder):
    before = sorted(path.name for path in folder.path.iterdir())
    assert folder.idse("agent-files", "install").returncode == 0
    assert (folder.path / "CLAUDE.md").exists()
    assert folder.idse("agent-files", "uninstall").returncode == 0
    assert sorted(path.name for path in folder.path.iterdir()) == before
