"""Commits, ledgers, and what differs between two of them."""

from __future__ import annotations

import pytest

from here import discover
from idse_orchestrator.constitution.commit_reader import CommitReader, LedgerTipReader
from idse_orchestrator.errors import InvalidArtifactError, UnknownNameError
from idse_orchestrator.worktree.index_reader import compare_index, compare_range

ZERO = "0" * 40
LOGIN = ("portal", "login")
SEARCH = ("portal", "search")


def spec(session):
    return f".idse/projects/portal/sessions/{session}/spec.md"


def at(repo):
    return discover(str(repo.path))


def test_a_commit_is_found_by_branch_tag_and_short_id(repo):
    repo.write(spec("login"), "first\n")
    commit = repo.commit()
    repo.git("tag", "-a", "v1", "-m", "first")
    for rev in ("main", "v1", commit[:9], "HEAD", "main@{0}"):
        reader = CommitReader(at(repo), rev)
        assert reader.commit == commit
        assert reader.description == f"commit {commit[:7]}"


@pytest.mark.parametrize("rev", ["none", "-p", "--all", "", "HEAD~5", ZERO, "HEAD:", "a b", "HEAD\n"])
def test_a_revision_that_is_not_there_is_an_unknown_name(repo, rev):
    repo.commit(allow_empty=True)
    with pytest.raises(UnknownNameError) as raised:
        CommitReader(at(repo), rev)
    assert raised.value.fix


def test_a_repository_without_a_commit_has_none_to_read(repo):
    with pytest.raises(UnknownNameError):
        CommitReader(at(repo), "HEAD")


def test_a_shallow_clone_says_how_to_get_the_rest(repo):
    first = repo.commit(allow_empty=True)
    repo.commit(allow_empty=True)
    repo.git("clone", "--quiet", "--depth=1", repo.path.as_uri(), str(repo.path.parent / "shallow"))
    shallow = discover(str(repo.path.parent / "shallow"))
    with pytest.raises(UnknownNameError, match="names no commit") as raised:
        CommitReader(shallow, first)
    assert "git fetch --unshallow" in raised.value.fix


def test_a_workspace_that_is_a_link_is_refused(repo):
    (repo.path / ".idse").symlink_to("elsewhere")
    repo.commit()
    with pytest.raises(InvalidArtifactError, match="symbolic link"):
        CommitReader(at(repo), "HEAD").paths()


def test_only_the_folders_asked_for_are_read(repo):
    repo.write(spec("login"), "text\n")
    repo.write(spec("search"), "text\n")
    repo.commit()
    reader = CommitReader(at(repo), "HEAD", [".idse/projects/portal/sessions/login"])
    assert list(reader.paths()) == [spec("login")]


def test_a_ledger_without_artifacts_has_no_documents(repo):
    tip = repo.git("commit-tree", repo.git("mktree", stdin=""), "-m", "created")
    assert LedgerTipReader(at(repo).git, "portal", "login", tip).paths() == {}


@pytest.fixture
def forked(repo):
    """`main` and `topic` part after a first commit; each then edits another session."""
    repo.write(spec("login"), "base\n")
    repo.write(spec("search"), "base\n")
    repo.commit()
    repo.git("checkout", "--quiet", "-b", "topic")
    repo.write(spec("login"), "topic\n")
    repo.commit()
    repo.git("checkout", "--quiet", "main")
    repo.write(spec("search"), "main\n")
    repo.commit()
    return repo


def test_a_range_shows_what_a_branch_changed_since_it_left_the_other(forked):
    assert compare_range(at(forked), "main", "topic").sessions == {LOGIN}
    assert compare_range(at(forked), "topic", "main").sessions == {SEARCH}
    assert compare_range(at(forked), "main", "main").sessions == frozenset()


def test_a_range_from_nothing_shows_every_session(forked):
    assert compare_range(at(forked), ZERO, "topic").sessions == {LOGIN, SEARCH}


def test_a_range_to_a_deleted_branch_shows_nothing(forked):
    found = compare_range(at(forked), "main", ZERO)
    assert (found.tip, found.paths, found.sessions) == ("", (), frozenset())


def test_a_range_between_unrelated_histories_compares_them_as_they_are(forked):
    forked.git("checkout", "--quiet", "--orphan", "other")
    forked.write(spec("login"), "other\n")
    forked.commit()
    assert compare_range(at(forked), "main", "other").sessions == {LOGIN}


def test_a_range_whose_beginning_a_shallow_clone_lacks_is_an_error_with_a_way_out(forked):
    target = forked.path.parent / "shallow"
    forked.git("clone", "--quiet", "--depth=1", "--no-single-branch", forked.path.as_uri(), str(target))
    with pytest.raises(UnknownNameError, match="not in this clone") as raised:
        compare_range(discover(str(target)), "origin/main", "origin/topic")
    assert "git fetch --unshallow" in raised.value.fix


def test_a_range_with_an_unknown_end_names_it(forked):
    for ends in (("none", "main"), ("main", "none")):
        with pytest.raises(UnknownNameError, match="none"):
            compare_range(at(forked), *ends)


def test_removed_files_count_for_their_session_and_are_no_paths_any_more(forked):
    forked.git("rm", "--quiet", spec("search"))
    forked.write(".idse/constitution.yaml", "rules: []\n")
    forked.write("specs/current/spec.md", "old place\n")
    forked.write("specs/other.md", "not ours\n")
    forked.write("code.py", "not ours\n")
    forked.git("add", "--all")
    found = compare_index(at(forked), {})
    assert found.sessions == {SEARCH}
    assert set(found.paths) == {".idse/constitution.yaml", "specs/current/spec.md"}


def test_before_the_first_commit_everything_staged_is_a_change(repo):
    repo.write(spec("login"), "text\n")
    assert compare_index(at(repo), {}).paths == ()
    repo.git("add", "--all")
    assert compare_index(at(repo), {}).paths == (spec("login"),)
