"""`idse fsck` and `idse doctor` know the sync points under refs/idse/sync/, and judge them as a sync does."""

from __future__ import annotations

import json

import pytest

STRANGER = "01J00000000000000000000000"


@pytest.fixture
def synced(repo, bare_remote):
    """A project that was pushed once, so that it has one sync point."""
    assert repo.idse("init", "demo").returncode == 0
    assert repo.idse("sync", "setup", str(bare_remote.path)).returncode == 0
    assert repo.idse("sync", "push").returncode == 0
    return repo


def sync_ref(repo):
    return repo.git("for-each-ref", "--format=%(refname)", "refs/idse/sync/")


def defects(repo):
    done = repo.idse("fsck", "--json")
    found = json.loads(done.stdout)
    codes = [(defect["ref"], defect["code"]) for defect in found["data"]["defects"]]
    assert done.returncode == (1 if codes else 0)
    return codes, [note["code"] for note in found["diagnostics"]]


def check(repo, name, *flags):
    data = json.loads(repo.idse("doctor", "--json", *flags).stdout)["data"]
    return next(each for each in data["checks"] if each["name"] == name)


def commit(repo, files, *parents, message="push: nothing\n"):
    rows = "".join(
        f"100644 blob {repo.git('hash-object', '-w', '--stdin', stdin=text)}\t{name}\n"
        for name, text in files.items()
    )
    flags = [word for parent in parents for word in ("-p", parent)]
    return repo.git("commit-tree", repo.git("mktree", stdin=rows), *flags, stdin=message)


def test_the_sync_points_of_a_clone_are_known_and_sound(synced):
    assert defects(synced) == ([], [])
    assert check(synced, "ledger refs")["verdict"] == "ok"


def test_those_of_other_clones_are_sound_too(synced, bare_remote, make_repo):
    two = make_repo("two")
    assert two.idse("init", "other").returncode == 0
    assert two.idse("sync", "setup", str(bare_remote.path)).returncode == 0
    assert two.idse("sync", "push").returncode == 0
    assert len(sync_ref(two).splitlines()) == 2
    assert defects(two) == ([], [])
    assert check(two, "reflogs")["verdict"] == "ok"


def test_a_sync_point_without_a_reflog_gets_one(synced):
    (synced.path / ".git/logs" / sync_ref(synced)).unlink()
    assert check(synced, "reflogs")["verdict"] == "warning"
    assert check(synced, "reflogs", "--fix")["verdict"] == "fixed"
    assert (synced.path / ".git/logs" / sync_ref(synced)).exists()


def _garbage(repo, ref):
    return commit(repo, {"sync.json": "{}"}, ref)


def _other_tree(repo, ref):
    return commit(repo, {"sync.json": "{}", "more": "x"}, ref)


def _fork(repo, ref):
    first, second = (commit(repo, {"sync.json": text}) for text in ("1", "2"))
    return commit(repo, {"sync.json": repo.git("show", f"{ref}:sync.json")}, first, second)


@pytest.mark.parametrize(
    ("make", "code"),
    [(_garbage, "sync-point"), (_other_tree, "tree-shape"), (_fork, "sync-fork")],
)
def test_what_is_no_sync_point_is_a_defect_with_its_code(synced, make, code):
    ref = sync_ref(synced)
    synced.git("update-ref", ref, make(synced, ref))
    found, notes = defects(synced)
    assert (ref, code) in found
    assert {where for where, _ in found} == {ref}
    assert notes == []
    assert check(synced, "ledger refs")["verdict"] == "problem"


def test_a_bad_one_below_a_good_tip_is_found(synced):
    ref = sync_ref(synced)
    good = synced.git("rev-parse", ref)
    bad = _garbage(synced, ref)
    body = synced.git("cat-file", "commit", good).partition("\n\n")[2]
    tree = synced.git("rev-parse", f"{ref}^{{tree}}")
    synced.git("update-ref", ref, synced.git("commit-tree", tree, "-p", bad, stdin=body + "\n"))
    assert defects(synced) == ([(ref, "sync-point")], [])


def test_points_under_the_name_of_another_clone_are_a_defect(synced):
    ref = f"refs/idse/sync/{STRANGER}"
    synced.git("update-ref", ref, sync_ref(synced))
    assert defects(synced) == ([(ref, "sync-point")], [])
    assert ref in check(synced, "ledger refs")["says"]


def test_a_name_that_is_no_id_of_a_clone_is_a_defect(synced):
    synced.git("update-ref", "refs/idse/sync/mine", sync_ref(synced))
    assert defects(synced) == ([("refs/idse/sync/mine", "ref-name")], [])


def test_a_sync_point_whose_history_is_not_here_is_a_missing_object(synced):
    ref = sync_ref(synced)
    before = synced.git("rev-parse", ref)
    after = commit(synced, {"sync.json": "{}"}, before)
    synced.git("update-ref", ref, after)
    (synced.path / ".git/objects" / before[:2] / before[2:]).unlink()
    assert (ref, "missing-object") in defects(synced)[0]
