"""What a merge of folders promises, in git's objects and in a store: it is the same one."""

from __future__ import annotations

import os
from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from idse_orchestrator.base.names import PLAIN
from idse_orchestrator.base.text import MAX_ARTIFACT_BYTES
from idse_orchestrator.base.text_merge import merge_lines
from idse_orchestrator.git.objects import objects_of
from idse_orchestrator.git.program import Git
from idse_orchestrator.ledger.merge.conflicts import settle_edit
from idse_orchestrator.ledger.merge.folders import EDIT_LABELS, exchange_files, merge_folders
from idse_orchestrator.ledger.merge.paths import File
from idse_orchestrator.ledger.merge.trees import GitFolders, merge_texts
from idse_orchestrator.stores.filesystem_store import FilesystemStore
from idse_orchestrator.stores.plain_ledgers import Folders
from memory_store import MemoryStore

TEXT = "a\nb\nc\nd\ne\n"
A = {"a.md": "x"}
LONG = "x" * (MAX_ARTIFACT_BYTES - 5)
BY_LINES = partial(merge_lines, labels=EDIT_LABELS)


@pytest.fixture(params=["git", "memory", "filesystem"])
def store(request, repo, tmp_path):
    """Where the folders are."""
    if request.param == "git":
        return GitFolders(objects_of(str(repo.path / ".git")))
    return Folders(MemoryStore() if request.param == "memory" else FilesystemStore(str(tmp_path / "store")))


@pytest.fixture
def merger(store, repo):
    """The merger of texts that goes with `store`."""
    if isinstance(store, GitFolders):
        return partial(merge_texts, Git(str(repo.path), os.environ), labels=EDIT_LABELS)
    return BY_LINES


def saved(store, files):
    return store.save_folder({path: File(PLAIN, store.save_file(_raw(text))) for path, text in files.items()})


def texts(store, folder):
    return {path: _text(store.read_file(file.blob)) for path, file in store.list_folder(folder).items()}


def _raw(text):
    return text.encode("utf-8", "surrogateescape")


def _text(raw):
    return raw.decode("utf-8", "surrogateescape")


