"""Where we stand, from wherever we stand; and which repositories are refused, in words."""

from __future__ import annotations

import os

import pytest

from here import discover
from idse_orchestrator.errors import NotARepositoryError, UnsupportedRepositoryError
from idse_orchestrator.worktree.work_tree import WorkTree, needs_work_tree


def test_a_sub_folder_knows_its_repository(repo):
    repo.write("a/b/c.txt", "")
    found = discover(str(repo.path / "a/b"))
    assert os.path.samefile(found.top, repo.path)
    assert found.prefix == "a/b/"
    assert found.git_dir == found.common_dir == found.top + "/.git"
    assert found.private == found.top + "/.git/idse"
    assert not found.is_linked


def test_the_top_has_no_prefix(repo):
    assert discover(str(repo.path)).prefix == ""


def test_a_linked_worktree_shares_the_private_folder_and_has_its_own_git_dir(repo):
    repo.commit(allow_empty=True)
    main, beside = discover(str(repo.path)), discover(str(repo.worktree("beside").path))
    assert beside.is_linked
    assert beside.private == main.private
    assert beside.git_dir != main.git_dir


def test_a_submodule_is_a_repository_of_its_own(repo, make_repo):
    inner = make_repo("inner")
    inner.commit(allow_empty=True)
    repo.git("submodule", "--quiet", "add", str(inner.path), "sub")
    found = discover(str(repo.path / "sub"))
    assert os.path.samefile(found.top, repo.path / "sub")
    assert found.git_dir.endswith(".git/modules/sub")


def test_a_shallow_clone_is_served(repo, tmp_path):
    repo.commit(allow_empty=True)
    repo.commit(allow_empty=True)
    repo.git("clone", "-q", "--depth=1", repo.path.as_uri(), str(tmp_path / "shallow"))
    assert discover(str(tmp_path / "shallow")).prefix == ""


def test_a_folder_whose_name_is_odd_is_served(make_repo):
    repo = make_repo("ü 'quoted' $(x)")
    assert os.path.samefile(discover(str(repo.path)).top, repo.path)


def test_a_git_that_called_us_does_not_decide_where_we_stand(repo, make_repo, monkeypatch):
    other = make_repo("other")
    monkeypatch.setenv("GIT_DIR", str(other.path / ".git"))
    assert os.path.samefile(discover(str(repo.path)).top, repo.path)


def test_a_bare_repository_is_a_vault_without_a_work_tree(bare_remote):
    found = discover(str(bare_remote.path))
    assert not isinstance(found, WorkTree)
    assert os.path.samefile(found.common_dir, bare_remote.path)
    assert found.git.text("rev-parse", "--is-bare-repository") == "true"


class TestWhatIsRefused:
    def test_a_folder_outside_of_any_repository(self, tmp_path):
        with pytest.raises(NotARepositoryError) as caught:
            discover(str(tmp_path))
        assert "git init" in caught.value.fix

    def test_a_bare_repository_where_a_work_tree_is_needed(self, bare_remote):
        with pytest.raises(UnsupportedRepositoryError, match="bare"):
            needs_work_tree(discover(str(bare_remote.path)))

    @pytest.mark.parametrize("inside", ["", "two\nlines"])
    def test_a_path_with_a_line_break(self, make_repo, inside):
        folder = make_repo("plain" if inside else "two\nlines").path / inside
        folder.mkdir(exist_ok=True)
        with pytest.raises(UnsupportedRepositoryError, match="line break"):
            discover(str(folder))

    def test_a_git_directory_itself(self, repo):
        with pytest.raises((NotARepositoryError, UnsupportedRepositoryError)):
            discover(str(repo.path / ".git"))

    def test_a_sha256_repository(self, tmp_path, repo):
        repo.git("init", "-q", "--object-format=sha256", str(tmp_path / "long"))
        with pytest.raises(UnsupportedRepositoryError, match="sha256"):
            discover(str(tmp_path / "long"))

    @pytest.mark.parametrize("extension", [("refstorage", "reftable"), ("nobodyKnows", "this")])
    def test_a_repository_with_features_that_are_not_known(self, repo, extension):
        name, value = extension
        repo.git("config", "core.repositoryFormatVersion", "1")
        repo.git("config", f"extensions.{name}", value)
        with pytest.raises(UnsupportedRepositoryError):
            discover(str(repo.path))

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
    def test_a_repository_of_another_user(self, repo):
        for folder, _, names in os.walk(repo.path):
            for name in (folder, *(os.path.join(folder, n) for n in names)):
                os.chown(name, 65534, 65534)
        with pytest.raises(UnsupportedRepositoryError, match="another user") as caught:
            discover(str(repo.path))
        assert "safe.directory" in caught.value.fix[0]
