"""The test bed keeps its promises: nothing of this machine reaches a test."""

from __future__ import annotations

import os
import pathlib
import shutil
import sys

import pytest


def test_the_author_is_the_sealed_one_whatever_the_machine_says(repo):
    repo.write("a.txt", "a\n")
    commit = repo.commit("one")
    assert repo.git("log", "-1", "--format=%an <%ae>", commit) == "Test Author <author@example.invalid>"
    assert repo.git("symbolic-ref", "HEAD") == "refs/heads/main"


def test_every_configuration_git_reads_lies_in_the_sealed_home_or_the_repository(repo, sealed):
    origins = {line.split("\t")[0] for line in repo.git("config", "--list", "--show-origin").splitlines()}
    assert origins == {f"file:{sealed / '.gitconfig'}", "file:.git/config"}


def test_libgit2_reads_the_sealed_home_too(repo):
    import pygit2

    config = pygit2.Repository(str(repo.path)).config
    assert config["user.email"] == "author@example.invalid"


def test_inherited_settings_are_gone():
    assert not [name for name in os.environ if name.startswith("IDSE_")]
    assert not {"CI", "NO_COLOR", "PYTHONDONTWRITEBYTECODE", "GIT_DIR"} & set(os.environ)


def test_the_command_on_the_path_is_that_of_this_environment():
    found = shutil.which("idse")
    assert found is not None
    assert pathlib.Path(found).parent == pathlib.Path(sys.executable).parent


def test_a_repository_with_a_date_makes_the_same_commit_twice(make_repo):
    ids = set()
    for name in ("one", "two"):
        repo = make_repo(name, at="2026-01-02T03:04:05+00:00")
        repo.write("a.txt", "a\n")
        ids.add(repo.commit("same"))
    assert len(ids) == 1


def test_a_clone_and_a_worktree_share_the_commit(repo, bare_remote):
    commit = repo.commit("empty", allow_empty=True)
    assert repo.clone("copy").git("rev-parse", "HEAD") == commit
    assert repo.worktree("side").git("rev-parse", "HEAD") == commit
    repo.git("push", "--quiet", str(bare_remote.path), "main")
    assert bare_remote.git("rev-parse", "main") == commit


def test_a_failing_git_fails_the_test_with_its_own_words(repo):
    with pytest.raises(pytest.fail.Exception, match="bad revision"):
        repo.git("rev-parse", "nothing-here", "--")


def test_no_search_for_a_repository_leaves_the_tests_folder(tmp_path, repo):
    inner = tmp_path / "plain" / "folder"
    inner.mkdir(parents=True)
    assert repo.run("git", "rev-parse", "--show-toplevel", cwd=inner).returncode != 0
