"""A project's own rules are carried by its ledger: an Agency sees no branch, and judges by them."""

from __future__ import annotations

import json

import pytest

RULES = ".idse/constitution.yaml"
PROJECT = "refs/idse/projects/portal"
ONE = "raise:\n  IDSE101: {pending: warning}\n"
TWO = "raise:\n  IDSE101: {pending: error}\n"


def carried(repo, project="portal"):
    """The rules that the ledger carries; None: none."""
    done = repo.run("git", "show", f"refs/idse/projects/{project}:artifacts/constitution.yaml")
    return done.stdout if done.returncode == 0 else None


def events(repo):
    return int(repo.git("rev-list", "--count", PROJECT))


def last_event(repo):
    return json.loads(repo.git("show", f"{PROJECT}:event.json"))


def commit_rules(repo, text, *options):
    repo.write(RULES, text)
    repo.git("add", RULES)
    repo.git("commit", "-q", "-m", "rules of ours", *options)
    return repo.git("rev-parse", "HEAD")


@pytest.fixture
def one(begun, bare_remote):
    assert begun.idse("sync", "setup", str(bare_remote.path)).returncode == 0
    return begun


def test_the_commit_that_brings_rules_records_them_in_each_project(one):
    assert one.idse("init", "shop").returncode == 0
    commit = commit_rules(one, ONE)
    assert (carried(one), carried(one, "shop")) == (ONE, ONE)
    event = last_event(one)
    assert event["kind"] == "edited"
    assert event["body"]["code"] == commit
    assert event["body"]["reason"] == "rules of ours"
    assert event["body"]["changed"] == {"constitution.yaml": one.git("rev-parse", f"HEAD:{RULES}")}
    before = events(one)
    one.write("code.py", "x = 1\n")
    one.commit("code")
    assert events(one) == before


def test_rules_that_are_gone_are_carried_no_more(one):
    commit_rules(one, ONE)
    one.git("rm", "-q", RULES)
    one.git("commit", "-q", "-m", "no rules")
    assert carried(one) is None
    assert last_event(one)["body"]["changed"] == {"constitution.yaml": None}


def test_all_that_looks_at_ledgers_accepts_them(one, make_repo, bare_remote):
    commit_rules(one, ONE)
    assert one.idse("fsck").returncode == 0
    assert one.idse("sync", "push").returncode == 0
    assert carried(bare_remote) == ONE
    two = make_repo("two")
    two.git("pull", "-q", str(one.path), "main")
    assert two.idse("init", "--agency", str(bare_remote.path)).returncode == 0
    assert carried(two) == ONE
    assert two.idse("fsck").returncode == 0
    assert two.idse("doctor").returncode == one.idse("doctor").returncode
    assert two.idse("sync", "push").returncode == 0
    assert events(one) == events(two)


def test_what_no_hook_recorded_is_recorded_by_the_next_push(one, bare_remote):
    assert one.idse("sync", "push").returncode == 0
    commit_rules(one, ONE, "--no-verify")
    one.git("-c", "core.hooksPath=/dev/null", "commit", "-q", "--amend", "-m", "again", "--no-verify")
    one.write(RULES, TWO)
    one.git("add", RULES)
    one.git("-c", "core.hooksPath=/dev/null", "commit", "-q", "-m", "no hook")
    assert carried(one) == ONE
    assert one.idse("sync", "push").returncode == 0
    assert carried(bare_remote) == carried(one) == TWO
    before = events(one)
    assert one.idse("sync", "push").returncode == 0
    assert events(one) == before


def test_an_old_branch_brings_no_old_rules_back(one):
    first = commit_rules(one, ONE)
    commit_rules(one, TWO)
    one.git("switch", "-q", "-c", "old", first)
    assert one.idse("sync", "push").returncode == 0
    assert carried(one) == TWO
    one.git("switch", "-q", "-c", "older", f"{first}^")
    assert one.idse("sync", "push").returncode == 0
    assert carried(one) == TWO
    one.git("switch", "-q", "main")
    one.git("-c", "core.hooksPath=/dev/null", "revert", "--no-edit", "HEAD")
    assert one.idse("sync", "push").returncode == 0
    assert carried(one) == ONE


def test_a_project_that_begins_later_carries_the_rules_from_its_beginning(one):
    commit_rules(one, ONE)
    assert one.idse("sync", "push").returncode == 0
    assert one.idse("init", "shop").returncode == 0
    assert carried(one, "shop") == ONE


def test_two_edits_that_conflict_leave_the_work_tree_alone_and_the_merge_resolves_them(
    one, make_repo, bare_remote
):
    commit_rules(one, ONE)
    assert one.idse("sync", "push").returncode == 0
    two = make_repo("two")
    two.git("pull", "-q", str(one.path), "main")
    assert two.idse("init", "--agency", str(bare_remote.path)).returncode == 0
    commit_rules(one, TWO)
    commit_rules(two, ONE + "  IDSE301: {pending: warning}\n")
    mine = two.read(RULES)
    assert one.idse("sync", "push").returncode == 0
    done = two.idse("sync", "push")
    assert done.returncode in (0, 3), done.stderr
    if "<<<<<<<" in carried(two):
        assert done.returncode == 3
        assert "bring both together in .idse/constitution.yaml" in done.stderr
        assert "project portal: constitution.yaml" in two.idse("doctor").stdout
    assert two.read(RULES) == mine
    assert two.idse("fsck").returncode == 0
    two.git("pull", "-q", "--no-rebase", "-X", "theirs", str(one.path), "main")
    assert carried(two) == two.read(RULES).decode()
    assert two.idse("sync", "push").returncode == 0


def test_a_file_that_cannot_be_carried_is_told_and_keeps_nothing_back(one):
    (one.path / "elsewhere.yaml").write_text(ONE)
    (one.path / RULES).symlink_to("../elsewhere.yaml")
    one.git("add", "-A")
    done = one.run("git", "commit", "-q", "--no-verify", "-m", "a link")
    assert done.returncode == 0
    assert "not carried" in done.stderr
    assert carried(one) is None
    assert one.idse("sync", "push").returncode == 0
    assert list((one.path / ".git/idse").glob("missed-*")) == []


def test_a_ledger_that_cannot_be_read_keeps_no_other_back(one):
    assert one.idse("init", "shop").returncode == 0
    one.git("update-ref", "refs/idse/projects/odd", "HEAD")
    commit_rules(one, ONE)
    assert (carried(one), carried(one, "shop")) == (ONE, ONE)
    one.git("-c", "core.hooksPath=/dev/null", "rm", "-q", RULES)
    one.git("-c", "core.hooksPath=/dev/null", "commit", "-q", "-m", "gone")
    assert one.idse("sync", "push").returncode == 1
    assert (carried(one), carried(one, "shop")) == (None, None)
