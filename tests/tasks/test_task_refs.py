"""Task refs beside all else that idse does: checked, never sent, never lost unasked."""

from __future__ import annotations

import json
import os
import time

import pytest

from here import acting, discover
from idse_orchestrator.base.files import file_lock
from idse_orchestrator.base.names import canonical_json
from idse_orchestrator.ledger.kinds import Kinds
from idse_orchestrator.ledger.refs import Neighbours
from idse_orchestrator.tasks.enqueue import NewTask
from idse_orchestrator.tasks.kind import TASK_KINDS, TASKS, output_ref, result_ref
from idse_orchestrator.wiring.ledgers import KINDS
from idse_orchestrator.wiring.tasks import task_queue

PLACE = "refs/idse-local/tasks/portal/__blueprint__/"
CANARY = "canary-4711"


@pytest.fixture
def queue(loop):
    vault = discover(str(loop.path))
    return task_queue(vault, acting(vault))


@pytest.fixture
def held(loop, queue):
    """A task that somebody holds, and one that is done with a result and an output."""
    ready, other = queue.enqueue("portal", "__blueprint__", [NewTask("T001", CANARY), NewTask("T002", "b")])
    taken = queue.take(ready, worker="w", agent="claude", base="a" * 40)
    code = loop.git("rev-parse", "HEAD")
    second = queue.take(other, worker="w")
    queue.finish(second, code=code, into=code)
    loop.git("update-ref", result_ref("portal", "__blueprint__", "T002", 1), code)
    loop.git("update-ref", output_ref("portal", "__blueprint__", "T002", 1), code)
    return taken


def test_a_local_kind_is_told_from_what_may_be_published():
    ref = TASKS.ref("portal", "login", "T001")
    assert ref == "refs/idse-local/tasks/portal/login/T001"
    assert TASK_KINDS.named(ref).names == ("portal", "login", "T001")
    assert TASK_KINDS.published(ref)[0] == "ref-outside"
    assert KINDS.named(ref) is None
    assert KINDS.published("refs/idse/tasks/portal/login/T001")[0] == "unknown-ref"
    both = Kinds((*KINDS, *TASK_KINDS))
    assert both.named("refs/idse/sessions/portal/login").kind.name == "session"
    assert both.named("refs/idse/tasks/portal/login/T001") is None


def test_one_change_publishes_the_kind():
    published = Kinds((*KINDS, TASKS._replace(is_local=False)))
    ref = "refs/idse/tasks/portal/login/T001"
    assert published.published(ref).names == ("portal", "login", "T001")
    assert Neighbours(["refs/idse/sessions/portal/login"]).problem(ref) is None


def test_fsck_replays_tasks_and_counts_them(loop, held):
    done = loop.does("fsck")
    assert "2 tasks among them, which never leave this repository" in done.stderr
    assert "no defects" in done.stderr
    found = json.loads(loop.does("fsck", "--json").stdout)["data"]
    assert {each["ref"]: each["commits"] for each in found["ledgers"]}[f"{PLACE}T001"] == 2
    loop.does("spawn", "login")
    assert PLACE not in loop.does("fsck", "login", "--json").stdout


def forged(loop, task, **changes):
    """Has the last event of a task say something else, with all that follows from it as idse writes it."""
    ref = f"{PLACE}{task}"
    event = json.loads(loop.git("show", f"{ref}:event.json"))
    body = {**event["body"], **changes}
    blob = loop.git("hash-object", "-w", "--stdin", stdin=canonical_json({**event, "body": body}).decode())
    state = loop.git("rev-parse", f"{ref}:state.json")
    tree = loop.git("mktree", stdin=f"100644 blob {blob}\tevent.json\n100644 blob {state}\tstate.json\n")
    message = loop.git("log", "-1", "--format=%B", ref)
    commit = loop.git("commit-tree", tree, "-p", f"{ref}~1", stdin=message)
    loop.git("update-ref", ref, commit)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"worker": "what the agent said"}, "event-schema"),
        ({"summary": "I did it"}, "event-schema"),
        ({"from": "review"}, "task-action"),
        ({"attempt": 7}, "task-action"),
        ({"to": "done"}, "task-action"),
    ],
)
def test_a_move_that_idse_does_not_make_is_a_defect(loop, held, changes, code):
    forged(loop, "T001", **changes)
    done = loop.idse("fsck")
    assert done.returncode == 1
    assert code in done.stdout
    assert f"{PLACE}T001" in done.stdout


