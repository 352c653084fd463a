"""Kinds of repository that cannot be served are refused by name, with a way out."""

from __future__ import annotations

import pytest

from here import discover
from idse_orchestrator.errors import NotARepositoryError, UnsupportedRepositoryError


def refused(repo, cwd="."):
    with pytest.raises(UnsupportedRepositoryError) as caught:
        discover(str(repo.path / cwd))
    return caught.value


def test_a_plain_repository_is_served_from_any_folder(repo):
    repo.write("a/b/file", "x")
    found = discover(str(repo.path / "a" / "b"))
    assert (found.top, found.prefix) == (str(repo.path), "a/b/")


def test_a_clone_that_left_out_objects_is_refused(make_repo):
    origin = make_repo("origin")
    origin.git("config", "uploadpack.allowFilter", "true")
    origin.write("file", "text")
    origin.commit()
    clone = origin.path.parent / "clone"
    origin.git("clone", "--quiet", "--filter=blob:none", f"file://{origin.path}", str(clone))
    with pytest.raises(UnsupportedRepositoryError, match="partial clone") as caught:
        discover(str(clone))
    assert "--filter" in caught.value.fix[0]


def test_an_old_partial_clone_says_so_by_an_extension(repo):
    repo.git("config", "extensions.partialClone", "origin")
    assert refused(repo).message == "this is a partial clone"


def test_a_promise_that_was_taken_back_is_none(repo):
    repo.git("config", "remote.origin.promisor", "false")
    assert discover(str(repo.path)).top == str(repo.path)


def test_reftables_are_refused_whoever_notices_them_first(repo):
    """An old git refuses the repository itself; a new one reads it, and then its settings tell."""
    config = repo.path / ".git" / "config"
    config.write_text('[core]\n\trepositoryformatversion = 1\n[extensions] refStorage = "reftable" # new\n')
    error = refused(repo)
    assert "reftables" in error.message
    assert "migrate" in error.fix[0]


def test_reftables_are_noticed_where_git_can_read_them(tmp_path):
    from idse_orchestrator.git.vault import refuse_unsupported_kind

    (tmp_path / "config").write_text("[EXTENSIONS]\nrefstorage=reftable\n")
    with pytest.raises(UnsupportedRepositoryError, match="reftables"):
        refuse_unsupported_kind(str(tmp_path))
    (tmp_path / "config").write_text("[extensions]\nrefstorage=files\n[core]\nrepositoryformatversion=1\n")
    refuse_unsupported_kind(str(tmp_path))


def test_an_extension_nobody_knows_is_refused_in_gits_own_words(repo):
    repo.git("config", "core.repositoryformatversion", "1")
    repo.git("config", "-f", ".git/config", "extensions.fromTheFuture", "true")
    assert "fromthefuture" in (refused(repo).cause or "")


def test_an_extension_that_only_git_knows_is_refused_before_libgit2_stumbles(tmp_path):
    from idse_orchestrator.git.vault import refuse_unsupported_kind

    (tmp_path / "config").write_text(
        "[core]\nrepositoryformatversion=1\n[extensions]\nrelativeWorktrees=true\n"
    )
    with pytest.raises(UnsupportedRepositoryError) as caught:
        refuse_unsupported_kind(str(tmp_path))
    assert "relativeworktrees" in (caught.value.cause or "")


def test_a_format_of_the_future_is_refused(repo):
    repo.git("config", "core.repositoryformatversion", "99")
    assert "99" in (refused(repo).cause or "")


def test_settings_per_worktree_are_served(repo):
    repo.git("config", "core.repositoryformatversion", "1")
    repo.git("config", "extensions.worktreeConfig", "true")
    assert discover(str(repo.path)).top == str(repo.path)


def test_words_about_extensions_elsewhere_in_the_settings_mean_nothing(repo):
    repo.git("config", "alias.extensions", "partialclone = promisor")
    repo.git("config", "core.editor", "extensions partialclone")
    assert discover(str(repo.path)).top == str(repo.path)


def test_sha256_is_refused(make_repo):
    repo = make_repo("other")
    repo.git("init", "--quiet", "--object-format=sha256", "wide")
    assert "sha256" in refused(repo, "wide").message


def test_a_folder_outside_of_any_repository_says_what_to_type(tmp_path):
    with pytest.raises(NotARepositoryError) as caught:
        discover(str(tmp_path))
    assert "git init" in caught.value.fix


def test_every_command_refuses(repo):
    repo.git("config", "extensions.partialClone", "origin")
    for words in (["fsck"], ["doctor"], ["uninstall"], ["status"]):
        done = repo.idse(*words)
        assert done.returncode == 2, (words, done.stderr)
        assert "this is a partial clone" in done.stderr
