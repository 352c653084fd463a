"""A ledger whose tip is a merge: every command reads it, and `idse fsck` makes the merge again."""

from __future__ import annotations

import json

import pytest

from here import discover, git_notes
from idse_orchestrator.ledger.notes import note_text
from idse_orchestrator.wiring.ledgers import git_joiner

NOTES = "refs/idse/notes/commits"


class Parted:
    """A project whose ledger has two tips, `one` and `other`."""

    def __init__(self, loop, one, other):
        self.loop = loop
        self.repository = discover(str(loop.repo.path))
        self.one, self.other = one, other

    def join(self):
        made = git_joiner(self.repository).join_with_conflicts(self.loop.REF, self.one, self.other)
        self.move(made.commit)
        return made

    def move(self, commit, ref=None):
        self.loop.repo.git("update-ref", ref or self.loop.REF, commit)

    def forge(self, *parents, tree=None, **env):
        """A merge made with plain git: like M in all but what is given."""
        made = self.join().commit
        date = self.loop.repo.git("log", "-1", "--date=raw", "--format=%ad", made)
        nobody = {"NAME": "idse", "EMAIL": "idse@localhost", "DATE": date}
        who = {f"GIT_{role}_{key}": nobody[key] for role in ("AUTHOR", "COMMITTER") for key in nobody}
        flags = [word for parent in parents or sorted([self.one, self.other]) for word in ("-p", parent)]
        message = self.loop.repo.git("log", "-1", "--format=%B", made) + "\n"
        forged = self.loop.repo.git(
            "commit-tree", tree or f"{made}^{{tree}}", *flags, stdin=message, env={**who, **env}
        )
        self.move(forged)
        return forged

    def defects(self):
        done = self.loop.repo.idse("fsck", "--json")
        found = [defect["code"] for defect in json.loads(done.stdout)["data"]["defects"]]
        assert done.returncode == bool(found), done.stdout + done.stderr
        return found


@pytest.fixture
def parted(loop):
    text = loop.text("intent.md")
    start = loop.tip()
    tips = []
    for word in ("left", "right"):
        loop.repo.git("update-ref", loop.REF, start)
        loop.does("restore", "--force")
        loop.edit("intent.md", text + f"{word}\n")
        loop.does("save", "-m", word)
        tips.append(loop.tip())
    return Parted(loop, *tips)


def test_the_log_draws_both_sides_and_their_merge(parted):
    made = parted.join().commit
    lines = parted.loop.does("log", "--graph", "--oneline").stdout.splitlines()
    assert "merged " in lines[0]
    assert made[:7] in lines[0]
    for parent in (parted.one, parted.other):
        assert sum(parent[:7] in line and "saved intent.md" in line for line in lines[1:]) == 1
    assert any("|" in line and "*" in line for line in lines[1:])


def test_a_merge_can_be_shown(parted):
    made = parted.join().commit
    shown = parted.loop.does("show", made).stdout
    assert all(parent[:7] in shown for parent in (parted.one, parted.other))


def test_the_status_reads_the_state_of_the_merge(parted):
    parted.join()
    parted.loop.does("restore", "--force")
    assert parted.loop.stage("intent")["status"] == "in_progress"
    assert "<<<<<<<" in parted.loop.text("intent.md")


def test_markers_of_a_merge_keep_a_stage_from_completing_until_they_are_resolved(parted):
    parted.join()
    parted.loop.does("restore", "--force")
    refused = parted.loop.repo.idse("stage", "complete", "intent")
    assert refused.returncode == 1
    assert "IDSE106" in refused.stderr + refused.stdout
    parted.loop.finish("intent")
    assert parted.defects() == []


def test_a_ledger_goes_on_after_a_merge(parted):
    parted.join()
    parted.loop.does("restore", "--force")
    parted.loop.edit("intent.md", "resolved\n")
    parted.loop.does("save")
    assert parted.loop.ledger("intent.md") == "resolved\n"
    assert parted.defects() == []


def test_the_merge_that_everybody_makes_is_no_defect(parted):
    parted.join()
    assert parted.defects() == []
    assert parted.loop.repo.git("rev-parse", parted.loop.REF) == parted.forge()


@pytest.mark.parametrize(
    "env",
    [
        {"GIT_COMMITTER_DATE": "1700000000 +0000"},
        {"GIT_AUTHOR_NAME": "Somebody"},
        {"GIT_COMMITTER_EMAIL": "me@example.invalid"},
    ],
)
def test_a_merge_with_another_head_is_a_defect(parted, env):
    parted.forge(**env)
    assert parted.defects() == ["merge-content"]


def test_a_merge_with_other_documents_is_a_defect(parted):
    state = parted.loop.repo.git("rev-parse", f"{parted.join().commit}:state.json")
    one_side = parted.loop.repo.git("rev-parse", f"{parted.one}:artifacts")
    rows = f"040000 tree {one_side}\tartifacts\n100644 blob {state}\tstate.json\n"
    parted.forge(tree=parted.loop.repo.git("mktree", stdin=rows))
    done = parted.loop.repo.idse("fsck")
    assert done.returncode == 1
    assert "merge-content these parents make" in done.stdout


def test_a_merge_with_an_ancestor_is_a_defect(parted):
    base = parted.loop.repo.git("rev-parse", f"{parted.one}~1")
    tree = parted.loop.repo.git("rev-parse", f"{parted.one}:artifacts")
    state = parted.loop.repo.git("rev-parse", f"{parted.one}:state.json")
    rows = f"040000 tree {tree}\tartifacts\n100644 blob {state}\tstate.json\n"
    parted.forge(*sorted([base, parted.one]), tree=parted.loop.repo.git("mktree", stdin=rows))
    assert parted.defects() == ["merge-content"]


def test_checking_a_merge_writes_nothing(parted):
    parted.join()
    before = parted.loop.repo.git("count-objects")
    assert parted.defects() == []
    assert parted.loop.repo.git("count-objects") == before


def parted_notes(parted):
    """Two tips of the notes."""
    repo, tips = parted.loop.repo, []
    start = repo.git("rev-parse", NOTES)
    for number, word in enumerate(("left", "right")):
        repo.git("update-ref", NOTES, start)
        git_notes(parted.repository).write_many(
            {str(number) * 40: note_text("portal/login", "spec", word, None)}, "idse: notes"
        )
        tips.append(repo.git("rev-parse", NOTES))
    return tips


def test_notes_are_merged_like_ledgers_and_checked_like_them(parted):
    one, other = parted_notes(parted)
    made = git_joiner(parted.repository).join(NOTES, one, other)
    parted.move(made, NOTES)
    assert parted.defects() == []
    flags = [word for parent in sorted([one, other]) for word in ("-p", parent)]
    parted.move(parted.loop.repo.git("commit-tree", f"{one}^{{tree}}", *flags, "-m", "merge"), NOTES)
    assert parted.defects() == ["merge-content"]
