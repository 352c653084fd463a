"""Several processes on one queue, and some that are killed: every task is taken once, every ref is legal."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest

from here import acting, discover
from idse_orchestrator.ledger.fsck import check_ledgers
from idse_orchestrator.tasks.check import TaskSource
from idse_orchestrator.tasks.enqueue import NewTask
from idse_orchestrator.tasks.kind import TASK_KINDS
from idse_orchestrator.wiring.tasks import task_queue

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
WORKER = """
import json, os, sys
sys.path.insert(0, os.path.join(sys.argv[1], "support"))
from here import acting, discover
from idse_orchestrator.wiring.tasks import task_queue
from idse_orchestrator.tasks.enqueue import NewTask
vault = discover(sys.argv[2])
queue = task_queue(vault, acting(vault))
how, name = sys.argv[3], sys.argv[4]
"""
TAKES = (
    WORKER
    + """
states = list(queue.board("p", "s").states)
print("ready", flush=True)
sys.stdin.readline()
won = []
for state in states:
    held = queue.take(state, worker=name)
    if held is not None:
        won.append(state.task)
        queue.finish(held, into="c" * 40)
print(json.dumps(won), flush=True)
"""
)
ENQUEUES = (
    WORKER
    + """
for number in range(1000):
    made = queue.enqueue("p", "s", [NewTask(f"{name}-{number}-{each}", "a") for each in range(int(how))])
    for state in made[:3]:
        queue.take(state, worker=name)
    print(number, flush=True)
"""
)


def start(repo, script, how, name):
    words = [sys.executable, "-c", script, HERE, str(repo.path), how, name]
    return subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def sound(vault):
    with TaskSource(vault, TASK_KINDS) as source:
        report = check_ledgers(source)
    assert report.defects == ()
    return report


def test_four_processes_that_race_for_a_hundred_tasks_take_each_once(repo):
    vault = discover(str(repo.path))
    queue = task_queue(vault, acting(vault))
    queue.enqueue("p", "s", [NewTask(f"T{number:03}", "a") for number in range(100)])
    children = [start(repo, TAKES, "", f"w{number}") for number in range(4)]
    assert [child.stdout.readline() for child in children] == ["ready\n"] * 4
    for child in children:
        child.stdin.write("go\n")
        child.stdin.flush()
    won = [json.loads(child.stdout.readline()) for child in children]
    assert [child.wait(60) for child in children] == [0] * 4
    for child in children:
        child.stdin.close()
        child.stdout.close()
    assert sorted(task for each in won for task in each) == [f"T{number:03}" for number in range(100)]
    board = queue.board("p", "s")
    assert board.counts == {"done": 100}
    assert {each.attempt for each in board.states} == {1}
    assert sound(vault).commits == 300


def killed(repo, seed, how, name):
    """Starts a process that queues and takes without end, and kills it at a random moment."""
    child = start(repo, ENQUEUES, how, name)
    child.stdout.readline()
    time.sleep(random.Random(seed).random() * 0.3)
    child.send_signal(signal.SIGKILL)
    child.wait(30)
    child.stdin.close()
    child.stdout.close()


@pytest.mark.parametrize("how", ["1", "150"])
def test_a_process_that_is_killed_anywhere_leaves_legal_refs(repo, how):
    rounds(repo, how, 3)


@pytest.mark.soak
@pytest.mark.parametrize("how", ["1", "10", "150"])
def test_two_hundred_processes_that_are_killed_leave_legal_refs(repo, how):
    rounds(repo, how, 70)


def rounds(repo, how, count):
    vault = discover(str(repo.path))
    for seed in range(count):
        killed(repo, seed, how, f"k{seed}")
    time.sleep(0.5)  # a git that the killed one had started may still end
    sound(vault)
    queue = task_queue(vault, acting(vault))
    board = queue.board("p", "s")
    assert board.unreadable == {}
    assert {each.state for each in board.states} <= {"ready", "held"}
    made = queue.enqueue("p", "s", [NewTask(f"after-{each}", "a") for each in range(200)])
    assert len(made) == 200, "the next one goes on"
    for state in queue.board("p", "s").ready()[:20]:
        assert queue.take(state, worker="next").state == "held"
    sound(vault)
