"""Notes of two clones are joined commit by commit, and block by block where both wrote on one."""

from __future__ import annotations

import pytest

from here import discover, git_notes
from idse_orchestrator.errors import CorruptLedgerError
from idse_orchestrator.ledger.note_tree import GENESIS
from idse_orchestrator.ledger.notes import note_text
from idse_orchestrator.wiring.ledgers import git_joiner

REF = "refs/idse/notes/commits"
A, B, C, D = ("a" * 40, "ab" + "c" * 38, "c" * 40, "d" * 40)
LOGIN = note_text("portal/login", "spec", "passing", None)
FAILED = note_text("portal/login", "spec", "failing", None)
OTHER = note_text("portal/other", "plan", "failing", None)


class Clone:
    """A repository with notes."""

    def __init__(self, repo):
        self.repo = repo
        self.repository = discover(str(repo.path))
        self.notes = git_notes(self.repository)
        self.joiner = git_joiner(self.repository)

    @property
    def tip(self):
        return self.repo.git("rev-parse", REF)

    def fetch(self, other):
        self.repo.git("fetch", "--quiet", str(other.repo.path), f"+{REF}:refs/other/notes")
        return self.repo.git("rev-parse", "refs/other/notes")

    def join(self, other):
        theirs = self.fetch(other)
        made = self.joiner.join(REF, self.tip, theirs)
        self.repo.git("update-ref", REF, made)
        return made

    def paths(self):
        return self.repo.git("ls-tree", "-r", "--name-only", REF).split()

    def plant(self, paths):
        """Notes at these very paths, as some other git would have stored them."""
        self.repo.git("read-tree", "--empty")
        for path, text in paths.items():
            self.repo.write("scratch", text)
            blob = self.repo.git("hash-object", "-w", "scratch")
            self.repo.git("update-index", "--add", "--cacheinfo", f"100644,{blob},{path}")
        made = self.repo.git("commit-tree", self.repo.git("write-tree"), "-p", REF, "-m", "planted")
        self.repo.git("update-ref", REF, made)


@pytest.fixture
def clones(make_repo):
    """``clones(notes)``: two clones that share the notes `notes`, commit to text."""

    def make(notes):
        one, other = Clone(make_repo("one")), Clone(make_repo("other"))
        if notes:
            one.notes.write_many(notes, "idse: first")
            other.repo.git("fetch", "--quiet", str(one.repo.path), f"{REF}:{REF}")
        return one, other

    return make


def test_both_clones_make_the_same_commit_and_no_note_is_lost(clones):
    one, other = clones({A: LOGIN})
    one.notes.write_many({B: LOGIN}, "idse: left")
    other.notes.write_many({C: OTHER}, "idse: right")
    mine, theirs = one.tip, other.tip
    other.fetch(one)
    made = one.join(other)
    assert other.joiner.join(REF, theirs, mine) == made
    assert [one.notes.read(commit) for commit in (A, B, C)] == [LOGIN, LOGIN, OTHER]
    assert one.paths() == sorted(f"{commit[:2]}/{commit[2:]}" for commit in (A, B, C))


def test_notes_that_began_apart_share_their_root_and_join(clones):
    one, other = clones({})
    one.notes.write_many({A: LOGIN}, "idse: left")
    other.notes.write_many({A: OTHER, B: OTHER}, "idse: right")
    one.join(other)
    assert one.repo.git("rev-list", "--max-parents=0", REF) == GENESIS
    assert one.notes.read(A) == LOGIN + "\n" + OTHER
    assert one.notes.read(B) == OTHER


def test_of_one_note_each_side_keeps_the_block_it_changed(clones):
    one, other = clones({A: LOGIN + "\n" + OTHER})
    one.notes.write_many({A: note_text("portal/login", None, "failing", None)}, "idse: left")
    other.notes.write_many({A: note_text("portal/other", "tasks", None, None)}, "idse: right")
    one.join(other)
    assert one.notes.read(A) == (
        note_text("portal/login", "spec", "failing", None)
        + "\n"
        + note_text("portal/other", "tasks", "failing", None)
    )


def test_a_note_that_both_changed_says_what_the_greater_commit_says(clones):
    one, other = clones({A: LOGIN})
    for clone, verdict in ((one, "failing"), (other, "unknown")):
        clone.notes.write_many({A: note_text("portal/login", None, verdict, None)}, "idse: both")
    words = {one.tip: "failing", other.tip: "unknown"}
    wanted = words[max(words)]
    one.join(other)
    assert one.notes.read(A) == note_text("portal/login", "spec", wanted, None)


def test_what_a_person_wrote_or_took_out_is_respected(clones):
    one, other = clones({A: "Checked by hand.\n\n" + LOGIN, B: LOGIN, C: LOGIN})
    kept = {f"{commit[:2]}/{commit[2:]}": text for commit, text in {A: LOGIN, C: LOGIN}.items()}
    one.plant(kept)
    other.notes.write_many({A: OTHER, C: OTHER}, "idse: right")
    one.join(other)
    assert one.notes.read(A) == LOGIN + "\n" + OTHER
    assert one.notes.read(B) is None
    assert one.notes.read(C) == LOGIN + "\n" + OTHER


def test_an_edit_outlives_a_removal(clones):
    one, other = clones({A: LOGIN, B: LOGIN})
    one.plant({f"{A[:2]}/{A[2:]}": LOGIN})
    other.notes.write_many({B: OTHER}, "idse: right")
    one.join(other)
    assert one.notes.read(B) == LOGIN + "\n" + OTHER


def test_however_git_stored_the_notes_the_tree_is_the_same(clones):
    one, other = clones({A: LOGIN})
    one.plant({A: LOGIN, f"{B[:2]}/{B[2:4]}/{B[4:]}": LOGIN, C: LOGIN, f"{C[:2]}/{C[2:]}": FAILED})
    said = one.notes.read(C)
    other.notes.write_many({D: OTHER}, "idse: right")
    one.join(other)
    assert one.paths() == sorted(f"{commit[:2]}/{commit[2:]}" for commit in (A, B, C, D))
    assert one.notes.read(C) == said == LOGIN


def test_what_is_no_note_is_refused_by_name(clones):
    one, other = clones({A: LOGIN})
    one.plant({"README": "hello\n"})
    other.notes.write_many({B: OTHER}, "idse: right")
    with pytest.raises(CorruptLedgerError) as caught:
        one.join(other)
    assert "README" in caught.value.cause
