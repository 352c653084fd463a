"""A merge of folders takes nobody's text away, and says the same on every machine."""

from __future__ import annotations

import pytest

from here import discover
from idse_orchestrator.worktree.tree_merge import TreeMerger


def tree(repo, files, mode="100644"):
    """The id of a tree of `files`, by path."""
    repo.git("read-tree", "--empty")
    for path, text in files.items():
        blob = repo.git("hash-object", "-w", repo.write("scratch", text).name)
        repo.git("update-index", "--add", "--cacheinfo", f"{mode},{blob},{path}")
    return repo.git("write-tree")


def texts(repo, name):
    paths = repo.git("ls-tree", "-r", "--name-only", name).split("\n")
    return {path: repo.git("cat-file", "blob", f"{name}:{path}") for path in paths}


def merged(repo, *sides):
    return TreeMerger(discover(str(repo.path))).merge(*(tree(repo, files) for files in sides))


def test_how_somebody_likes_his_conflicts_shown_changes_no_ledger(repo):
    sides = [{"spec.md": f"a\n{word}\nc\n"} for word in ("was", "ours", "theirs")]
    plain = merged(repo, *sides)
    repo.git("config", "merge.conflictStyle", "diff3")
    assert merged(repo, *sides) == plain


@pytest.mark.parametrize(
    ("ours", "theirs"), [({"notes": "file"}, {"notes/a": "inner"}), ({"notes/a": "inner"}, {"notes": "file"})]
)
def test_a_file_and_a_folder_of_one_name_both_stay(repo, ours, theirs):
    both = {"spec.md": "x"}
    found = merged(repo, both, {**both, **ours}, {**both, **theirs})
    assert texts(repo, found.tree) == {**both, "notes/a": "inner", "notes~": "file"}
    assert found.conflicts == (("notes~", "folder", "notes"),)


def test_an_edited_file_in_a_folder_that_became_a_file_stays(repo):
    sides = {"notes/a": "was", "notes~": "mine"}, {"notes/a": "edited", "notes~": "mine"}
    found = merged(repo, *sides, {"notes": "file", "notes~": "mine"})
    assert texts(repo, found.tree) == {"notes/a": "edited", "notes~": "mine", "notes~~": "file"}


@pytest.mark.parametrize(
    ("mode", "was"), [("100755", "x"), ("120000", "x"), ("100644", "x" * (1 << 20) + "x")]
)
def test_what_no_ledger_could_hold_before_is_new_and_no_conflict(repo, mode, was):
    base = tree(repo, {"tool": was}, mode)
    ours, theirs = tree(repo, {"spec.md": "ledger"}), tree(repo, {"tool": "plain now"})
    found = TreeMerger(discover(str(repo.path))).merge(base, ours, theirs)
    assert texts(repo, found.tree) == {"spec.md": "ledger", "tool": "plain now"}
    assert found.conflicts == ()


def test_a_merge_with_its_markers_is_in_the_repository(repo):
    sides = [
        {"notes/a.md": f"{word}\n", **more}
        for word, more in (("was", {}), ("1", {"b": ""}), ("2", {"c": ""}))
    ]
    found = merged(repo, *sides)
    marked = "<<<<<<< ledger\n1\n=======\n2\n>>>>>>> edit"
    assert texts(repo, found.tree) == {"notes/a.md": marked, "b": "", "c": ""}
    assert repo.git("fsck", "--full", "--no-dangling") == ""
