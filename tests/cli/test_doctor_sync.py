"""What syncs that were stopped leave behind: `idse doctor` notes it, and clears away what is safe."""

from __future__ import annotations

import json
import os
import sys
import time

import pytest

DAY = 24 * 3600


@pytest.fixture
def synced(repo, bare_remote):
    """A project that was pushed once."""
    assert repo.idse("init", "demo").returncode == 0
    assert repo.idse("sync", "setup", str(bare_remote.path)).returncode == 0
    assert repo.idse("sync", "push").returncode == 0
    return repo


def check(repo, *flags):
    done = repo.idse("doctor", "--json", *flags)
    data = json.loads(done.stdout)["data"]
    assert done.returncode == 0, done.stdout
    return next(each for each in data["checks"] if each["name"] == "sync leftovers")


def incoming(repo, process):
    folder = repo.path / ".git" / "idse" / f"incoming-{process}-0123456789ab"
    (folder / "pack").mkdir(parents=True)
    (folder / "pack" / "tmp_pack_x").write_text("half of it")
    return folder


def pending(repo, tree, *, parent="", age=0):
    """A sync point that was sent so many seconds ago, and of which nobody knows whether it arrived."""
    date = f"@{int(time.time()) - age} +0000"
    flags = ("-p", parent) if parent else ()
    commit = repo.git(
        "commit-tree",
        tree,
        *flags,
        "-m",
        "push: 1 ref",
        env={"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date},
    )
    repo.git("update-ref", f"refs/idse-local/pending/{commit}", commit)
    return commit


def still_pending(repo):
    return repo.git("for-each-ref", "--format=%(objectname)", "refs/idse-local/pending").split()


def own_ref(repo):
    return repo.git("for-each-ref", "--format=%(refname)", "refs/idse/sync")


def test_after_a_sync_nothing_is_left(synced):
    assert check(synced)["verdict"] == "ok"


def test_a_repository_that_never_synced_has_no_leftovers(repo):
    assert repo.idse("init", "demo").returncode == 0
    assert check(repo)["verdict"] == "ok"


def test_objects_of_a_process_that_is_gone_are_noted_and_removed_only_with_fix(synced):
    dead = int(synced.run(sys.executable, "-c", "import os; print(os.getpid())").stdout)
    gone, kept = incoming(synced, dead), incoming(synced, os.getpid())
    found = check(synced)
    assert (found["verdict"], gone.exists()) == ("note", True)
    assert "1 folder" in found["says"]
    assert check(synced, "--fix")["verdict"] == "fixed"
    assert (gone.exists(), kept.exists()) == (False, True)
    assert check(synced)["verdict"] == "ok"


def test_a_push_of_today_whose_end_is_unknown_is_nobodys_trouble(synced):
    pending(synced, f"{own_ref(synced)}^{{tree}}", age=DAY - 600)
    assert check(synced)["verdict"] == "ok"


def test_an_old_one_that_may_have_arrived_is_noted_and_never_removed(synced):
    commit = pending(synced, f"{own_ref(synced)}^{{tree}}", parent=own_ref(synced), age=DAY + 600)
    for flags in ((), ("--fix",), ()):
        found = check(synced, *flags)
        assert found["verdict"] == "note"
        assert "1 push" in found["says"]
        assert still_pending(synced) == [commit]
    assert any("idse sync push" in fix for fix in found["fix"])


def test_an_old_one_that_our_own_sync_points_stand_on_goes_with_fix(synced):
    ref = own_ref(synced)
    below = pending(synced, f"{ref}^{{tree}}", age=2 * DAY)
    other = pending(synced, f"{ref}^{{tree}}", age=3 * DAY)
    words = synced.git("log", "-1", "--format=%B", ref)
    tip = synced.git("commit-tree", f"{ref}^{{tree}}", "-p", below, stdin=f"{words}\n")
    synced.git("update-ref", ref, tip)
    found = check(synced)
    assert (found["verdict"], sorted(still_pending(synced))) == ("note", sorted([below, other]))
    synced.idse("doctor", "--fix")
    assert still_pending(synced) == [other]
