"""Who writes: the identity git itself would use, and one id for each clone."""

from __future__ import annotations

import pytest

from here import discover
from idse_orchestrator.base.files import replica_id
from idse_orchestrator.base.names import is_ulid
from idse_orchestrator.base.text import Identity
from idse_orchestrator.errors import InvalidConfigurationError
from idse_orchestrator.git.configuration import GitConfiguration, identity


def found(repo):
    git = discover(str(repo.path)).git
    return identity(git, GitConfiguration(git).entries)


def test_the_configured_user_writes(repo):
    assert found(repo) == Identity("Test Author", "author@example.invalid")


def test_the_repositorys_own_setting_is_nearer(repo):
    repo.git("config", "user.name", "Local Name")
    assert found(repo) == Identity("Local Name", "author@example.invalid")


def test_an_author_setting_is_nearer_than_the_users(repo):
    repo.git("config", "author.email", "author@work.example")
    assert found(repo).email == "author@work.example"


def test_the_environment_is_nearest(repo, monkeypatch):
    monkeypatch.setenv("GIT_AUTHOR_NAME", "From Outside")
    monkeypatch.setenv("GIT_AUTHOR_EMAIL", "outside@example.org")
    assert found(repo) == Identity("From Outside", "outside@example.org")


@pytest.mark.parametrize("name", ["Ann <ann@example.org>", '"Ann"', ".,Ann;:", "  Ann  "])
def test_what_git_takes_off_a_name_is_taken_off(repo, name):
    repo.git("config", "user.name", name)
    plain = repo.commit(allow_empty=True)
    assert found(repo).name.split() == repo.git("log", "-1", "--format=%an", plain).split()


def test_nobody_configured_is_an_error_that_says_what_to_type(repo, sealed):
    (sealed / ".gitconfig").write_text("[user]\n\tuseConfigOnly = true\n")
    with pytest.raises(InvalidConfigurationError) as caught:
        found(repo)
    assert any("user.name" in line for line in caught.value.fix)


def test_a_name_of_nothing_but_punctuation_is_nobody(repo, sealed):
    (sealed / ".gitconfig").write_text('[user]\n\tuseConfigOnly = true\n\tname = "<>"\n\temail = a@b.c\n')
    with pytest.raises(InvalidConfigurationError):
        found(repo)


def test_a_clone_has_one_id_for_ever(tmp_path):
    folder = str(tmp_path / "idse")
    first = replica_id(folder, 1_700_000_000_000)
    assert is_ulid(first)
    assert replica_id(folder, 1_800_000_000_000) == first
    assert (tmp_path / "idse/replica").read_text() == first + "\n"


def test_two_clones_have_two_ids(tmp_path):
    assert replica_id(str(tmp_path / "a"), 1) != replica_id(str(tmp_path / "b"), 1)


@pytest.mark.parametrize("content", [b"", b"not an id\n", b"\xff\xff"])
def test_an_id_that_cannot_be_read_is_made_anew(tmp_path, content):
    (tmp_path / "replica").write_bytes(content)
    made = replica_id(str(tmp_path), 1_700_000_000_000)
    assert is_ulid(made)
    assert replica_id(str(tmp_path), 1_800_000_000_000) == made
