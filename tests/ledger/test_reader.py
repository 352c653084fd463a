"""What the git program alone can say of ledgers: what is not there is None, what is broken is an error."""

from __future__ import annotations

import os

import pytest

from here import discover, ledger_writer
from idse_orchestrator.errors import CorruptLedgerError, InvalidNameError
from idse_orchestrator.ledger.events import Draft
from idse_orchestrator.pipeline.reader import GitLedgerReader

REF = "refs/idse/sessions/portal/login"


@pytest.fixture
def writer(repo):
    return ledger_writer(discover(str(repo.path)))


@pytest.fixture
def reader(repo):
    return GitLedgerReader(discover(str(repo.path)))


def create(writer, project="portal", session="login", artifacts=None):
    return writer.append(project, session, lambda _: Draft("created", {"title": session}, artifacts))


def lose(repo, commit):
    os.unlink(repo.path / ".git/objects" / commit[:2] / commit[2:])


def break_state(repo, state):
    blob = repo.git("hash-object", "-w", "--stdin", stdin=state)
    tree = repo.git("mktree", stdin=f"100644 blob {blob}\tstate.json\n")
    repo.git("update-ref", REF, repo.git("commit-tree", "-m", "broken", tree))


def test_an_empty_repository_has_no_projects_and_no_sessions(reader):
    assert list(reader.projects()) == []
    assert list(reader.sessions()) == []
    assert reader.session("portal", "login") is None
    assert reader.project("portal") is None
    assert reader.states([("portal", "login")]) == {}


def test_a_tip_is_read_as_it_was_written(writer, reader):
    assert reader.session("portal", "login") is None
    assert create(writer) == reader.session("portal", "login")


def test_a_tip_with_artifacts_names_their_tree(repo, writer, reader):
    repo.write("s/spec.md", "# Spec\n")
    repo.commit()
    tree = repo.git("rev-parse", "HEAD:s")
    create(writer, artifacts=tree)
    assert reader.session("portal", "login").artifacts == tree


def test_a_projects_tip_is_read_as_it_was_written(writer, reader):
    tip = writer.append_to_project("portal", lambda _: Draft("created", {"stack": "python"}))
    assert reader.project("portal") == tip
    assert list(reader.projects()) == ["portal"]


def test_sessions_are_listed_in_order_and_by_project(writer, reader):
    keys = [("portal", "login"), ("portal", "__blueprint__"), ("shop", "cart"), ("portal-2", "login")]
    for key in keys:
        create(writer, *key)
    assert sorted(reader.sessions()) == sorted(keys)
    assert list(reader.sessions("portal")) == [("portal", "__blueprint__"), ("portal", "login")]
    assert list(reader.sessions("none")) == []


def test_names_that_other_tools_made_are_not_taken_for_sessions(repo, writer, reader):
    commit = create(writer).commit
    for name in ("portal/a/b", "portal", "portal/-x", "portal/ü"):
        repo.git("update-ref", f"refs/idse/sessions/{name}-other".replace("portal-other", "x"), commit)
    assert list(reader.sessions()) == [("portal", "login")]


def test_many_states_come_at_once_and_missing_ones_are_left_out(writer, reader):
    keys = [("portal", f"s{number}") for number in range(40)]
    tips = {key: create(writer, *key) for key in keys}
    states = reader.states([*keys, ("portal", "none")])
    assert states == {key: tip.state for key, tip in tips.items()}


def test_packed_refs_are_read_as_loose_ones(repo, writer, reader):
    tip = create(writer)
    repo.git("pack-refs", "--all", "--prune")
    assert reader.session("portal", "login") == tip
    assert list(reader.sessions()) == [("portal", "login")]


def test_reading_writes_nothing(repo, writer, reader):
    create(writer)
    files = {name: os.stat(name).st_mtime_ns for name in _files(repo.path)}
    reader.session("portal", "login")
    reader.states(reader.sessions())
    assert {name: os.stat(name).st_mtime_ns for name in _files(repo.path)} == files


def _files(root):
    return [os.path.join(folder, name) for folder, _, names in os.walk(root) for name in names]


def test_a_ref_on_a_code_commit_is_an_error_that_names_it(repo, reader):
    repo.git("update-ref", REF, repo.commit(allow_empty=True))
    with pytest.raises(CorruptLedgerError) as caught:
        reader.session("portal", "login")
    assert caught.value.where == REF


@pytest.mark.parametrize("state", ["", "{}", "not json", "[1]", "[" * 100_000, '{"format": 99}'])
def test_a_state_that_cannot_be_read_is_an_error_and_not_an_empty_state(repo, reader, state):
    break_state(repo, state)
    with pytest.raises(CorruptLedgerError):
        reader.session("portal", "login")
    with pytest.raises(CorruptLedgerError):
        reader.states([("portal", "login")])


def test_a_ledger_whose_commit_is_gone_is_not_taken_for_no_ledger(repo, writer, reader):
    lose(repo, create(writer).commit)
    with pytest.raises(CorruptLedgerError):
        reader.session("portal", "login")
    with pytest.raises(CorruptLedgerError):
        reader.states([("portal", "login")])


def test_a_name_that_breaks_the_rules_is_refused_before_git_is_asked(reader):
    with pytest.raises(InvalidNameError):
        reader.session("portal", "login:state.json")
