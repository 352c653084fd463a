"""What may go wrong in a night: processes killed anywhere, full disks, two runs at once."""

from __future__ import annotations

import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest

from run_bed import BRANCH, THREE, WRITE, begin_project, check_invariants, events_of, states_of

BIN = pathlib.Path(sys.executable).parent

LIST = "".join(
    f"- [ ] T{number:03} [P] Write number {number} (Files: src/f{number}.py)\n" for number in range(1, 9)
)
QUICK = f"sleep 0.05; {WRITE}"


@pytest.fixture
def project(repo, once):
    """Three tasks, complete; the code has one commit."""
    once(repo, lambda: begin_project(repo, THREE))
    return repo


@pytest.fixture
def eight(repo, once):
    """Eight tasks that wait for nothing."""
    once(repo, lambda: begin_project(repo, LIST))
    return repo


def start(repo, *args, env=None, program=None):
    """Starts a run and returns its process; what it prints goes into a file."""
    words = program or (str(BIN / "idse"), "run")
    with open(repo.path.parent / f"out-{time.monotonic_ns()}", "wb") as out:
        return subprocess.Popen(
            [*words, *args],
            cwd=repo.path,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
        )


def wait_for(condition, seconds=30):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it never came"
        time.sleep(0.01)


def commands():
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                yield pathlib.Path(f"/proc/{name}/cmdline").read_bytes().decode().split("\0")[:-1]
            except OSError:
                continue


def living(*words):
    return [each for each in commands() if each == list(words)]


class TestKilled:
    def soak(self, repo, times, agent=QUICK, *args):
        """Kills a run again and again, at any time; then one that is let alone finds nothing lost."""
        chance = random.Random(7)
        for _ in range(times):
            process = start(repo, "-j", "3", "--agent", agent, *args)
            try:
                process.wait(chance.uniform(0.3, 1.3))
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
            process.wait()
        done = repo.idse("run", "-j", "3", "--agent", agent, *args)
        check_invariants(repo, most_attempts=times + 3)
        return done

    def test_the_supervisor_at_random(self, repo):
        begin_project(repo, LIST.replace("(Files", "(Retries: 99) (Files"))
        done = self.soak(repo, 10)
        assert done.returncode == 0, done.stdout
        assert set(states_of(repo).values()) == {"done"}
        for number in range(1, 9):
            assert repo.git("show", f"{BRANCH}:src/f{number}.py") == f"T{number:03}"
        assert repo.git("fsck", "--strict", "--no-dangling", "--connectivity-only") == ""

    @pytest.mark.soak
    def test_the_supervisor_at_random_200_times(self, repo):
        lines = "".join(
            f"- [ ] T{number:03} [P] Write number {number} (Files: src/f{number}.py) (Retries: 99)\n"
            for number in range(1, 301)
        )
        begin_project(repo, lines)
        done = self.soak(repo, 200)
        assert done.returncode == 0, done.stdout
        assert set(states_of(repo).values()) == {"done"}

    @pytest.mark.parametrize("sandbox", ["auto", "none"])
    def test_an_agent_of_a_killed_run_goes_with_it(self, project, sandbox):
        mark = "4321" if sandbox == "auto" else "4322"
        args = ("--agent", f"setsid sleep {mark} & sleep {mark}", "--only", "T001", "--sandbox", sandbox)
        process = start(project, *args)
        wait_for(lambda: living("sleep", mark))
        process.send_signal(signal.SIGKILL)
        process.wait()
        began = time.monotonic()
        done = project.idse("run", "--agent", WRITE, "--only", "T001", "--sandbox", sandbox)
        assert done.returncode == 0, done.stdout
        assert time.monotonic() - began < 20
        assert "T001  expired" in done.stdout
        assert not living("sleep", mark)
        actions = [(each["action"], each.get("why")) for each in events_of(project, "T001")[1:]]
        assert actions[:3] == [("take", None), ("expire", "worker-gone"), ("take", None)]

    def test_an_agent_that_is_killed_is_a_failed_attempt(self, project):
        agent = f"[ $IDSE_ATTEMPT = 1 ] && kill -9 $$; {WRITE}"
        args = ("--agent", agent, "--only", "T001", "--sandbox", "none")
        assert project.idse("run", *args).returncode == 0
        actions = [(each["action"], each.get("why")) for each in events_of(project, "T001")[1:]]
        assert actions[:2] == [("take", None), ("fail", "killed")]

    @pytest.mark.parametrize(
        "point",
        [
            "TaskQueue.finish",  # the result is kept, and nothing says so
            "Integration.merge",  # the task says it is finished, and the branch does not have it
            "TaskQueue.accept",  # the branch has it, and the task does not say so
        ],
    )
    def test_between_two_steps(self, project, point):
        killed = start(
            project, point, "run", "--agent", WRITE, "--only", "T001", program=(sys.executable, "-c", DIE)
        )
        assert killed.wait() == -signal.SIGKILL
        before = states_of(project)["T001"]
        assert before == ("held" if point == "TaskQueue.finish" else "review")
        done = project.idse("run", "--agent", WRITE, "--only", "T001")
        assert done.returncode == 0, done.stdout
        assert states_of(project)["T001"] == "done"
        assert project.git("rev-list", "--count", f"HEAD..{BRANCH}") == "1"
        check_invariants(project)

    def test_workspaces_of_the_dead_are_swept_and_those_of_the_living_are_not(self, project, sealed):
        work, go = pathlib.Path(sealed) / ".local/state/idse/work", project.path.parent / "go"
        dead = start(project, "--agent", "sleep 4323", "--only", "T001")
        wait_for(lambda: living("sleep", "4323"))
        dead.send_signal(signal.SIGKILL)
        dead.wait()
        alive = start(
            project,
            "--agent",
            f"while [ ! -e {go} ]; do sleep 0.05; done; {WRITE}",
            "--only",
            "T002",
            "--sandbox",
            "none",
        )
        wait_for(lambda: list(work.glob("*/portal/__blueprint__/T002.1/task.md")))
        assert not list(work.glob("*/portal/__blueprint__/T001.1"))
        project.idse("run", "--agent", WRITE, "--only", "T001")
        assert list(work.glob("*/portal/__blueprint__/T002.1/workspace/README.md"))
        go.write_text("")
        assert alive.wait() == 0
        assert not list(work.glob("*/portal/__blueprint__/*"))


