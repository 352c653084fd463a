"""One writer at a time, for as long as its process lives."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading

import pytest

from here import discover
from idse_orchestrator.errors import BusyError, StorageError
from idse_orchestrator.git.vault import ledger_lock

HOLDER = """
import os, sys
from idse_orchestrator.git.vault import ledger_lock
from idse_orchestrator.worktree.work_tree import discover
with ledger_lock(discover(sys.argv[1], os.environ)):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def repository(repo):
    return discover(str(repo.path))


@pytest.fixture
def holder(repo):
    """Another process that holds the lock until its standard input ends."""
    command = [sys.executable, "-c", HOLDER, str(repo.path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"held\n"
        yield process
        process.kill()


def test_the_lock_is_free_again_after_use_and_after_an_error(repository):
    for _ in range(3):
        with contextlib.suppress(ZeroDivisionError), ledger_lock(repository, 0.2):
            raise ZeroDivisionError


@pytest.mark.parametrize("patience", [0, 0.05])
def test_who_waits_too_long_is_told_that_it_is_busy(repository, holder, patience):
    with pytest.raises(BusyError) as caught, ledger_lock(repository, patience):
        pytest.fail("two held the lock")
    assert caught.value.exit_code == 75


def test_who_waits_gets_the_lock_when_its_holder_ends(repository, holder):
    ended = threading.Event()

    def end():
        ended.set()
        holder.stdin.close()

    threading.Timer(0.2, end).start()
    with ledger_lock(repository):
        assert ended.is_set()


def test_a_killed_holder_leaves_nothing_to_clean(repository, holder):
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    with ledger_lock(repository, 0):
        pass


def test_a_thread_waits_as_well(repository, holder):
    outcome = []

    def wait():
        try:
            with ledger_lock(repository, 0.05):
                outcome.append("held")
        except BusyError:
            outcome.append("busy")

    thread = threading.Thread(target=wait)
    thread.start()
    thread.join()
    assert outcome == ["busy"]


def test_an_alarm_handler_of_the_caller_survives_the_wait(repository, holder):
    def mine(signum, frame):
        pytest.fail("no alarm was set")

    before = signal.signal(signal.SIGALRM, mine)
    try:
        with pytest.raises(BusyError), ledger_lock(repository, 0.05):
            pass
        assert signal.getsignal(signal.SIGALRM) is mine
        assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    finally:
        signal.signal(signal.SIGALRM, before)


def test_worktrees_of_one_repository_share_the_lock(repo, repository, holder):
    repo.commit(allow_empty=True)
    beside = discover(str(repo.worktree("beside").path))
    with pytest.raises(BusyError), ledger_lock(beside, 0.05):
        pass


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_git_directory_that_cannot_be_written_is_told(repo, repository):
    os.chmod(repo.path / ".git", 0o500)
    try:
        with pytest.raises(StorageError), ledger_lock(repository):
            pass
    finally:
        os.chmod(repo.path / ".git", 0o700)
