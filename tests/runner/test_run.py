"""``idse run`` with an agent of the shell: real git, real processes, the real command."""

from __future__ import annotations

import json
import os
import pathlib
import shutil

import pytest

from idse_orchestrator.runner.work.environment import KEPT
from run_bed import (
    BRANCH,
    FOLDER,
    KEY,
    THREE,
    WRITE,
    begin_project,
    check_invariants,
    complete_tasks,
    events_of,
    states_of,
)

ALL_DONE = dict.fromkeys(("T001", "T002", "T003"), "done")


@pytest.fixture
def project(repo, once):
    """Three tasks, complete; the code has one commit."""
    once(repo, lambda: begin_project(repo, THREE))
    return repo


def one_task(repo, line):
    """Makes a project of one task."""
    return begin_project(repo, f"- [ ] T001 {line}\n")


def last(repo, task="T001"):
    return events_of(repo, task)[-1]


class TestAWholeRun:
    def test_a_list_is_worked_off_and_merged(self, project):
        head = project.git("rev-parse", "HEAD")
        done = project.idse("run", "--agent", WRITE, "-j", "2")
        assert done.returncode == 0, done.stdout + done.stderr
        assert states_of(project) == ALL_DONE
        changed = project.git("diff", "--name-only", f"HEAD...{BRANCH}").split()
        assert changed == ["docs/greet.md", "src/greet.py", "tests/test_greet.py"]
        assert project.git("rev-parse", "HEAD") == head
        assert project.git("branch", "--format=%(refname:short)").split() == [BRANCH, "main"]
        assert project.git("status", "--porcelain") == ""
        check_invariants(project)
        assert [each["action"] for each in events_of(project, "T001")[1:]] == ["take", "finish", "accept"]

    def test_without_any_configuration_make_will_do(self, project):
        assert project.idse("run", "--agent", "make $IDSE_TASK").returncode == 0
        assert states_of(project) == ALL_DONE

    def test_it_starts_the_stage_and_nothing_else_moves(self, project):
        before = project.git("for-each-ref", "--format=%(refname) %(objectname)", "refs/heads", "refs/tags")
        assert project.idse("run", "--agent", WRITE).returncode == 0
        after = project.git("for-each-ref", "--format=%(refname) %(objectname)", "refs/heads", "refs/tags")
        assert [line for line in after.split("\n") if BRANCH not in line] == before.split("\n")
        stages = json.loads(project.idse("status", "--json").stdout)["data"]["stages"]
        assert {each["stage"]: each["status"] for each in stages}["implementation"] == "in_progress"

    def test_what_was_merged_is_evidence_of_the_implementation(self, project):
        assert project.idse("run", "--agent", WRITE).returncode == 0
        message = project.git("log", "-1", "--format=%B", f"refs/idse-local/results/{KEY}/T002/1")
        assert f"Idse-Task: {KEY}/T002\nIdse-Attempt: 1\nIdse-Agent: shell" in message

    def test_a_task_begins_where_what_it_needs_is_merged(self, project):
        assert project.idse("run", "-j", "3", "--agent", WRITE).returncode == 0
        base = events_of(project, "T003")[1]["base"]
        assert "src/greet.py" in project.git("ls-tree", "-r", "--name-only", base).split()

    def test_a_second_run_has_nothing_to_do(self, project):
        assert project.idse("run", "--agent", WRITE).returncode == 0
        before = project.git("for-each-ref")
        done = project.idse("run", "--agent", "exit 1")
        assert done.returncode == 0
        assert project.git("for-each-ref") == before

    def test_only_some(self, project):
        assert project.idse("run", "--agent", WRITE, "--only", "T001").returncode == 0
        assert states_of(project) == {"T001": "done", "T002": "ready", "T003": "ready"}

    def test_a_dry_run_writes_nothing(self, project):
        before = project.git("for-each-ref")
        done = project.idse("run", "--dry-run", "--agent", WRITE)
        assert done.returncode == 0
        assert "first: T001, T002" in done.stdout
        assert "T003  Tell users  after T002" in done.stdout
        assert project.git("for-each-ref") == before

    def test_as_json_lines(self, project):
        done = project.idse("run", "--agent", WRITE, "--json")
        lines = [json.loads(line) for line in done.stdout.split("\n") if line]
        assert {line["schema"] for line in lines} == {"idse.run/1"}
        assert [line["data"]["what"] for line in lines].count("took") == 3
        over = lines[-1]["data"]
        assert (over["what"], over["totals"], over["left"], over["exit"]) == ("over", {"done": 3}, [], 0)
        assert over["branch"] == project.git("rev-parse", BRANCH)

    def test_from_a_linked_worktree(self, project):
        other = project.worktree("other")
        assert other.idse("run", "--agent", WRITE).returncode == 0
        assert states_of(project) == ALL_DONE