CASES = [
    pytest.param((A, {**A, "b": "new"}, {"a.md": "y"}, {"a.md": "y", "b": "new"}, []), id="added and edited"),
    pytest.param(({**A, "b": "y"}, A, {"a.md": "z", "b": "y"}, {"a.md": "z"}, []), id="removed, left alone"),
    pytest.param(
        ({**A, "b.md": "y"}, A, {**A, "b.md": "z"}, {**A, "b.md": "z"},
         [("b.md", "removed-there", "b.md")]),
        id="removed in the ledger, edited",
    ),
    pytest.param(
        ({**A, "b.md": "y"}, {**A, "b.md": "z"}, A, {**A, "b.md": "z"},
         [("b.md", "removed-here", "b.md")]),
        id="edited in the ledger, removed",
    ),
    pytest.param(({**A, "b.md": "y"}, {**A}, {"a.md": "x"}, A, []), id="removed by both"),
    pytest.param((A, {"a.md": "same"}, {"a.md": "same"}, {"a.md": "same"}, []), id="one edit made twice"),
    pytest.param(
        ({"a.md": TEXT}, {"a.md": f"0\n{TEXT}"}, {"a.md": f"{TEXT}f\n"}, {"a.md": f"0\n{TEXT}f\n"},
         []),
        id="edits apart",
    ),
    pytest.param(
        ({"a.md": TEXT}, {"a.md": TEXT.replace("c", "C")}, {"a.md": TEXT.replace("c", "X")},
         {"a.md": TEXT.replace("c", "<<<<<<< ledger\nC\n=======\nX\n>>>>>>> edit")},
         [("a.md", "markers", "a.md")]),
        id="one line edited by both",
    ),
    pytest.param(
        (A, {"a.md": "x", "b.md": "1\n"}, {"a.md": "x", "b.md": "2\n"},
         {**A, "b.md": "<<<<<<< ledger\n1\n=======\n2\n>>>>>>> edit\n"},
         [("b.md", "markers", "b.md")]),
        id="added by both",
    ),
    pytest.param(
        ({"a": "was"}, {"a": "\0ours"}, {"a": "\0theirs"}, {"a": "\0theirs"},
         [("a", "no-text", "a")]),
        id="no text",
    ),
    pytest.param(
        ({"a": "was"}, {"a": f"{LONG}1"}, {"a": f"{LONG}2"}, {"a": f"{LONG}2"},
         [("a", "no-text", "a")]),
        id="too long with markers",
    ),
    pytest.param(
        (A, {**A, "n": "file"}, {**A, "n/b": "inner"}, {**A, "n~": "file", "n/b": "inner"},
         [("n~", "folder", "n")]),
        id="a file against a folder",
    ),
    pytest.param(
        (A, {**A, "n/b": "inner", "n~": "taken"}, {**A, "n": "file"},
         {**A, "n/b": "inner", "n~": "taken", "n~~": "file"},
         [("n~~", "folder", "n")]),
        id="a folder against a file, and the next name is taken",
    ),
    pytest.param(
        (A, {**A, "Note": "1"}, {**A, "note": "2"}, {**A, "Note": "1", "note~": "2"},
         [("note~", "case", "note")]),
        id="names that differ in case",
    ),
    pytest.param(
        (A, {**A, "Spec.md": "1"}, {**A, "spec.md": "2"}, {**A, "Spec.md~": "1", "spec.md": "2"},
         [("Spec.md~", "case", "Spec.md")]),
        id="a document keeps its name",
    ),
    pytest.param(
        ({"b": "x"}, {"b": "x", "B": "1"}, {"b": "y"}, {"b": "y", "B~": "1"},
         [("B~", "case", "B")]),
        id="what was there keeps its name",
    ),
    pytest.param(
        (A, {**A, "D/a": "1"}, {**A, "d/a": "2"}, {**A, "D/a": "1", "d~/a": "2"},
         [("d~/a", "case", "d/a")]),
        id="folders that differ in case",
    ),
    pytest.param(
        ({"old": TEXT}, {"new": TEXT}, {"old": f"0\n{TEXT}"}, {"new": TEXT, "old": f"0\n{TEXT}"},
         [("old", "removed-there", "old")]),
        id="a new name is no rename",
    ),
    pytest.param(({"a": "1", "b": "2"}, {"a": "1"}, {"b": "2"}, {}, []), id="nothing is left"),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_folders_are_merged_path_by_path(store, merger, case):
    *sides, merged, conflicts = case
    made = merge_folders(store, *(saved(store, files) for files in sides), merger)
    assert texts(store, made.tree) == merged
    assert list(made.conflicts) == conflicts
    assert made.tree == saved(store, merged)


def test_texts_are_compared_only_where_both_sides_changed_them(store):
    sides = ({"a": "1", "b": "1"}, {"a": "2", "b": "1", "c": "3"}, {"a": "1", "b": "2", "c": "3"})
    made = merge_folders(store, *(saved(store, files) for files in sides), None)
    assert texts(store, made.tree) == {"a": "2", "b": "2", "c": "3"}


def test_an_edit_is_settled_where_at_most_one_side_changed_or_the_ledger_is_empty():
    assert settle_edit("base", "base", "edit") == ("edit", ())
    assert settle_edit("base", "ledger", "base") == ("ledger", ())
    assert settle_edit("base", "edit", "edit") == ("edit", ())
    assert settle_edit("base", "", "edit") == ("edit", ())
    assert settle_edit("base", "", "base") == ("", ())
    assert settle_edit("base", "ledger", "edit") is None


@pytest.mark.parametrize(
    ("files", "other", "paths", "exchanged"),
    [
        ({"a": "1", "b": "1", "gone": "1"}, {"a": "2", "b": "2", "new": "2"}, ["b", "gone", "new"], None),
        ({"a": "1"}, {}, ["a"], {}),
        ({"n/a": "1", "n/b": "1", "o": "1"}, {"n": "2"}, ["n"], {"n": "2", "o": "1"}),
        ({"n": "1", "o": "1"}, {"n/a/b": "2"}, ["n/a/b"], {"n/a/b": "2", "o": "1"}),
        ({"n": "1"}, {"o": "2"}, [], {"n": "1"}),
    ],
    ids=["some", "all", "a file for a folder", "a folder for a file", "none"],
)
def test_files_are_exchanged_for_those_of_another_folder(store, files, other, paths, exchanged):
    made = exchange_files(store, saved(store, files), saved(store, other), paths)
    assert texts(store, made) == ({"a": "1", "b": "2", "new": "2"} if exchanged is None else exchanged)


PATHS = st.lists(st.sampled_from(["a", "A", "b", "a~", "spec.md", "Spec.md", "é"]), min_size=1, max_size=3)


@st.composite
def folders(draw):
    """Path to text, without a name that is both a file and a folder, or two that differ in case."""
    kept = {}
    for parts in draw(st.lists(PATHS, max_size=5)):
        path = "/".join(parts)
        if not any(f"{path}/".lower().startswith(f"{each}/".lower()[: len(path) + 1]) for each in kept):
            kept[path] = draw(st.sampled_from(["", "a\n", "b\n", "a\nb\n", "\0"]))
    return kept


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(folders(), folders(), folders())
def test_in_git_and_in_a_store_a_merge_has_the_same_id(repo, base, ours, theirs):
    stores = GitFolders(objects_of(str(repo.path / ".git"))), Folders(MemoryStore())
    one, other = (
        merge_folders(store, *(saved(store, files) for files in (base, ours, theirs)), BY_LINES)
        for store in stores
    )
    assert one == other
