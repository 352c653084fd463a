"""``idse task``, as people type it."""

from __future__ import annotations

import json

import pytest

from here import acting, discover
from idse_orchestrator.wiring.tasks import task_queue

KEY = ("portal", "__blueprint__")
PLACE = "refs/idse-local/tasks/portal/__blueprint__/"
LIST = """# Tasks: Greeting

## Phase 0 – Foundations

- [ ] Task 0.1 – Write the tests (Files: tests/test_greet.py) (Acceptance: they fail)

## Phase 1 – Core Behavior

- [ ] Task 1.1 – Write the function (Deps: 0.1) (Files: src/greet.py) (Acceptance: AC-1, AC-2)
- [x] Task 1.2 – Ask Ada (Acceptance: asked)

## Phase 2 – NFRs / Hardening

- [ ] Task 2.1 – Tell users (Deps: 1.1, 1.2) (Files: docs/) (Acceptance: it is read)
"""


@pytest.fixture
def begun(loop, once):
    """A project whose stage `tasks` waits to be completed."""

    def make():
        loop.finish("intent", "context", "spec", "plan")
        loop.edit("tasks.md", LIST)

    once(loop.repo, make)
    return loop


@pytest.fixture
def promised(begun):
    """The same, completed."""
    begun.does("stage", "complete", "tasks")
    return begun


@pytest.fixture
def queued(promised):
    """The same, queued."""
    promised.does("task", "add")
    return promised


def worker(loop):
    """A worker of its own: takes, and ends."""
    vault = discover(str(loop.path))
    return task_queue(vault, acting(vault))


def take(loop, task):
    queue = worker(loop)
    return queue.take(queue.state(*KEY, task), worker="w1", agent="claude", base="a" * 40)


def review(loop, task, code=""):
    queue, held = worker(loop), take(loop, task)
    return queue.finish(held, code=code, usage={"cost_usd": 0.31, "basis": "reported"})


def data(loop, *args):
    return json.loads(loop.does("task", *args, "--json").stdout)["data"]


def refused(loop, *args, **more):
    """What idse says; nothing may have been written."""
    before = loop.git("for-each-ref", PLACE)
    done = loop.idse("task", *args, **more)
    assert done.returncode not in (0, 1, 70), done.stdout + done.stderr
    assert loop.git("for-each-ref", PLACE) == before
    return done.stderr


def test_a_completed_list_is_queued_and_listed(promised):
    said = promised.does("task", "add")
    assert "queue of portal/__blueprint__: 3 new" in said.stderr
    rows = promised.does("task", "list")
    assert [line.split()[:2] for line in rows.stdout.splitlines()] == [
        ["0.1", "ready"],
        ["1.1", "blocked"],
        ["2.1", "blocked"],
    ]
    assert "(waits for 0.1)" in rows.stdout
    assert "3 tasks: 1 ready, 2 blocked" in rows.stderr
    assert promised.does("task", "add").stderr.strip().endswith("3 as before")


def test_the_list_as_json_has_all_that_is_known(queued):
    found = data(queued, "list")
    assert (found["counts"], found["unreadable"]) == ({"ready": 1, "blocked": 2}, {})
    second = found["tasks"][1]
    assert (second["task"], second["blocked"], second["blocked_by"]) == ("1.1", True, ["0.1"])
    assert (second["paths"], second["max_attempts"]) == (["src/greet.py"], 3)
    assert [each["task"] for each in data(queued, "list", "--state", "blocked")["tasks"]] == ["1.1", "2.1"]
    assert data(queued, "list", "--state", "done")["tasks"] == []


def test_before_anything_is_queued_the_way_is_shown(promised):
    said = promised.does("task", "list").stderr
    assert "nothing is queued here yet" in said
    assert "next: idse task add" in said


def test_a_list_that_is_no_promise_is_not_queued(begun):
    assert "its stage tasks is in progress" in refused(begun, "add")
    begun.does("stage", "complete", "tasks")
    begun.edit("tasks.md", LIST + "- [ ] Task 2.2 – More (Acceptance: yes)\n")
    assert "tasks.md changed after tasks was completed" in refused(begun, "add")
    begun.edit("tasks.md", LIST.replace("- [ ] Task 0.1", "- [x] Task 0.1"))
    assert "2 new" in begun.does("task", "add").stderr, "a tick is progress and no change"