class TestEvidence:
    def test_a_phantom_completion_is_never_done(self, project):
        done = project.idse("run", "--agent", "echo 'I did it all'", "--only", "T002")
        assert done.returncode == 1
        assert "T002  failed: no file changed" in done.stdout
        assert "next: idse logs T002" in done.stderr
        actions = [(each["action"], each.get("why")) for each in events_of(project, "T002")[1:]]
        assert actions == [("take", None), ("fail", "no-evidence")] * 3
        check_invariants(project)

    def test_what_needs_a_failed_task_is_blocked_and_the_rest_goes_on(self, project):
        agent = f"[ $IDSE_TASK = T002 ] && exit 7; {WRITE}"
        done = project.idse("run", "--agent", agent)
        assert done.returncode == 1
        assert states_of(project) == {"T001": "done", "T002": "failed", "T003": "ready"}
        assert "T003  ready: blocked by T002" in done.stdout
        assert (last(project, "T002")["why"], last(project, "T002")["exit"]) == ("failed", 7)

    def test_exit_0_after_an_interrupt_is_no_end(self, repo):
        one_task(repo, "Write it (Files: src/a.py) (Timeout: 1s) (Retries: 0)")
        agent = f"trap 'exit 0' TERM; {WRITE}; while :; do sleep 0.05; done"
        done = repo.idse("run", "--agent", agent)
        assert done.returncode == 1
        assert (last(repo)["action"], last(repo)["why"], last(repo)["exit"]) == ("fail", "timeout", 0)

    @pytest.mark.parametrize(
        ("agent", "why"),
        [
            ("mkdir sub; cd sub; git init -q; git commit -q --allow-empty -m x", "a repository within"),
            ("ln -s /etc/passwd src", "a link that leads out"),
            (
                "echo x >>.idse/projects/portal/sessions/__blueprint__/spec.md",
                "no task changes what is there",
            ),
            ("mkfifo pipe; rm README.md; ln -s ../../x README.md", "a link that leads out"),
        ],
    )
    def test_what_is_never_taken(self, repo, agent, why):
        one_task(repo, "Do it (Retries: 0)")
        done = repo.idse("run", "--agent", agent)
        assert done.returncode == 1
        assert why in done.stdout
        assert last(repo)["why"] == "unsafe"
        assert last(repo)["evidence"]["modes"] == "missing"
        assert repo.git("for-each-ref", "refs/idse-local/results", "refs/heads/idse") == ""

    def test_a_workspace_that_is_removed_is_the_agents_doing(self, repo):
        one_task(repo, "Do it (Retries: 0)")
        done = repo.idse("run", "--sandbox", "none", "--agent", 'rm -rf "$PWD"')
        assert "the workspace was removed" in done.stdout
        assert last(repo)["why"] == "unsafe"

    def test_a_submodule_keeps_its_git_directory(self, project, tmp_path):
        other = tmp_path / "other"
        project.run("git", "clone", "-q", str(project.path), str(other))
        project.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", str(other), "sub")
        project.git("commit", "-q", "-m", "sub")
        project.git("config", "submodule.recurse", "true")
        before = project.read(".git/modules/sub/config")
        assert project.idse("run", "--agent", WRITE).returncode == 0
        assert project.read(".git/modules/sub/config") == before

    def test_markers_and_secrets_are_seen(self, repo):
        one_task(repo, "Do it (Retries: 0)")
        token = "ghp_" + "aB3dE5gH7jK9" * 3
        agent = f"printf '<<<<<<< a\\n=======\\n>>>>>>> b\\n' >a; echo {token} >b"
        assert repo.idse("run", "--agent", agent).returncode == 1
        evidence = last(repo)["evidence"]
        assert (evidence["markers"], evidence["secrets"]) == ("missing", "missing")

    def test_what_is_not_declared_is_seen(self, repo):
        one_task(repo, "Do it (Files: src/a.py) (Retries: 0)")
        done = repo.idse("run", "--agent", "mkdir src; echo >src/a.py; echo >src/b.py; echo >README.md")
        assert "not declared: src/b.py" in done.stdout
        assert last(repo)["evidence"]["within"] == "missing"

    def test_what_runs_by_itself_is_left_to_a_person(self, repo):
        one_task(repo, "Do it")
        agent = "mkdir -p .github/workflows; echo x >.github/workflows/ci.yml"
        done = repo.idse("run", "--agent", agent)
        assert done.returncode == 1
        assert "a person has to look at .github/workflows/ci.yml" in done.stdout
        assert states_of(repo) == {"T001": "review"}
        assert repo.git("for-each-ref", "refs/heads/idse") == ""

    def test_an_agent_may_ask_for_a_person(self, project):
        assert project.idse("run", "--agent", f"{WRITE}; exit 64", "--only", "T001").returncode == 1
        assert states_of(project)["T001"] == "review"

    def test_an_output_is_enough_where_one_is_declared(self, repo):
        one_task(repo, "Measure it (Output: report.md)")
        assert repo.idse("run", "--agent", "echo '# Report' >$IDSE_OUT/report.md").returncode == 0
        assert states_of(repo) == {"T001": "done"}
        assert repo.git("show", f"refs/idse-local/outputs/{KEY}/T001/1:report.md") == "# Report"


