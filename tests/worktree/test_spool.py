"""The spool, filled the way the hooks fill it, and what becomes of it."""

from __future__ import annotations

import os
import time

import pytest

from here import acting, discover, git_notes
from idse_orchestrator.errors import CorruptLedgerError
from idse_orchestrator.ledger.refs import NOTES_ON_COMMITS
from idse_orchestrator.worktree import code_commits
from idse_orchestrator.worktree.code_commits import drain

LOGIN = "refs/idse/sessions/portal/login"
NOTE = "Idse-Session: portal/login\n"
NO_SUCH = "0123456789" * 4


def pending(work_tree):
    """The commits that wait for their note, with the session of each, in order of their ids."""
    folder = code_commits._folder(work_tree)
    names = filter(code_commits._COMMIT.fullmatch, code_commits._names(folder))
    read = (code_commits._read(folder, name) for name in names)
    return [(each.commit, each.session) for each in read if each and each.session]


def empty_commit(repo, subject: str) -> str:
    repo.git("commit", "--quiet", "--allow-empty", "-m", subject)
    return repo.git("rev-parse", "HEAD")


@pytest.fixture
def repository(repo):
    return discover(str(repo.path))


@pytest.fixture
def commits(repo) -> list[str]:
    return [empty_commit(repo, subject) for subject in ("one", "two", "three")]


@pytest.fixture
def put(repository):
    folder = os.path.join(repository.private, "spool")

    def do(name: str, content: str = f"ref: {LOGIN}\n", *, age: float = 0) -> str:
        os.makedirs(folder, exist_ok=True)
        path = os.path.join(folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(content)
        os.utime(path, (time.time() - age,) * 2)
        return path

    return do


def left(repository) -> list[str]:
    return sorted(os.listdir(os.path.join(repository.private, "spool")))


def test_without_a_spool_nothing_is_pending_and_draining_writes_nothing(repo, repository):
    assert pending(repository) == []
    assert drain(repository, acting(repository).anybody) == ()
    assert not os.path.exists(repository.private)


def test_a_spooled_commit_is_pending_until_it_becomes_a_note(repository, commits, put):
    put(commits[0])
    assert pending(repository) == [(commits[0], "portal/login")]
    assert drain(repository, acting(repository).anybody) == (commits[0],)
    assert git_notes(repository).read(commits[0]) == NOTE
    assert (pending(repository), left(repository)) == ([], [])


def test_the_whole_spool_becomes_one_commit(repo, repository, commits, put):
    for commit in commits:
        put(commit)
    assert set(drain(repository, acting(repository).anybody)) == set(commits)
    subjects = repo.git("log", "--format=%s", NOTES_ON_COMMITS).split("\n")
    assert subjects == ["idse: note 3 commits from the spool", "idse: notes"]


def test_draining_again_after_a_crash_changes_nothing(repo, repository, commits, put):
    put(commits[0])
    drain(repository, acting(repository).anybody)
    before = repo.git("rev-parse", NOTES_ON_COMMITS)
    put(commits[0])
    assert drain(repository, acting(repository).anybody) == ()
    assert repo.git("rev-parse", NOTES_ON_COMMITS) == before
    assert left(repository) == []


def test_a_rewrite_carries_over_what_was_noted_and_what_is_still_spooled(repository, commits, put):
    first, second, third = commits
    git_notes(repository).write_many({first: "Idse-Session: portal/older\n"}, "before")
    put(second)
    put(f"{second}-{first}", "")
    put(f"{third}-{second}", "")
    drain(repository, acting(repository).anybody)
    assert git_notes(repository).read(first) == "Idse-Session: portal/older\n"
    assert git_notes(repository).read(third) == f"{NOTE}\nIdse-Session: portal/older\n"
    assert left(repository) == []


def test_a_rewrite_whose_old_commit_was_collected_still_passes_its_note_on(repository, commits, put):
    git_notes(repository).write_many({NO_SUCH: NOTE}, "before")
    put(f"{commits[0]}-{NO_SUCH}", "")
    assert drain(repository, acting(repository).anybody) == (commits[0],)


def test_a_commit_that_is_gone_is_dropped(repo, repository, commits, put):
    put(NO_SUCH)
    put(f"{NO_SUCH}-{commits[0]}", "")
    assert drain(repository, acting(repository).anybody) == ()
    assert left(repository) == []
    assert repo.git("for-each-ref", NOTES_ON_COMMITS) == ""


@pytest.mark.parametrize(
    "content",
    [
        "garbage\n",
        "ref: refs/heads/main\n",
        "ref: refs/idse/sessions/../../x\n",
        "ref: refs/idse/sessions/only-a-project\n",
        "ref: refs/idse/sessions/p/s\nmore\n",
        "é\n",
        "x" * 5000,
    ],
)
def test_a_file_that_says_nothing_is_dropped(repo, repository, commits, put, content):
    put(commits[0], content)
    assert pending(repository) == []
    assert drain(repository, acting(repository).anybody) == ()
    assert left(repository) == []
    assert repo.git("for-each-ref", NOTES_ON_COMMITS) == ""


def test_a_file_that_is_being_written_waits_and_one_that_never_was_finished_goes(repository, commits, put):
    put(commits[0], "ref: refs/idse/ses")
    put(commits[1], "")
    put(commits[2], "", age=3600)
    assert drain(repository, acting(repository).anybody) == ()
    assert left(repository) == sorted(commits[:2])


def test_names_that_are_not_ours_are_left_alone(repository, commits, put):
    put("notes.txt")
    put("ABCDEF" * 6 + "ABCD")
    put(commits[0][:39])
    put(commits[0])
    os.mkdir(os.path.join(repository.private, "spool", "x" * 40))
    drain(repository, acting(repository).anybody)
    assert len(left(repository)) == 4


def test_a_folder_in_the_place_of_a_commit_does_no_harm(repository, commits, put):
    put(commits[0])
    os.mkdir(os.path.join(repository.private, "spool", commits[1]))
    assert drain(repository, acting(repository).anybody) == (commits[0],)


def test_the_spool_stays_whole_when_the_notes_cannot_be_written(repo, repository, commits, put):
    repo.git("update-ref", NOTES_ON_COMMITS, repo.git("hash-object", "-w", "--stdin", stdin="x"))
    put(commits[0])
    with pytest.raises(CorruptLedgerError):
        drain(repository, acting(repository).anybody)
    assert left(repository) == [commits[0]]


def test_a_session_whose_ledger_is_gone_is_noted_all_the_same(repository, commits, put):
    put(commits[0], "ref: refs/idse/sessions/portal/archived.long-ago\n")
    drain(repository, acting(repository).anybody)
    assert git_notes(repository).read(commits[0]) == "Idse-Session: portal/archived.long-ago\n"
