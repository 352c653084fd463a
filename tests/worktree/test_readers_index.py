"""The index that git names, in every form of commit, and the kinds of index there are."""

from __future__ import annotations

import json
import sys

import pytest

from here import discover
from idse_orchestrator.documents.project_workspace import GITLINK
from idse_orchestrator.errors import ConflictError, InvalidArtifactError
from idse_orchestrator.worktree.index_reader import IndexReader

SESSION = ".idse/projects/portal/sessions/login"
SPEC = f"{SESSION}/spec.md"
PLAN = f"{SESSION}/plan.md"

SNIPPET = """
import json, os, sys
from idse_orchestrator.worktree.index_reader import compare_index
from idse_orchestrator.worktree.index_reader import IndexReader
from idse_orchestrator.worktree.work_tree import discover
repository = discover(os.getcwd(), os.environ)
reader = IndexReader(repository, os.environ)
contents = reader.read_many(reader.paths())
seen = {path: data.decode() for path, data in contents.items()}
changed = compare_index(repository, os.environ).paths
json.dump([seen, changed], open(sys.argv[1], "w"))
"""


@pytest.fixture
def seen(repo, tmp_path):
    """Commits with a pre-commit hook that reads the index, and returns what the hook saw."""
    snippet, result = tmp_path / "snippet.py", tmp_path / "seen.json"
    snippet.write_text(SNIPPET)
    hook = repo.write(".git/hooks/pre-commit", f'#!/bin/sh\nexec "{sys.executable}" "{snippet}" "{result}"\n')
    hook.chmod(0o755)

    def commit(*args, at=repo, stdin=None):
        result.unlink(missing_ok=True)
        at.git("commit", "--quiet", "-m", "a commit", *args, stdin=stdin)
        return json.loads(result.read_text())

    return commit


def index(repo, *folders):
    return IndexReader(discover(str(repo.path)), {}, *([folders] if folders else []))


def test_a_plain_commit_shows_what_is_staged_and_not_what_is_on_disk(repo, seen):
    repo.write(SPEC, "staged\n")
    repo.git("add", SPEC)
    repo.write(SPEC, "on disk\n")
    assert seen() == [{SPEC: "staged\n"}, [SPEC]]


def test_commit_all_shows_what_is_on_disk(repo, seen):
    repo.write(SPEC, "first\n")
    repo.commit()
    repo.write(SPEC, "on disk\n")
    assert seen("--all") == [{SPEC: "on disk\n"}, [SPEC]]


def test_commit_only_shows_the_named_file_alone(repo, seen):
    repo.write(SPEC, "first\n")
    repo.write(PLAN, "first\n")
    repo.commit()
    repo.write(SPEC, "second\n")
    repo.write(PLAN, "second\n")
    repo.git("add", PLAN)
    assert seen("--only", SPEC) == [{SPEC: "second\n", PLAN: "first\n"}, [SPEC]]


def test_commit_include_shows_both(repo, seen):
    repo.write(SPEC, "first\n")
    repo.write(PLAN, "first\n")
    repo.commit()
    repo.write(SPEC, "second\n")
    repo.write(PLAN, "second\n")
    repo.git("add", PLAN)
    assert seen("--include", SPEC) == [{SPEC: "second\n", PLAN: "second\n"}, [PLAN, SPEC]]


def test_commit_patch_shows_the_chosen_part(repo, seen):
    lines = [f"line {number}\n" for number in range(20)]
    repo.write(SPEC, "".join(lines))
    repo.commit()
    repo.write(SPEC, "".join(["first edit\n", *lines[1:-1], "last edit\n"]))
    contents, changed = seen("--patch", stdin="y\nn\n")
    assert contents == {SPEC: "".join(["first edit\n", *lines[1:]])}
    assert changed == [SPEC]


def test_amend_shows_the_index_and_what_it_changes_in_the_commit(repo, seen):
    repo.write(SPEC, "first\n")
    repo.commit()
    repo.write(PLAN, "more\n")
    repo.git("add", PLAN)
    assert seen("--amend") == [{SPEC: "first\n", PLAN: "more\n"}, [PLAN]]


def test_a_linked_worktree_shows_its_own_index(repo, seen):
    repo.write(SPEC, "first\n")
    repo.commit()
    other = repo.worktree("other")
    other.write(SPEC, "second\n")
    assert seen("--all", at=other) == [{SPEC: "second\n"}, [SPEC]]