class TestTheCheck:
    def test_it_runs_on_the_result_in_a_fresh_workspace(self, project):
        agent = f"{WRITE}; echo junk >untracked.log"
        check = "test -e tests/test_greet.py && test ! -e untracked.log && git log -1 --format=%s"
        project.write(".gitignore", "*.log\n")
        project.commit("ignore")
        done = project.idse("run", "--agent", agent, "--check", check, "--only", "T001")
        assert done.returncode == 0, done.stdout
        assert events_of(project, "T001")[2]["evidence"]["check"] == "ok"
        assert "T001: Write the tests" in project.idse("logs", "T001").stdout

    def test_where_it_fails_nothing_is_done(self, project):
        done = project.idse("run", "--agent", WRITE, "--check", "exit 3", "--only", "T001")
        assert "T001  failed: the check ended with 3" in done.stdout
        assert last(project, "T001")["why"] == "check"

    def test_it_finds_no_keys(self, project, sealed):
        (sealed / ".ssh").mkdir()
        (sealed / ".ssh" / "id_ed25519").write_text("the key")
        no_keys = 'test -z "$ANTHROPIC_API_KEY" && test "$(ls -A ~)" = .gitconfig'
        check = f"! cat {sealed}/.ssh/id_ed25519 && {no_keys}"
        env = {"ANTHROPIC_API_KEY": "the key"}
        needed = ("--sandbox", "required", "--check", check)
        done = project.idse("run", "--agent", WRITE, *needed, "--only", "T001", env=env)
        assert done.returncode == 0, done.stdout + project.idse("logs", "T001").stdout

    def test_without_a_sandbox_it_would_have(self, project, sealed):
        (sealed / ".ssh").mkdir()
        (sealed / ".ssh" / "id_ed25519").write_text("the key")
        check = f"! cat {sealed}/.ssh/id_ed25519"
        done = project.idse("run", "--agent", WRITE, "--sandbox", "none", "--check", check, "--only", "T001")
        assert done.returncode == 1
        assert "the key" in project.idse("logs", "T001").stdout

    def test_it_has_no_network(self, project):
        check = "test $(tail -n +3 /proc/net/dev | wc -l) = 1"
        needed = ("--sandbox", "required", "--check", check)
        assert project.idse("run", "--agent", WRITE, *needed, "--only", "T001").returncode == 0


