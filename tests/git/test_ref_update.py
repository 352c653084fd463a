"""A ref moves only from where its reader saw it."""

from __future__ import annotations

import os
import threading
import time

import pytest

from here import discover
from idse_orchestrator.errors import GitFailedError, StorageError
from idse_orchestrator.git.libgit2 import STALE_AFTER_SECONDS, RefMovedError, move_ref, open_repository

REF = "refs/idse/sessions/portal/login"


@pytest.fixture(autouse=True, params=["own", "shared"])
def kind(repo, request):
    """In a repository that several users share, git moves the ref: all of this holds there, too."""
    if request.param == "shared":
        repo.git("config", "core.sharedRepository", "group")
    discover(str(repo.path))


@pytest.fixture
def handle(repo):
    return open_repository(str(repo.path / ".git"))


@pytest.fixture
def commits(repo):
    return [repo.commit(str(number), allow_empty=True) for number in range(3)]


def at(repo):
    return repo.git("rev-parse", "--verify", "--quiet", REF, check=False)


def test_a_new_ref_is_created_with_its_log(repo, handle, commits):
    move_ref(handle, REF, commits[0], None, "idse: created")
    assert at(repo) == commits[0]
    assert repo.git("reflog", "show", "--format=%gs", REF) == "idse: created"


def test_a_ref_that_is_where_it_was_read_moves(repo, handle, commits):
    move_ref(handle, REF, commits[0], None, "one")
    move_ref(handle, REF, commits[1], commits[0], "two")
    assert at(repo) == commits[1]
    assert repo.git("reflog", "show", "--format=%gs", REF).split("\n") == ["two", "one"]


@pytest.mark.parametrize("packed", [False, True])
def test_a_ref_that_moved_meanwhile_stays_where_the_faster_one_put_it(repo, handle, commits, packed):
    repo.git("update-ref", REF, commits[1])
    if packed:
        repo.git("pack-refs", "--all")
    with pytest.raises(RefMovedError):
        move_ref(handle, REF, commits[2], commits[0], "late")
    assert at(repo) == commits[1]


@pytest.mark.parametrize("packed", [False, True])
def test_a_name_that_was_taken_meanwhile_is_not_created_over(repo, handle, commits, packed):
    repo.git("update-ref", REF, commits[1])
    if packed:
        repo.git("pack-refs", "--all")
    with pytest.raises(RefMovedError):
        move_ref(handle, REF, commits[0], None, "late")
    assert at(repo) == commits[1]


def test_a_ref_that_was_deleted_meanwhile_is_not_brought_back(repo, handle, commits):
    repo.git("update-ref", REF, commits[0])
    repo.git("update-ref", "-d", REF)
    with pytest.raises(RefMovedError):
        move_ref(handle, REF, commits[1], commits[0], "late")
    assert at(repo) == ""


def test_of_many_creators_exactly_one_wins(repo, commits):
    outcomes = []
    gate = threading.Barrier(6)

    def create(name, commit):
        mine = open_repository(str(repo.path / ".git"))
        gate.wait()
        try:
            move_ref(mine, name, commit, None, "mine")
        except RefMovedError:
            outcomes.append((name, False))
        else:
            outcomes.append((name, True))

    for number in range(15):
        name = f"{REF}-{number}"
        threads = [threading.Thread(target=create, args=(name, commits[n % 3])) for n in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    winners = [name for name, won in outcomes if won]
    assert sorted(winners) == sorted({name for name, _ in outcomes})
    assert len(outcomes) == 90


def test_a_lock_file_of_a_killed_writer_is_recovered(repo, handle, commits):
    move_ref(handle, REF, commits[0], None, "one")
    lock = repo.path / ".git" / f"{REF}.lock"
    lock.touch()
    long_ago = time.time() - STALE_AFTER_SECONDS - 60
    os.utime(lock, (long_ago, long_ago))
    move_ref(handle, REF, commits[1], commits[0], "two")
    assert at(repo) == commits[1]
    assert not lock.exists()


def test_a_lock_file_of_a_living_writer_is_waited_for(repo, handle, commits):
    move_ref(handle, REF, commits[0], None, "one")
    lock = repo.path / ".git" / f"{REF}.lock"
    lock.touch()
    kept = []

    def release():
        kept.append(lock.exists())
        lock.unlink()

    timer = threading.Timer(0.2, release)
    timer.start()
    move_ref(handle, REF, commits[1], commits[0], "two")
    timer.join()
    assert kept == [True]
    assert at(repo) == commits[1]


def test_the_lock_of_a_git_with_a_slow_hook_is_left_to_it(repo, handle, commits):
    move_ref(handle, REF, commits[0], None, "one")
    hook = repo.write(".git/hooks/reference-transaction", '#!/bin/sh\n[ "$1" != prepared ] || sleep 1.5\n')
    hook.chmod(0o755)
    lock = repo.path / ".git" / f"{REF}.lock"
    slow = threading.Thread(target=repo.git, args=("update-ref", REF, commits[2], commits[0]))
    slow.start()
    while not lock.exists():
        time.sleep(0.01)
    two_seconds_ago = time.time() - 2
    os.utime(lock, (two_seconds_ago, two_seconds_ago))
    with pytest.raises(RefMovedError):
        move_ref(handle, REF, commits[1], commits[0], "two")
    slow.join()
    assert at(repo) == commits[2]


def test_a_ref_that_stands_where_a_folder_is_needed_is_an_error_in_words(repo, handle, commits):
    repo.git("update-ref", "refs/idse/sessions/portal", commits[0])
    with pytest.raises((GitFailedError, StorageError)) as caught:
        move_ref(handle, REF, commits[1], None, "no room")
    assert caught.value.cause