def test_two_lines_of_a_task_are_a_defect(loop, held):
    ref = f"{PLACE}T001"
    parents = sorted([loop.git("rev-parse", ref), loop.git("rev-parse", f"{ref}~1")])
    words = [word for parent in parents for word in ("-p", parent)]
    merge = loop.git("commit-tree", f"{ref}^{{tree}}", *words, stdin="merged two histories\n")
    loop.git("update-ref", ref, merge)
    done = loop.idse("fsck")
    assert done.returncode == 1
    assert "task-fork" in done.stdout


def test_a_task_that_points_at_code_is_a_defect_and_doctor_says_so(loop, held):
    loop.git("update-ref", f"{PLACE}T001", "HEAD")
    assert "foreign-tip" in loop.idse("fsck").stdout
    told = loop.idse("doctor").stdout
    assert f"{PLACE}T001" in told
    assert "idse fsck" in told


def test_doctor_counts_tasks(loop, held):
    lines = loop.does("doctor", "-v").stdout.splitlines()
    assert any("2 tasks of this repository alone" in line for line in lines)


def test_nothing_of_a_task_is_ever_sent(loop, held, tmp_path):
    agency = tmp_path / "agency.git"
    loop.git("init", "-q", "--bare", str(agency))
    loop.does("sync", "setup", str(agency))
    loop.does("sync", "push")
    listed = loop.git("ls-remote", str(agency))
    assert "refs/idse/" in listed
    assert "idse-local" not in listed
    for line in loop.git("-C", str(agency), "cat-file", "--batch-all-objects", "--batch-check").split("\n"):
        name, kind, _ = line.split()
        if kind != "tree":
            assert CANARY not in loop.git("-C", str(agency), "cat-file", kind, name)
    loop.does("sync", "pull")
    assert "0 defects" not in loop.does("sync", "status").stderr
    assert len(loop.git("for-each-ref", PLACE).split("\n")) == 2


def test_uninstall_keeps_tasks_and_says_so(loop, held):
    tracking = "refs/idse-local/remotes/agency/projects/portal"
    loop.git("update-ref", tracking, "HEAD")
    before = loop.git("for-each-ref", "refs/idse-local/")
    said = loop.does("uninstall").stderr
    assert "kept: 4 refs of tasks" in said
    after = loop.git("for-each-ref", "refs/idse-local/")
    assert after.splitlines() == [line for line in before.splitlines() if not line.endswith(tracking)]


def test_uninstall_with_ledgers_takes_tasks_with_a_backup_that_brings_them_back(loop, held):
    before = loop.git("for-each-ref", "--format=%(objectname) %(refname)", "refs/idse", "refs/idse-local")
    done = loop.does("uninstall", "--ledgers", "--yes")
    assert loop.git("for-each-ref", "refs/idse", "refs/idse-local") == ""
    assert not (loop.path / ".git/refs/idse-local").exists()
    bundle = done.stdout.strip().split("\n")[-1]
    loop.git("fetch", "-q", bundle, "refs/idse/*:refs/idse/*", "refs/idse-local/*:refs/idse-local/*")
    after = loop.git("for-each-ref", "--format=%(objectname) %(refname)", "refs/idse", "refs/idse-local")
    assert after == before
    assert "'refs/idse-local/*:refs/idse-local/*'" in done.stderr


def test_gc_and_packing_lose_no_task(loop, queue, held):
    before = queue.board("portal", "__blueprint__").states
    loop.git("pack-refs", "--all", "--prune")
    loop.git("-c", "gc.pruneExpire=now", "gc", "-q")
    assert queue.board("portal", "__blueprint__").states == before
    assert queue.release(held, why="drain").state == "ready"


def test_a_stale_lock_of_a_killed_git_is_told_and_mended(loop, held):
    lock = loop.path / ".git" / f"{PLACE}T001.lock"
    lock.touch()
    os.utime(lock, (time.time() - 3600,) * 2)
    assert "T001.lock" in loop.idse("doctor").stdout
    loop.idse("doctor", "--fix")
    assert not lock.exists()


def test_stale_locks_of_a_killed_transaction_hold_up_no_queue(loop, queue):
    folder = loop.path / ".git" / PLACE
    folder.mkdir(parents=True)
    for number in range(50):
        lock = folder / f"T{number:03}.lock"
        lock.touch()
        os.utime(lock, (time.time() - 3600,) * 2)
    begun = time.monotonic()
    made = queue.enqueue("portal", "__blueprint__", [NewTask(f"T{n:03}", "a") for n in range(50)])
    assert len(made) == 50
    assert time.monotonic() - begun < 5


def test_a_commit_does_not_wait_for_the_lock_of_tasks(loop, queue):
    with file_lock(str(loop.path / ".git/idse"), name="tasks.lock"):
        loop.edit("intent.md", loop.text("intent.md") + "\nmore\n")
        loop.commit("while tasks are taken")
        assert "edited" in {event["kind"] for event in loop.events()[:2]}