DIE = """
import os, signal, sys
from idse_orchestrator.cli.main import run
from idse_orchestrator.runner.queue.integration import Integration
from idse_orchestrator.tasks.task_queue import TaskQueue
owner, name = sys.argv[1].split(".")
setattr(globals()[owner], name, lambda *_a, **_k: os.kill(os.getpid(), signal.SIGKILL))
sys.exit(run(sys.argv[2:]))
"""

SLOW_LEASE = """
import os, sys
from idse_orchestrator.runner import multi_agent_orchestrator as runner
from idse_orchestrator.cli.main import run
made = runner.Options
runner.Options.__new__.__defaults__ = tuple(
    {600: 1, runner.GRACE_S: 1.0}.get(each, each) if type(each) is not bool else each
    for each in runner.Options.__new__.__defaults__
)
sys.exit(run(sys.argv[1:]))
"""


class TestStopped:
    def test_one_that_hangs_loses_its_lease_and_its_late_result_is_fenced(self, project):
        program = (sys.executable, "-c", SLOW_LEASE, "run")
        go = project.path.parent / "go"
        agent = f"[ $IDSE_ATTEMPT = 1 ] && while [ ! -e {go} ]; do sleep 0.05; done; {WRITE}"
        args = ("--agent", agent, "--only", "T001", "--sandbox", "none")
        first = start(project, *args, program=program)
        wait_for(lambda: states_of(project).get("T001") == "held")
        first.send_signal(signal.SIGSTOP)
        second = start(project, *args, program=program)
        assert second.wait(60) == 0
        first.send_signal(signal.SIGCONT)
        go.write_text("")
        assert first.wait(60) == 0
        bodies = events_of(project, "T001")
        assert [each.get("why") for each in bodies[1:]].count("lease-over") == 1
        assert states_of(project)["T001"] == "done"
        check_invariants(project)

    def test_ctrl_c_drains_and_the_second_one_ends(self, eight):
        first = start(eight, "-j", "2", "--agent", f"sleep 1; {WRITE}")
        wait_for(lambda: list(states_of(eight).values()).count("held") == 2)
        first.send_signal(signal.SIGINT)
        assert first.wait(30) == 130
        states = list(states_of(eight).values())
        assert (states.count("done"), states.count("ready")) == (2, 6)
        second = start(eight, "-j", "2", "--agent", "sleep 4324")
        wait_for(lambda: len(living("sleep", "4324")) == 2)
        second.send_signal(signal.SIGINT)
        time.sleep(0.3)
        second.send_signal(signal.SIGTERM)
        assert second.wait(30) == 130
        assert not living("sleep", "4324")
        released = [
            each for task in states_of(eight) for each in events_of(eight, task) if each.get("why") == "drain"
        ]
        assert len(released) == 2
        check_invariants(eight)

    def test_a_list_that_is_opened_again_stops_the_taking(self, eight):
        process = start(eight, "--agent", f"sleep 0.5; {WRITE}")
        wait_for(lambda: "done" in states_of(eight).values())
        assert eight.idse("stage", "reopen", "tasks", "-m", "more to do").returncode == 0
        assert process.wait(30) == 1
        left = [state for state in states_of(eight).values() if state == "ready"]
        assert left
        assert "held" not in states_of(eight).values()


