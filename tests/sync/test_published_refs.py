"""Many refs move at once, each only from where it was seen, whatever other processes do or left behind."""

from __future__ import annotations

import os
import time

import pytest

from here import discover
from idse_orchestrator.errors import GitFailedError
from idse_orchestrator.git.libgit2 import STALE_AFTER_SECONDS
from idse_orchestrator.sync.published_refs import PublishedRefs, RefMove

LOGIN = "refs/idse/sessions/portal/login"
PAY = "refs/idse/sessions/portal/pay"


@pytest.fixture
def refs(repo):
    return PublishedRefs(discover(str(repo.path)))


@pytest.fixture
def commits(repo):
    return [repo.commit(str(number), allow_empty=True) for number in range(3)]


def lock_file(repo, age):
    path = repo.path / ".git" / f"{LOGIN}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    os.utime(path, (time.time() - age,) * 2)
    return path


@pytest.mark.parametrize("age", [STALE_AFTER_SECONDS + 60, STALE_AFTER_SECONDS - 1])
def test_a_lock_file_of_a_killed_process_is_recovered_from(repo, refs, commits, age):
    lock_file(repo, age)
    moves = [RefMove(LOGIN, "", commits[0]), RefMove(PAY, "", commits[1])]
    assert refs.move(moves, "pull") == []
    assert refs.heads() == {LOGIN: commits[0], PAY: commits[1]}


def test_a_ref_that_somebody_else_moved_is_told_and_keeps_no_other_back(repo, refs, commits):
    repo.git("update-ref", LOGIN, commits[2])
    late = RefMove(LOGIN, commits[0], commits[1])
    assert refs.move([late, RefMove(PAY, "", commits[1])], "pull") == [late]
    assert refs.heads() == {LOGIN: commits[2], PAY: commits[1]}


def test_whatever_is_not_said_to_be_late_was_moved(repo, refs, commits):
    """Each try shows one more ref that somebody else moved meanwhile."""
    names = [f"refs/idse/sessions/portal/s{number}" for number in range(9)]
    hook = repo.path / ".git/hooks/reference-transaction"
    hook.write_text(
        '#!/bin/sh\ntest "$1" = prepared || exit 0\n'
        "n=$(cat .git/n 2>/dev/null || echo 0)\ntest $n -lt 7 || exit 0\necho $((n + 1)) >.git/n\n"
        'for ref in $(cat .git/names); do test "$ref" = refs/idse/sessions/portal/s$n && '
        f"{{ mkdir -p .git/refs/idse/sessions/portal; echo {commits[2]} >.git/$ref; }}; done\nexit 1\n"
    )
    hook.chmod(0o755)
    (repo.path / ".git/names").write_text("\n".join(names))
    moves = [RefMove(name, "", commits[0]) for name in names]
    late = refs.move(moves, "pull")
    heads = refs.heads()
    elsewhere = [move.ref for move in moves if heads.get(move.ref) != move.new]
    assert elsewhere == sorted(move.ref for move in late)
    assert len(late) == 7


def test_a_ref_that_cannot_be_written_is_an_error_and_no_success(repo, refs, commits):
    repo.git("update-ref", "refs/idse/sessions/portal", commits[0])
    with pytest.raises(GitFailedError):
        refs.move([RefMove(LOGIN, "", commits[0])], "pull")