def test_a_submodule_shows_its_own_index(repo, seen, make_repo):
    library = make_repo("library")
    library.write("code.py", "text\n")
    library.commit()
    repo.git("submodule", "add", "--quiet", str(library.path), "library")
    inner = type(repo)(repo.path / "library")
    hook = repo.path / ".git/hooks/pre-commit"
    (repo.path / ".git/modules/library/hooks/pre-commit").write_bytes(hook.read_bytes())
    (repo.path / ".git/modules/library/hooks/pre-commit").chmod(0o755)
    inner.write(SPEC, "inner\n")
    inner.git("add", "--all")
    assert seen(at=inner) == [{SPEC: "inner\n"}, [SPEC]]


def test_a_split_index_reads_like_any_other(repo, seen):
    repo.write(SPEC, "first\n")
    repo.commit()
    repo.git("update-index", "--split-index")
    repo.write(PLAN, "second\n")
    repo.git("add", PLAN)
    assert list((repo.path / ".git").glob("sharedindex.*"))
    assert index(repo).read_many([SPEC, PLAN]) == {SPEC: b"first\n", PLAN: b"second\n"}
    assert seen()[0] == {SPEC: "first\n", PLAN: "second\n"}


def test_a_sparse_index_shows_the_folders_it_left_folded(repo, seen):
    repo.write(SPEC, "first\n")
    repo.write("code/main.py", "text\n")
    repo.commit()
    repo.git("sparse-checkout", "set", "--cone", "--sparse-index", "code")
    assert any(line.endswith("\t.idse/") for line in repo.git("ls-files", "--sparse", "-s").splitlines())
    repo.write("code/main.py", "edited\n")
    assert index(repo).read_many([SPEC]) == {SPEC: b"first\n"}
    assert seen("--all") == [{SPEC: "first\n"}, []]


def test_a_file_that_was_only_announced_is_not_in_the_next_commit(repo, seen):
    repo.write(SPEC, "first\n")
    repo.write(PLAN, "later\n")
    repo.write(f"{SESSION}/tasks.md", "")
    repo.git("add", SPEC, f"{SESSION}/tasks.md")
    repo.git("add", "--intent-to-add", PLAN)
    assert list(index(repo).paths()) == [SPEC, f"{SESSION}/tasks.md"]
    assert seen()[0] == {SPEC: "first\n", f"{SESSION}/tasks.md": ""}


def test_an_unmerged_file_is_a_conflict_that_names_it(repo):
    repo.write(SPEC, "base\n")
    repo.commit()
    repo.git("checkout", "--quiet", "-b", "other")
    repo.write(SPEC, "theirs\n")
    repo.commit()
    repo.git("checkout", "--quiet", "main")
    repo.git("rm", "--quiet", SPEC)
    repo.git("commit", "--quiet", "-m", "removed")
    repo.git("merge", "other", check=False)
    with pytest.raises(ConflictError) as raised:
        index(repo).paths()
    assert raised.value.where == SPEC


def test_a_conflict_outside_the_workspace_is_not_our_concern(repo):
    repo.write("code.py", "base\n")
    repo.write(SPEC, "text\n")
    repo.commit()
    repo.git("checkout", "--quiet", "-b", "other")
    repo.write("code.py", "theirs\n")
    repo.commit()
    repo.git("checkout", "--quiet", "main")
    repo.write("code.py", "ours\n")
    repo.commit()
    repo.git("merge", "other", check=False)
    assert list(index(repo).paths()) == [SPEC]


def test_a_submodule_is_an_entry_without_content(repo, make_repo):
    library = make_repo("library")
    commit = library.commit(allow_empty=True)
    repo.git("submodule", "add", "--quiet", str(library.path), f"{SESSION}/library", check=False)
    repo.git("update-index", "--add", "--cacheinfo", f"160000,{commit},{SESSION}/library")
    reader = index(repo)
    assert reader.paths()[f"{SESSION}/library"].mode == GITLINK
    assert reader.read_many([f"{SESSION}/library"]) == {f"{SESSION}/library": b""}


def test_a_workspace_that_is_a_link_is_refused(repo):
    (repo.path / ".idse").symlink_to("elsewhere")
    repo.git("add", ".idse")
    with pytest.raises(InvalidArtifactError, match="symbolic link"):
        index(repo).paths()
    with pytest.raises(InvalidArtifactError, match="symbolic link"):
        index(repo, SESSION, ".idse").paths()


def test_only_the_folders_asked_for_are_read(repo):
    for session in ("login", "search", "[l]ogin"):
        repo.write(f".idse/projects/portal/sessions/{session}/spec.md", "text\n")
    repo.git("add", "--all")
    odd = ".idse/projects/portal/sessions/[l]ogin"
    assert list(index(repo, odd).paths()) == [f"{odd}/spec.md"]


def test_the_index_can_be_read_while_git_has_it_locked(repo):
    repo.write(SPEC, "text\n")
    repo.git("add", "--all")
    repo.write(".git/index.lock", "")
    assert index(repo).read_many([SPEC]) == {SPEC: b"text\n"}
