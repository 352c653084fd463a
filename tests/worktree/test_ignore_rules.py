"""The views stay out of git on every branch, and the user's own rules stay to the byte."""

from __future__ import annotations

import pytest

from here import discover
from idse_orchestrator.worktree.ignore_rules import CURRENT, EDITED, MISSING, UNCLEAR, IgnoreRules


@pytest.fixture
def rules(repo):
    return IgnoreRules(discover(str(repo.path)))


@pytest.fixture
def exclude(repo):
    return repo.path / ".git/info/exclude"


@pytest.fixture
def old_branch(repo, loop_in):
    """A project on `main`, and a branch `old` from before."""
    repo.write("app.py", "1")
    repo.commit("code")
    repo.git("branch", "old")
    loop = loop_in(repo)
    repo.commit("start")
    return loop


def test_a_branch_that_is_older_is_clean_and_takes_no_view(old_branch):
    old_branch.does("switch", "__blueprint__")
    old_branch.git("switch", "-q", "old")
    assert old_branch.git("status", "--porcelain") == ""
    old_branch.repo.write("app.py", "2")
    old_branch.git("add", "-A")
    old_branch.git("commit", "-qm", "code alone")
    assert old_branch.git("show", "--format=", "--name-only").split() == ["app.py"]
    assert old_branch.git("stash", "list") == ""


def test_so_is_a_branch_with_a_history_of_its_own_and_a_linked_work_tree(old_branch):
    old_branch.git("switch", "-q", "--orphan", "empty")
    assert old_branch.git("status", "--porcelain") == ""
    old_branch.git("switch", "-q", "main")
    linked = old_branch.repo.worktree("linked")
    assert linked.idse("switch", "__blueprint__").returncode == 0
    linked.git("switch", "-q", "old")
    assert linked.git("status", "--porcelain") == ""


def test_doctor_is_content_on_such_a_branch_and_makes_nothing_there(old_branch):
    old_branch.git("switch", "-q", "old")
    done = old_branch.repo.idse("doctor", "--fix", "-v")
    assert "this branch has no .idse/.gitignore" in done.stdout + done.stderr
    assert not (old_branch.path / ".idse/.gitignore").exists()
    assert old_branch.git("status", "--porcelain") == ""


@pytest.mark.parametrize(
    "command", [("init", "portal"), ("hooks", "install"), ("doctor", "--fix")], ids=" ".join
)
def test_it_is_put_back_where_somebody_took_it_away(old_branch, exclude, command):
    before = exclude.read_bytes()
    exclude.write_text("mine\n")
    if command[0] == "doctor":
        assert "has no rules for views" in old_branch.repo.idse("doctor").stdout
    old_branch.repo.idse(*command)
    assert b"/.idse/projects/*/CURRENT_SESSION\n" in exclude.read_bytes()
    assert exclude.read_text().startswith("mine\n\n# idse:begin")
    assert before != exclude.read_bytes()
    again = exclude.stat().st_mtime_ns
    old_branch.repo.idse(*command)
    assert exclude.stat().st_mtime_ns == again


@pytest.mark.parametrize(
    "content", [b"", b"# theirs\n*.log\n", b"*.log", b"a\r\nb\r\n", b"\xff\xfe\n\n", None]
)
def test_the_users_lines_stay_to_the_byte(repo, rules, exclude, content):
    exclude.parent.mkdir(exist_ok=True)
    exclude.unlink(missing_ok=True)
    if content is not None:
        exclude.write_bytes(content)
    else:
        exclude.parent.rmdir()
    assert rules.condition()[0] == MISSING
    assert rules.renew()
    assert not rules.renew()
    assert rules.condition()[0] == CURRENT
    assert exclude.read_bytes().startswith(content or b"")
    repo.write(".idse/projects/portal/CURRENT_SESSION", "x")
    repo.write(".idse/projects/portal/build/x", "x")
    assert repo.git("status", "--porcelain", "-uall") == ""
    rules.take_out()
    assert (exclude.read_bytes() if exclude.exists() else None) == content
    assert exclude.parent.exists() == (content is not None)


def test_what_was_written_around_the_block_stays_too(rules, exclude):
    exclude.parent.mkdir(exist_ok=True)
    exclude.write_bytes(b"above\n")
    rules.renew()
    exclude.write_bytes(exclude.read_bytes() + b"below\n")
    rules.take_out()
    assert exclude.read_bytes() == b"above\nbelow\n"


def test_older_rules_are_renewed_in_their_place(rules, exclude):
    from idse_orchestrator.documents.marked_block import with_block

    exclude.parent.mkdir(exist_ok=True)
    older = with_block(b"above\n", b"/.idse/older\n").replace(b"<!-- idse:begin", b"# idse:begin")
    older = older.replace(b" -->", b"").replace(b"<!-- idse:end", b"# idse:end")
    exclude.write_bytes(older + b"below\n")
    assert rules.renew()
    assert rules.condition()[0] == CURRENT
    assert b"older" not in exclude.read_bytes()
    rules.take_out()
    assert exclude.read_bytes() == b"above\nbelow\n"


def test_a_block_that_somebody_changed_is_told_and_left(old_branch, rules, exclude):
    changed = exclude.read_bytes().replace(b"CURRENT_SESSION", b"MINE")
    exclude.write_bytes(changed)
    assert rules.condition()[0] == EDITED
    assert not rules.renew()
    assert "was changed by hand" in old_branch.repo.idse("doctor").stdout
    assert "was changed by hand" in old_branch.repo.idse("uninstall").stderr
    assert exclude.read_bytes() == changed


@pytest.mark.parametrize("how", ["half", "link"])
def test_what_cannot_be_told_apart_is_left(rules, exclude, tmp_path, how):
    exclude.parent.mkdir(exist_ok=True)
    if how == "half":
        exclude.write_bytes(b"# idse:end\n")
    else:
        exclude.unlink(missing_ok=True)
        (tmp_path / "of all").write_text("mine\n")
        exclude.symlink_to(tmp_path / "of all")
    before = exclude.read_bytes()
    assert rules.condition()[0] == UNCLEAR
    assert not rules.renew()
    rules.take_out()
    assert exclude.read_bytes() == before