@pytest.mark.parametrize(
    ("rule", "deps", "told"),
    [
        ("IDSE603", "9.9", "1.1 needs 9.9, and there is no such task"),
        ("IDSE604", "2.1", "tasks wait for each other: 1.1 → 2.1 → 1.1"),
    ],
)
def test_a_promise_that_cannot_be_kept_is_named(begun, rule, deps, told):
    begun.edit("tasks.md", LIST.replace("(Deps: 0.1)", f"(Deps: {deps})"))
    begun.does("rule", "waive", rule, "-m", "a test")
    begun.does("stage", "complete", "tasks")
    assert told in refused(begun, "add")


def test_the_queue_follows_a_list_that_was_opened_again(queued):
    review(queued, "0.1")
    queued.does("stage", "reopen", "tasks", "-m", "more to do")
    queued.edit(
        "tasks.md",
        LIST.replace("Write the function", "Write a function")
        .replace("Tell users", "Tell all")
        .replace("Write the tests", "Write all tests"),
    )
    assert "is in progress" in refused(queued, "add")
    queued.does("stage", "complete", "tasks")
    said = queued.does("task", "add").stderr
    assert "2 changed" in said
    assert "0.1 is review, and the list has it otherwise: idse task reject 0.1" in said


def test_a_life_as_people_see_it(queued):
    held = take(queued, "0.1")
    row = queued.does("task", "list", "--state", "held").stdout.split()
    assert row[:4] == ["0.1", "held", "claude", "0/3"]
    assert "held by" in queued.does("task", "show", "0.1").stdout
    queued.repo.write("tests/test_greet.py", b"assert True\n")
    queued.git("add", "tests")
    queued.commit("the tests")
    code = queued.git("rev-parse", "HEAD")
    worker(queued).finish(held, code=code, usage={"cost_usd": 0.31, "basis": "reported"})
    assert "0.1 is done" in queued.does("task", "accept", "0.1").stderr
    assert data(queued, "show", "0.1")["into"] == queued.git("rev-parse", "HEAD")
    told = queued.does("task", "log", "0.1").stdout.splitlines()
    wanted = ("created → ready", "take → held", "finish → review", "accept → done")
    assert all(words in line for words, line in zip(wanted, told, strict=True))
    assert data(queued, "list")["counts"] == {"done": 1, "ready": 1, "blocked": 1}
    queued.does("task", "tick")
    assert "- [x] Task 0.1" in queued.text("tasks.md")
    assert queued.stage("tasks")["status"] == "complete"


def test_a_result_that_is_on_no_branch_is_not_accepted_by_the_way(queued):
    queued.git("switch", "-q", "-c", "aside")
    queued.repo.write("a.py", b"x = 1\n")
    queued.git("add", "a.py")
    queued.commit("aside")
    code = queued.git("rev-parse", "HEAD")
    queued.git("switch", "-q", "main")
    review(queued, "0.1", code)
    assert f"git merge {code[:12]}" in refused(queued, "accept", "0.1")
    assert "there is no commit 'nope'" in refused(queued, "accept", "0.1", "--into", "nope")
    queued.does("task", "accept", "0.1", "--into", "HEAD")


def test_people_reject_cancel_retry_and_reopen(queued):
    review(queued, "0.1")
    assert "0.1 is ready: wrong file" in queued.does("task", "reject", "0.1", "-m", "wrong file").stderr
    queued.does("task", "cancel", "0.1", "-m", "no")
    assert "0.1 is cancelled, so nobody can cancel it" in refused(queued, "cancel", "0.1", "-m", "no")
    queued.does("task", "retry", "0.1")
    review(queued, "0.1")
    queued.does("task", "accept", "0.1")
    queued.does("task", "reopen", "0.1", "-m", "again")
    assert data(queued, "show", "0.1")["state"] == "ready"