class TestManyAtOnce:
    def test_two_runs_work_on_one_list_and_each_task_once(self, eight):
        runs = [start(eight, "-j", "2", "--agent", QUICK) for _ in range(2)]
        assert [each.wait(60) for each in runs] == [0, 0]
        assert set(states_of(eight).values()) == {"done"}
        for task in states_of(eight):
            assert [each.get("action") for each in events_of(eight, task)].count("take") == 1
        workers = {
            each["worker"] for task in states_of(eight) for each in events_of(eight, task) if "worker" in each
        }
        assert len(workers) == 2
        check_invariants(eight)

    def test_150_at_once_in_one_process(self, repo):
        lines = "".join(f"- [ ] T{number:03} [P] Wait {number}\n" for number in range(1, 151))
        begin_project(repo, lines)
        went = repo.path.parent / "went"
        agent = f"sleep 2; date +%s.%N >>{went}; echo >$IDSE_TASK"
        process = start(repo, "-j", "150", "--agent", agent, "--sandbox", "none")
        most = 0
        while process.poll() is None:
            found = pathlib.Path(f"/proc/{process.pid}/status")
            with_peak = re.search(r"VmHWM:\s+(\d+)", found.read_text()) if found.exists() else None
            most = max(most, int(with_peak[1]) if with_peak else 0)
            time.sleep(0.05)
        assert process.returncode == 0
        assert set(states_of(repo).values()) == {"done"}
        assert most < 120_000  # kB, with libgit2
        check_invariants(repo)

    def test_an_orphan_in_a_session_of_its_own_is_ended(self, project):
        agent = f"setsid sleep 4325 & {WRITE}"
        for sandbox, task in (("auto", "T001"), ("none", "T002")):
            done = project.idse("run", "--agent", agent, "--only", task, "--sandbox", sandbox)
            assert done.returncode == 0, done.stdout
            assert not living("sleep", "4325")


class TestFullDisk:
    @pytest.fixture
    def small(self):
        """``small(size, path, *words)``: runs `words` where a disk of that size is mounted at `path`."""
        if shutil.which("unshare") is None:
            pytest.skip("there is no unshare")

        def run(repo, size, place, *words):
            pathlib.Path(place).mkdir(parents=True, exist_ok=True)
            script = f'mount -t tmpfs -o size={size} tmpfs "{place}" && exec "$@"'
            done = repo.run(
                "unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, "sh", *words
            )
            if "unshare:" in done.stderr:
                pytest.skip("no namespaces here")
            return done

        return run

    def test_for_workspaces_it_is_told_and_nothing_is_lost(self, project, small, sealed):
        project.write("large.bin", os.urandom(2_000_000))
        project.commit("large")
        state = f"{sealed}/.local/state"
        idse = (str(BIN / "idse"), "run", "--agent", WRITE, "--sandbox", "none")
        done = small(project, "1m", state, *idse)
        assert done.returncode == 1
        assert "No space left" in done.stdout
        assert set(states_of(project).values()) == {"ready"}
        assert project.idse("run", "--agent", WRITE, "--sandbox", "none").returncode == 0
        check_invariants(project)

    def test_for_the_log_the_work_goes_on(self, project, small):
        logs = f"{project.path}/.git/idse/run/logs"
        agent = f"head -c 500000 /dev/zero; {WRITE}"
        idse = (str(BIN / "idse"), "run", "--agent", agent, "--only", "T001", "--sandbox", "none")
        assert small(project, "64k", logs, *idse).returncode == 0
        assert states_of(project)["T001"] == "done"


class TestWhatAPersonDoesMeanwhile:
    def test_who_stops_reading_does_not_stop_what_is_worked_on(self, eight):
        command = f"idse run -j 2 --agent 'sleep 0.5; {WRITE}' | head -n 1"
        env = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"}
        subprocess.run(["sh", "-c", command], cwd=eight.path, env=env, check=True, timeout=60)
        states = list(states_of(eight).values())
        assert "held" not in states
        assert {"done", "ready"} == set(states)

    def test_a_terminal_that_is_closed_lets_what_runs_come_to_its_end(self, eight):
        main, side = os.openpty()
        env = {**os.environ, "TERM": "xterm"}
        words = [str(BIN / "idse"), "run", "-j", "2", "--agent", f"sleep 1; {WRITE}"]
        process = subprocess.Popen(
            words, cwd=eight.path, env=env, stdin=side, stdout=side, stderr=side, start_new_session=True
        )
        os.close(side)
        wait_for(lambda: list(states_of(eight).values()).count("held") == 2)
        os.close(main)
        process.wait(30)
        assert {"done", "ready"} == set(states_of(eight).values())

    def test_a_branch_that_is_checked_out_meanwhile_leaves_results_in_review(self, eight):
        process = start(eight, "-j", "2", "--agent", f"sleep 1; {WRITE}")
        wait_for(lambda: list(states_of(eight).values()).count("held") == 2)
        eight.git("switch", "-q", "-c", BRANCH)
        assert process.wait(30) == 3
        assert {"review", "ready"} == set(states_of(eight).values())
        eight.git("switch", "-q", "--detach")
        assert start(eight, "-j", "4", "--agent", QUICK).wait(60) == 0
        check_invariants(eight, most_attempts=0)
