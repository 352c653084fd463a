"""What a work tree remembers of its last gift to a ledger, and trees of which a part is exchanged."""

from __future__ import annotations

import pytest

from here import discover
from idse_orchestrator.git.vault import MAX_BYTES, log_path, write_log
from idse_orchestrator.worktree.tree_merge import TreeMerger
from idse_orchestrator.worktree.workspace import Contribution, last_contribution, remember_contribution

TREE, HEAD = "a" * 40, "b" * 40


@pytest.fixture
def repository(repo):
    return discover(str(repo.path))


@pytest.mark.parametrize("given", [Contribution(TREE, (HEAD,)), Contribution("", ("",))])
def test_a_contribution_reads_back_as_it_was_written(repository, given):
    remember_contribution(repository, "portal", "login", given)
    assert last_contribution(repository, "portal", "login") == given


@pytest.mark.parametrize("text", [b"", b"nonsense\n", b"\xff\xfe", TREE.encode(), b"A" * 40 + b" -"])
def test_a_record_that_cannot_be_read_is_none(repo, repository, text):
    repo.write(".git/idse/contributed/portal/login", text)
    assert last_contribution(repository, "portal", "login") is None


def test_each_worktree_remembers_its_own(repo, repository):
    repo.commit(allow_empty=True)
    remember_contribution(repository, "portal", "login", Contribution(TREE, (HEAD,)))
    side = discover(str(repo.worktree("side").path))
    assert last_contribution(side, "portal", "login") is None


def test_a_part_of_a_tree_is_exchanged_also_where_one_side_has_no_such_file(repo, repository):
    def tree(**files):
        rows = [
            f"100644 blob {repo.git('hash-object', '-w', '--stdin', stdin=text)}\t{name}"
            for name, text in files.items()
        ]
        return repo.git("mktree", stdin="".join(f"{row}\n" for row in rows))

    merger = TreeMerger(repository)
    ours, other = tree(a="1", b="1", gone="1"), tree(a="2", b="2", new="2")
    mixed = merger.mixed(ours, other, ["b", "gone", "new"])
    assert repo.git("ls-tree", "--name-only", mixed).split() == ["a", "b", "new"]
    assert mixed == tree(a="1", b="2", new="2")
    assert merger.mixed(ours, "", ["a", "b", "gone"]) == ""
    assert merger.mixed("", other, ["a"]) == tree(a="2")


def test_a_log_that_is_full_is_begun_anew_and_one_line_stays_one(repo, repository):
    write_log(repository.private, "two\nlines\n")
    assert repo.read(".git/idse/log").decode().endswith("Z two lines\n")
    with open(log_path(repository.private), "ab") as file:
        file.write(b"x" * MAX_BYTES)
    write_log(repository.private, "anew")
    assert repo.read(".git/idse/log").count(b"\n") == 1
    assert len(repo.read(".git/idse/log.old")) > MAX_BYTES