def test_one_task_of_ones_own_may_wait_for_a_person(queued):
    queued.does("task", "add", "look", "Look at it", "--needs", "0.1, 1.1", "--approve", "Is it good?")
    assert "Is it good?" in queued.does("task", "show", "look").stdout
    queued.does("task", "approve", "look")
    found = data(queued, "show", "look")
    assert (found["state"], found["blocked_by"], found["needs"]) == ("ready", ["0.1", "1.1"], ["0.1", "1.1"])
    queued.does("task", "add", "other", "Another", "--approve", "well?", "--for", "codex", "--path", "src/")
    queued.does("task", "refuse", "other", "-m", "no")
    assert data(queued, "show", "other")["state"] == "failed"
    assert "exists already" in refused(queued, "add", "LOOK", "twice")
    assert "there is no such task" in refused(queued, "add", "more", "more", "--needs", "gone")
    assert "wait for each other" in refused(queued, "add", "self", "self", "--needs", "self")
    assert "a task needs a text" in refused(queued, "add", "empty", " ")


@pytest.mark.parametrize("name", ["../x", "a/b", "x.lock", "a b", "\x1b[31mred", "x" * 65])
def test_a_hostile_name_is_refused_and_shown_plainly(queued, name):
    for args in (("add", name, "text"), ("show", name), ("cancel", name, "-m", "x"), ("log", name)):
        said = refused(queued, *args)
        assert "\x1b" not in said


def test_an_agent_decides_nothing_that_is_a_persons(queued):
    review(queued, "0.1")
    agent = {"IDSE_AGENT": "claude"}
    for args in (("accept", "0.1"), ("reject", "0.1", "-m", "x"), ("cancel", "1.1", "-m", "x")):
        assert "only a person" in refused(queued, *args, env=agent)


def test_what_an_attempt_put_out_is_listed_and_printed(queued):
    assert "0.1 was never taken" in refused(queued, "output", "0.1")
    review(queued, "0.1")
    assert "nothing is kept" in refused(queued, "output", "0.1")
    blob = queued.git("hash-object", "-w", "--stdin", stdin="a\x1breport\n")
    inner = queued.git("mktree", stdin=f"100644 blob {blob}\treport.md\n")
    tree = queued.git("mktree", stdin=f"040000 tree {inner}\tdeep\n100644 blob {blob}\tz.txt\n")
    commit = queued.git("commit-tree", tree, "-m", "out")
    queued.git("update-ref", "refs/idse-local/outputs/portal/__blueprint__/0.1/1", commit)
    assert queued.does("task", "output", "0.1").stdout.split("\n")[0].split()[0] == "deep/report.md"
    assert queued.does("task", "output", "0.1", "z.txt", "--attempt", "1").stdout == "a\x1breport\n"
    assert "there is no file 'nope'" in refused(queued, "output", "0.1", "nope")


def test_ticks_touch_nothing_but_boxes_of_tasks_that_are_done_with_these_words(queued):
    queue = worker(queued)
    for task in ("0.1", "1.1"):
        queue.finish(take(queued, task), into="c" * 40)
    text = LIST.replace("Write the function", "Write another function").replace("\n", "\r\n")
    path = queued.path / queued.FOLDER / "tasks.md"
    path.write_bytes(text.encode() + b"\xff")
    before = path.read_bytes()
    assert data(queued, "tick")["ticked"] == ["0.1"]
    assert path.read_bytes() == before.replace(b"- [ ] Task 0.1", b"- [x] Task 0.1")
    path.unlink()
    assert "idse restore" in refused(queued, "tick")
    path.symlink_to("/etc/hostname")
    assert "a link is never written through" in refused(queued, "tick")


def test_a_deleted_session_keeps_its_tasks_and_moves_none(queued):
    queued.does("spawn", "login")
    queued.does("task", "add", "own", "of login")
    queued.does("session", "rename", "login", "sign-in")
    assert data(queued, "list", "sign-in")["counts"] == {"ready": 1}
    assert "1 task of it: kept" in queued.does("session", "delete", "login", "-m", "twice").stderr
    assert "was deleted" in refused(queued, "cancel", "own", "-m", "x", "--session", "login")
    queued.does("session", "delete", "login", "--undo")
    assert data(queued, "list", "login")["counts"] == {"ready": 1}
