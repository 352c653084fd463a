"""A merge of folders takes nobody's text away, and says the same on every machine."""

from __future__ import annotations

import pytest

from here import discover
from idse_orchestrator.worktree.tree_merge import TreeMerger


def tree(repo, files):
    """The id of a tree of `files`, by path."""
    repo.git("read-tree", "--empty")
    for path, text in files.items():
        blob = repo.git("hash-object", "-w", repo.write("scratch", text).name)
        repo.git("update-index", "--add", "--cacheinfo", f"100644,{blob},{path}")
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