class TestSurroundings:
    def test_an_agent_gets_an_allow_list_and_a_home_of_its_own(self, project, sealed):
        agent = f"{WRITE}; env -0 >$IDSE_OUT/env; pwd >$IDSE_OUT/pwd"
        env = {"AWS_SECRET_ACCESS_KEY": "the key", "LC_TIME": "C", "GIT_DIR": ".git", "EDITOR": "vi"}
        assert project.idse("run", "--agent", agent, "--only", "T001", env=env).returncode == 0
        ref = f"refs/idse-local/outputs/{KEY}/T001/1"
        given = dict(each.split("=", 1) for each in project.git("show", f"{ref}:env").split("\0") if each)
        known = {name for name in given if not name.startswith(("IDSE_", "LC_"))}
        assert known <= {*KEPT, "HOME", "GIT_TERMINAL_PROMPT", "PWD", "SHLVL", "_", "OLDPWD"}
        assert given["LC_TIME"] == "C"
        assert given["IDSE_TEXT"] == "Write the tests"
        assert given["HOME"].startswith(f"{sealed}/.local/state/idse/homes/")
        assert project.git("show", f"{ref}:pwd").startswith(f"{sealed}/.local/state/idse/work/")
        assert oct(os.stat(given["HOME"]).st_mode & 0o777) == "0o700"

    def test_a_failed_attempt_is_kept_and_a_good_one_is_not(self, project, sealed):
        project.idse("run", "--agent", f"[ $IDSE_TASK = T001 ] && exit 1; {WRITE}", "--only", "T001,T002")
        work = pathlib.Path(sealed) / ".local/state/idse/work"
        kept = {path.name for path in work.glob("*/portal/__blueprint__/*")}
        assert kept == {"T001.1", "T001.2", "T001.3"}

    def test_the_agent_is_told_how_the_attempt_before_ended(self, project):
        agent = "cat $IDSE_TASK_FILE; exit 3"
        project.idse("run", "--agent", agent, "--only", "T001")
        assert "was not taken" not in project.idse("logs", "T001", "--attempt", "1").stdout
        log = project.idse("logs", "T001").stdout
        assert "# Task T001 of portal/__blueprint__" in log
        assert "An attempt before this one was not taken: exit code 3." in log

    def test_no_sandbox_is_told_loudly_and_refused_where_one_is_required(self, project, tmp_path):
        tools = tmp_path / "tools"
        tools.mkdir()
        for name in ("git", "sh", "mkdir", "dirname"):
            os.symlink(f"/usr/bin/{name}", tools / name)
        env = {"PATH": str(tools)}
        refused = project.idse("run", "--agent", WRITE, "--sandbox", "required", env=env)
        assert refused.returncode == 2
        assert "bwrap is not installed" in refused.stderr
        assert project.git("for-each-ref", "refs/idse-local") == ""
        loud = project.idse("run", "--agent", WRITE, "--only", "T001", env=env)
        assert loud.returncode == 0
        assert "there is no sandbox here" in loud.stderr
        assert events_of(project, "T001")[1]["sandbox"] == "none"

    def test_a_sandbox_that_hides_little_is_told(self, project, tmp_path):
        tools = tmp_path / "tools"
        tools.mkdir()
        for name in ("git", "sh", "mkdir", "dirname", "unshare", "mount", "env", "true"):
            os.symlink(shutil.which(name), tools / name)
        done = project.idse("run", "--agent", WRITE, "--only", "T001", env={"PATH": str(tools)})
        if events_of(project, "T001")[1]["sandbox"] != "unshare":
            pytest.skip("unshare does not work here")
        assert done.returncode == 0
        assert "this sandbox hides your home alone" in done.stderr

    @pytest.mark.parametrize("below", ["st", ".git/st"])
    def test_workspaces_do_not_lie_inside_of_the_repository(self, project, below):
        place = str(project.path / below)
        done = project.idse("run", "--agent", WRITE, env={"XDG_STATE_HOME": place})
        assert (done.returncode, f"inside of this repository, below {place}" in done.stderr) == (2, True)
        assert not os.path.exists(place)
        assert project.git("for-each-ref", "refs/idse-local") == ""

    def test_a_task_may_ask_for_a_sandbox_and_never_for_less(self, repo):
        begin_project(repo, "- [ ] T001 [P] One (Sandbox: required)\n- [ ] T002 [P] Two (Sandbox: none)\n")
        write = "echo >$IDSE_TASK"
        done = repo.idse("run", "--agent", write, "--sandbox", "none")
        assert done.returncode == 1
        assert "T001  ready: asks for a sandbox, and there is none here" in done.stdout
        assert states_of(repo) == {"T001": "ready", "T002": "done"}
        assert repo.idse("run", "--agent", write).returncode == 0
        assert events_of(repo, "T001")[1]["sandbox"] != "none"


