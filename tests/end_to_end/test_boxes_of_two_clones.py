"""Two clones tick boxes of one list, and neither sees the other: after a sync both have every tick."""

from __future__ import annotations

import json

import pytest

REF = "refs/idse/sessions/portal/login"
TASKS = ".idse/projects/portal/sessions/login/tasks.md"
OPEN = "# Tasks\n\n- [ ] T1 one\n- [ ] T2 two\n- [ ] T3 three\n"


@pytest.fixture
def clones(begun, bare_remote):
    """Two clones of one project that sync with one Agency and have the same list of tasks."""
    committed(begun)
    does(begun, "sync", "setup", bare_remote.path)
    does(begun, "sync", "push")
    other = begun.clone("other")
    does(other, "init", "--agency", bare_remote.path)
    does(other, "switch", "login")
    assert other.read(TASKS).decode() == OPEN
    return begun, other


def committed(repo):
    repo.write(TASKS, OPEN)
    repo.git("add", "-A")
    repo.git("commit", "-q", "-m", "tasks")


def does(repo, *args):
    done = repo.idse(*args)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def edits(repo, *replaced):
    text = repo.read(TASKS).decode()
    for before, after in replaced:
        assert before in text
        text = text.replace(before, after)
    repo.write(TASKS, text)
    does(repo, "save")


def sync(one, other):
    does(one, "sync", "push")
    does(other, "sync", "push")
    does(one, "sync", "pull")
    for repo in (one, other):
        does(repo, "restore")


def text(repo):
    return repo.git("show", f"{REF}:artifacts/tasks.md") + "\n"


def form(repo):
    return json.loads(repo.git("show", f"{REF}:state.json"))["format"]


def test_neighbouring_ticks_come_together_without_a_conflict(clones):
    one, other = clones
    edits(one, ("[ ] T1", "[x] T1"))
    edits(other, ("[ ] T2", "[x] T2"))
    sync(one, other)
    assert one.git("rev-parse", REF) == other.git("rev-parse", REF)
    assert text(one) == "# Tasks\n\n- [x] T1 one\n- [x] T2 two\n- [ ] T3 three\n"
    for repo in clones:
        assert "conflict" not in does(repo, "status")
        does(repo, "fsck")
        assert repo.read(TASKS).decode() == text(one)
    assert "from now on, marks of tasks do not conflict" in does(one, "log")
    # The ledger knows boxes now: no event is needed a second time.
    edits(one, ("[x] T1", "[ ] T1"))
    edits(other, ("[ ] T3", "[X] T3"))
    sync(one, other)
    assert text(one) == text(other) == "# Tasks\n\n- [ ] T1 one\n- [x] T2 two\n- [X] T3 three\n"
    assert does(one, "log").count("marks of tasks do not conflict") == 1


def test_ticked_wins_and_a_tick_follows_an_edited_task(clones):
    one, other = clones
    edits(one, ("[ ] T1", "[X] T1"), ("[ ] T2", "[x] T2"))
    edits(other, ("[ ] T1", "[x] T1"), ("T2 two", "T2 two (Deps: T1)"))
    sync(one, other)
    assert text(one) == "# Tasks\n\n- [x] T1 one\n- [x] T2 two (Deps: T1)\n- [ ] T3 three\n"
    assert one.git("rev-parse", REF) == other.git("rev-parse", REF)


def test_both_raise_it_at_the_same_time_and_end_alike(clones, bare_remote, make_repo):
    """Each pulls what the other wrote from a copy of the Agency of its own, then both meet."""
    one, other = clones
    edits(one, ("[ ] T1", "[x] T1"))
    edits(other, ("[ ] T2", "[x] T2"))
    for repo, source in ((one, other), (other, one)):
        copy = make_repo(f"copy-for-{repo.path.name}.git", bare=True)
        copy.git("fetch", "-q", str(source.path), "refs/idse/*:refs/idse/*")
        repo.git("remote", "set-url", "agency", str(copy.path))
    # The copies were made before either pulled.
    for repo in clones:
        does(repo, "sync", "pull")
        repo.git("remote", "set-url", "agency", str(bare_remote.path))
    assert one.git("rev-parse", REF) != other.git("rev-parse", REF)
    sync(one, other)
    assert one.git("rev-parse", REF) == other.git("rev-parse", REF)
    assert text(one) == "# Tasks\n\n- [x] T1 one\n- [x] T2 two\n- [ ] T3 three\n"
    does(one, "fsck")


def test_a_list_in_which_the_lines_do_not_meet_stays_of_format_1(clones):
    one, other = clones
    edits(one, ("[ ] T1", "[x] T1"))
    edits(other, ("[ ] T3", "[x] T3"))
    sync(one, other)
    assert form(one) == form(other) == 1
    assert text(one) == "# Tasks\n\n- [x] T1 one\n- [ ] T2 two\n- [x] T3 three\n"


def test_two_work_trees_tick_neighbours(begun):
    committed(begun)
    second = begun.worktree("second")
    does(second, "switch", "login")
    edits(begun, ("[ ] T1", "[x] T1"))
    edits(second, ("[ ] T2", "[x] T2"))
    assert text(begun) == "# Tasks\n\n- [x] T1 one\n- [x] T2 two\n- [ ] T3 three\n"


def test_more_than_boxes_is_still_a_conflict(clones):
    one, other = clones
    edits(one, ("[ ] T1 one", "[x] T1 uno"))
    edits(other, ("[ ] T1 one", "[ ] T1 eins"))
    does(one, "sync", "push")
    assert other.idse("sync", "push").returncode == 3
    assert form(other) == 1
    assert "<<<<<<< " in text(other)
