"""One side renames a document, the other edits it: both texts stay, by whichever way they meet.

A rename is not guessed. It is a file that went and another that came.
"""

from __future__ import annotations

import pytest

FOLDER = ".idse/projects/portal/sessions/login"
LEDGER = "refs/idse/sessions/portal/login"
NOTES = "".join(f"line {number}\n" for number in range(20))
EDITED = NOTES.replace("line 0\n", "first\n")


@pytest.fixture
def first(begun):
    """A clone whose ledger and branch have notes.md."""
    begun.write(f"{FOLDER}/notes.md", NOTES)
    begun.commit("notes")
    return begun


@pytest.fixture
def second(first):
    """Another work tree of the same repository, on a branch of its own."""
    return first.worktree("second")


def rename(repo):
    repo.git("mv", f"{FOLDER}/notes.md", f"{FOLDER}/renamed.md")


def edit(repo):
    repo.write(f"{FOLDER}/notes.md", EDITED)


def save(repo):
    done = repo.idse("save", "portal/login")
    assert done.returncode == 0, done.stderr
    return done.stderr


def commit(repo):
    repo.git("add", "--all")
    done = repo.run("git", "commit", "-qm", "work")
    assert done.returncode == 0, done.stderr
    return done.stderr


def held(repo):
    """What the ledger holds of the document, by name."""
    rows = repo.git("ls-tree", "-r", "--name-only", f"{LEDGER}:artifacts").splitlines()
    names = (name for name in rows if name in ("notes.md", "renamed.md"))
    return {name: repo.git("show", f"{LEDGER}:artifacts/{name}") + "\n" for name in names}


BOTH = {"notes.md": EDITED, "renamed.md": NOTES}


def test_by_sync_of_two_clones_both_stay(first, bare_remote, make_repo):
    assert first.idse("sync", "setup", str(bare_remote.path)).returncode == 0
    assert first.idse("sync", "push").returncode == 0
    other = make_repo("other")
    other.git("pull", "-q", str(first.path), "main")
    for words in (("sync", "setup", str(bare_remote.path)), ("sync", "pull"), ("init", "portal")):
        assert other.idse(*words).returncode == 0
    rename(first)
    save(first)
    edit(other)
    save(other)
    assert first.idse("sync", "push").returncode == 0
    assert other.idse("sync", "push").returncode == 0
    assert held(other) == BOTH


@pytest.mark.parametrize("give", [save, commit])
@pytest.mark.parametrize(
    ("before", "after", "warning"),
    [
        (rename, edit, "notes.md was edited here, but somebody removed it"),
        (edit, rename, "notes.md was removed here, but somebody edited it"),
    ],
    ids=["renamed first", "edited first"],
)
def test_in_two_work_trees_both_stay_and_a_warning_says_so(first, second, give, before, after, warning):
    before(second)
    give(second)
    after(first)
    assert warning in give(first)
    assert held(first) == BOTH


def test_a_code_merge_that_follows_the_rename_leaves_one_name_and_both_texts(first, second):
    rename(second)
    commit(second)
    edit(first)
    commit(first)
    done = first.run("git", "merge", "-q", "--no-edit", "second")
    assert first.read(f"{FOLDER}/renamed.md").decode() == EDITED
    assert "conflict in the ledger, idse restore shows it: portal/login: renamed.md" in done.stderr
    marked = "<<<<<<< ledger\nline 0\n=======\nfirst\n>>>>>>> edit\n"
    assert held(first) == {"renamed.md": NOTES.replace("line 0\n", marked)}