class TestWhatKeepsARunFromBeginning:
    def test_an_open_list(self, repo):
        repo.idse("init", "portal")
        repo.commit("first")
        done = repo.idse("run", "--agent", "true")
        assert done.returncode == 1
        assert "its stage tasks is pending" in done.stderr

    def test_a_list_that_changed(self, project):
        project.write(f"{FOLDER}/tasks.md", project.read(f"{FOLDER}/tasks.md") + b"\n- [ ] T009 More\n")
        done = project.idse("run", "--agent", WRITE)
        assert "its stage tasks changed after it was completed" in done.stderr

    @pytest.mark.parametrize("words", [["--agents", "claude"], ["--agent", WRITE]])
    @pytest.mark.parametrize("budget", ["nan", "inf"])
    def test_a_budget_that_is_no_number(self, project, words, budget):
        done = project.idse("run", *words, "--budget", budget)
        assert (done.returncode, "is a number of US dollars" in done.stderr) == (2, True)

    def test_a_budget_that_cannot_be_held(self, project):
        done = project.idse("run", "--agent", WRITE, "--budget", "0")
        assert (done.returncode, "it tells no cost" in done.stderr) == (2, True)
        assert project.git("for-each-ref", "refs/idse-local") == ""

    def test_nobody_to_work(self, project):
        done = project.idse("run")
        assert (done.returncode, "nobody is named who works" in done.stderr) == (2, True)
        assert project.idse("run", "--agents", "nobody").returncode == 2

    def test_a_branch_that_is_checked_out(self, project):
        project.git("switch", "-q", "-c", BRANCH)
        done = project.idse("run", "--agent", WRITE)
        assert done.returncode == 3
        assert "is checked out" in done.stderr
        assert project.git("for-each-ref", "refs/idse-local") == ""

    @pytest.mark.parametrize("name", ["idse/portal", f"{BRANCH}/mine"])
    def test_a_branch_in_the_way_of_ours(self, project, name):
        project.git("branch", name)
        done = project.idse("run", "--agent", WRITE)
        assert (done.returncode, f"the branch {name} stands in the way" in done.stderr) == (3, True)
        assert project.git("for-each-ref", "refs/idse-local") == ""
        project.git("branch", "-m", name, f"{name.replace('/', '-')}-old")
        assert f"git branch -m {name} {name.replace('/', '-')}-old" in done.stderr
        assert project.idse("run", "--agent", WRITE).returncode == 0

    @pytest.mark.parametrize("where", ["clean", "smudge", "process"])
    def test_a_filter_that_would_run_what_an_agent_wrote(self, project, where):
        project.git("config", f"filter.mine.{where}", "python -m strip")
        done = project.idse("run", "--agent", WRITE)
        assert (done.returncode, "filter that would leave the sandbox" in done.stderr) == (2, True)
        assert project.git("for-each-ref", "refs/idse-local") == ""
        assert project.idse("run", "--agent", WRITE, "--trust-project").returncode == 0

    def test_filters_that_run_nothing_of_the_tree_are_no_reason(self, project):
        project.git("config", "filter.lfs.process", "git-lfs filter-process")
        project.git("config", "filter.lfs.clean", "git-lfs clean -- %f")
        assert project.idse("run", "--agent", WRITE, "--only", "T001").returncode == 0

    def test_an_unknown_task(self, project):
        assert "T009" in project.idse("run", "--agent", WRITE, "--only", "T009").stderr

    def test_no_commit(self, repo):
        repo.idse("init", "portal")
        complete_tasks(repo, THREE)
        assert "no commit yet" in repo.idse("run", "--agent", WRITE).stderr

    @pytest.mark.parametrize("path", ["../../etc/x", "/etc/x", ".git/config", "src/../../x", ".idse/x.md"])
    def test_a_file_that_no_task_may_change(self, repo, path):
        one_task(repo, f"Do it (Files: {path})")
        done = repo.idse("run", "--agent", WRITE)
        assert (done.returncode, f"T001 declares {path}" in done.stderr) == (2, True)
        assert repo.git("for-each-ref", "refs/idse-local") == ""

    def test_a_check_that_nobody_set_up(self, repo):
        one_task(repo, "Do it (Check: tests)")
        done = repo.idse("run", "--agent", WRITE)
        assert done.returncode == 2
        assert "no check 'tests' is set up" in done.stderr


class TestMerging:
    def test_a_conflict_gets_one_more_attempt_on_the_new_base(self, repo):
        begin_project(repo, "- [ ] T001 [P] One\n- [ ] T002 [P] Two\n")
        agent = "cat same 2>/dev/null; echo $IDSE_TASK >same; [ $IDSE_ATTEMPT = 1 ] && sleep 0.5; true"
        done = repo.idse("run", "-j", "2", "--agent", agent)
        assert done.returncode == 0, done.stdout
        assert states_of(repo) == {"T001": "done", "T002": "done"}
        attempts = sorted(
            sum(each.get("action") == "take" for each in events_of(repo, task)) for task in ("T001", "T002")
        )
        assert attempts == [1, 2]
        check_invariants(repo)

    def test_a_result_may_be_left_for_a_person_and_merged_later(self, project):
        assert project.idse("run", "--agent", WRITE, "--no-merge").returncode == 1
        assert states_of(project) == {"T001": "review", "T002": "review", "T003": "ready"}
        assert project.git("for-each-ref", "refs/heads/idse") == ""
        assert project.idse("run", "--agent", WRITE).returncode == 0
        assert states_of(project) == ALL_DONE
        check_invariants(project)


class TestReportAndLogs:
    def test_a_report_is_written_once_into_its_place(self, project):
        project.idse("run", "--agent", WRITE)
        done = project.idse("run", "report")
        assert done.returncode == 0
        assert [line.split()[:4] for line in done.stdout.split("\n")[1:3]] == [
            ["T001", "done", "shell", "1"],
            ["T002", "done", "shell", "1"],
        ]
        path = f"{FOLDER}/implementation/README.md"
        project.write(path, "# Implementation\n\n## What Was Built\n\nBy hand.\n\n## Next\n\nMore.\n")
        project.idse("run", "report", "--write")
        once = project.read(path).decode()
        assert once.startswith("# Implementation\n\n## What Was Built\n\n<!-- idse run report -->\n")
        assert once.endswith("By hand.\n\n## Next\n\nMore.\n")
        assert "| T001 | Write the tests | done | shell | 1 |" in once
        project.idse("run", "report", "--write")
        assert project.read(path).decode() == once

    def test_a_cost_that_nobody_told_is_not_0(self, project):
        project.idse("run", "--agent", WRITE, "--only", "T001")
        shown = project.idse("cost", "report")
        assert [row.split()[-2] for row in shown.stdout.splitlines()] == ["USD", "-", "-"]
        assert "USD for each" not in shown.stderr
        data = json.loads(project.idse("cost", "report", "--json").stdout)["data"]
        assert [data["totals"][name] for name in ("cost_usd", "failed_usd", "per_accepted_usd")] == [None] * 3

    def test_a_report_as_json(self, project):
        project.idse("run", "--agent", WRITE)
        data = json.loads(project.idse("run", "report", "--json").stdout)["data"]
        assert [(row["task"], row["state"], row["attempts"]) for row in data["tasks"]] == [
            ("T001", "done", 1),
            ("T002", "done", 1),
            ("T003", "done", 1),
        ]
        assert data["tasks"][0]["evidence"]["changed"] == "ok"

    def test_what_an_agent_prints_cannot_drive_the_terminal(self, project):
        project.idse("run", "--agent", "printf '\\033]0;owned\\007\\033[2J'; exit 1", "--only", "T001")
        shown = project.idse("logs", "T001").stdout
        assert "\x1b" not in shown
        assert "owned" in shown

    def test_logs_that_are_not_there(self, project):
        project.idse("run", "--agent", WRITE, "--only", "T001")
        assert project.idse("logs", "T001", "--attempt", "7").returncode == 2
        assert "nobody worked on T003" in project.idse("logs", "T003").stderr
