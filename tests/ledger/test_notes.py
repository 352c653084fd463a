"""Notes on code commits, read back by plain git wherever it can."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys

import pytest

from here import discover, git_notes
from idse_orchestrator.errors import CorruptLedgerError
from idse_orchestrator.ledger.note_tree import GENESIS, GENESIS_MESSAGE, GitNotes
from idse_orchestrator.ledger.notes import note_text
from idse_orchestrator.ledger.refs import NOTES_ON_COMMITS

LOGIN = note_text("portal/login", "spec", "passing", None)
OTHER = note_text("portal/other", None, None, None)
IDS = [f"{number * 0x123456789ABCDEF:040x}"[::-1] for number in range(1, 300)]


def empty_commit(repo, subject: str) -> str:
    repo.git("commit", "--quiet", "--allow-empty", "-m", subject)
    return repo.git("rev-parse", "HEAD")


@pytest.fixture
def commits(repo) -> list[str]:
    return [empty_commit(repo, subject) for subject in ("one", "two", "three")]


@pytest.fixture
def notes(repo, commits) -> GitNotes:
    return git_notes(discover(str(repo.path)))


def test_plain_git_log_shows_the_note(repo, commits, notes):
    notes.write_many({commits[0]: LOGIN}, "idse: note")
    repo.git("config", "notes.displayRef", "refs/idse/notes/*")
    shown = repo.git("log", "-1", commits[0])
    assert "Notes (idse/notes/commits):" in shown
    assert "    Idse-Session: portal/login\n    Idse-Stage: spec" in shown
    assert "Notes" not in repo.git("log", "-1", commits[1])


def test_a_note_is_one_file_two_folders_deep_and_one_commit(repo, commits, notes):
    notes.write_many({commits[0]: LOGIN, commits[1]: OTHER}, "idse: two notes")
    assert sorted(repo.git("ls-tree", "-r", "--name-only", NOTES_ON_COMMITS).split()) == sorted(
        f"{commit[:2]}/{commit[2:]}" for commit in commits[:2]
    )
    assert repo.git("log", "--format=%s", NOTES_ON_COMMITS).split("\n") == ["idse: two notes", "idse: notes"]
    assert repo.git("log", "-g", "-1", "--format=%gs", NOTES_ON_COMMITS) == "idse: two notes"


def test_the_root_is_the_same_commit_in_every_clone(repo, commits, notes, make_repo):
    other = make_repo("other")
    git_notes(discover(str(other.path))).write_many({empty_commit(other, "x"): OTHER}, "idse: note")
    notes.write_many({commits[0]: LOGIN}, "idse: note")
    for place in (repo, other):
        assert place.git("rev-list", "--max-parents=0", NOTES_ON_COMMITS) == GENESIS
        assert place.git("ls-tree", GENESIS) == ""
        assert place.git("show", "-s", "--format=%B", GENESIS) == GENESIS_MESSAGE.strip()


def test_what_nobody_noted_reads_as_none(notes, commits):
    assert notes.read(commits[0]) is None
    notes.write_many({commits[0]: LOGIN}, "idse: note")
    assert (notes.read(commits[0]), notes.read(commits[1])) == (LOGIN, None)


def test_writing_adds_to_the_note_that_is_there(notes, commits):
    notes.write_many({commits[0]: LOGIN}, "one")
    notes.write_many({commits[0]: OTHER}, "two")
    assert notes.read(commits[0]) == f"{LOGIN}\n{OTHER}"


def test_writing_what_is_there_already_makes_no_commit(repo, commits, notes):
    assert notes.write_many({commits[0]: LOGIN}, "one") == (commits[0],)
    before = repo.git("rev-parse", NOTES_ON_COMMITS)
    assert notes.write_many({commits[0]: LOGIN}, "again") == ()
    assert repo.git("rev-parse", NOTES_ON_COMMITS) == before


def test_writing_nothing_makes_no_ref(repo, notes):
    assert notes.write_many({}, "nothing") == ()
    assert repo.git("for-each-ref", NOTES_ON_COMMITS) == ""


def test_a_rewritten_commit_inherits_through_any_number_of_rewrites(notes, commits):
    first, second, third = commits
    notes.write_many({first: LOGIN}, "one")
    assert set(notes.copy([(second, third), (first, second)])) == {second, third}
    assert [notes.read(commit) for commit in commits] == [LOGIN] * 3


def test_commits_squashed_into_one_give_it_all_their_sessions(notes, commits):
    first, second, squashed = commits
    notes.write_many({first: "By hand, a.\n\n" + LOGIN, second: "By hand, b.\n\n" + OTHER}, "one")
    notes.copy([(first, squashed), (second, squashed)])
    assert notes.read(squashed) == f"By hand, a.\n\nBy hand, b.\n\n{LOGIN}\n{OTHER}"


def test_two_commits_rewritten_into_each_other_end(notes, commits):
    first, second, _ = commits
    notes.write_many({first: LOGIN, second: note_text("portal/login", "plan", None, None)}, "one")
    notes.copy([(first, second), (second, first)])
    assert "Idse-Stage: spec" in (notes.read(first) or "")
    assert "Idse-Stage: plan" in (notes.read(second) or "")


def with_fan_out(repo, paths: dict[str, str]) -> None:
    """Make the notes ref what git or another tool may have written: `paths` to text."""
    index = {"GIT_INDEX_FILE": str(repo.path / ".git" / "an index")}
    for path, text in paths.items():
        blob = repo.git("hash-object", "-w", "--stdin", stdin=text)
        repo.git("update-index", "--add", "--cacheinfo", f"100644,{blob},{path}", env=index)
    tree = repo.git("write-tree", env=index)
    commit = repo.git("commit-tree", tree, "-m", "by git")
    repo.git("update-ref", NOTES_ON_COMMITS, commit)


@pytest.mark.parametrize("cuts", [(), (2,), (2, 4), (2, 4, 6)], ids=["flat", "2/38", "2/2/36", "2/2/2/34"])
def test_any_fan_out_is_read_and_a_new_text_leaves_one_note(repo, commits, notes, cuts):
    first, second, _ = commits
    paths = {_cut(first, cuts): LOGIN, _cut(second, cuts): OTHER, "a file of somebody": "x"}
    with_fan_out(repo, paths)
    assert (notes.read(first), notes.read(second)) == (LOGIN, OTHER)
    notes.write_many({first: OTHER}, "more")
    assert notes.read(first) == f"{LOGIN}\n{OTHER}"
    assert notes.read(second) == OTHER
    files = repo.git("ls-tree", "-r", "--name-only", NOTES_ON_COMMITS).split("\n")
    assert [path.replace("/", "") for path in files].count(first) == 1
    assert "a file of somebody" in files
    repo.git("config", "notes.displayRef", "refs/idse/notes/*")
    assert repo.git("log", "-1", first).count("portal/login") == 1


def test_a_note_that_stands_twice_is_read_as_one(repo, commits, notes):
    first = commits[0]
    with_fan_out(repo, {first: OTHER, f"{first[:2]}/{first[2:]}": LOGIN})
    assert notes.read(first) == f"{LOGIN}\n{OTHER}"


def _cut(commit: str, cuts: tuple[int, ...]) -> str:
    edges = (0, *cuts, len(commit))
    return "/".join(commit[start:end] for start, end in itertools.pairwise(edges))


def test_git_finds_every_one_of_many_notes(repo, commits, notes):
    notes.write_many({commit: note_text("p/s", None, None, commit) for commit in IDS}, "many")
    repo.git("update-ref", "refs/notes/copy", NOTES_ON_COMMITS)
    listed = {line.split()[1] for line in repo.git("notes", "--ref=copy", "list").split("\n")}
    assert listed == set(IDS)
    assert notes.read(IDS[7]) == note_text("p/s", None, None, IDS[7])


def test_bytes_that_are_not_text_survive(repo, commits, notes):
    path = repo.path / "note"
    path.write_bytes(b"caf\xe9\n")
    blob = repo.git("hash-object", "-w", str(path))
    tree = repo.git("mktree", stdin=f"100644 blob {blob}\t{commits[0]}\n")
    repo.git("update-ref", NOTES_ON_COMMITS, repo.git("commit-tree", tree, "-m", "x"))
    notes.write_many({commits[0]: LOGIN}, "more")
    noted = repo.git("ls-tree", "-r", NOTES_ON_COMMITS).split()[2]
    done = subprocess.run(["git", "cat-file", "blob", noted], cwd=repo.path, capture_output=True, check=True)
    assert done.stdout == b"caf\xe9\n\n" + LOGIN.encode()


def test_a_ref_that_holds_no_notes_is_an_error_that_says_so(repo, commits, notes):
    blob = repo.git("hash-object", "-w", "--stdin", stdin="x")
    repo.git("update-ref", NOTES_ON_COMMITS, blob)
    with pytest.raises(CorruptLedgerError) as error:
        notes.read(commits[0])
    assert error.value.where == NOTES_ON_COMMITS


def test_notes_need_no_identity(repo, commits, monkeypatch):
    for name in [name for name in os.environ if name.startswith(("GIT_AUTHOR", "GIT_COMMITTER"))]:
        monkeypatch.delenv(name)
    repo.git("config", "user.useConfigOnly", "true")
    repo.git("config", "--global", "--unset-all", "user.name")
    repo.git("config", "--global", "--unset-all", "user.email")
    git_notes(discover(str(repo.path))).write_many({commits[0]: LOGIN}, "idse: note")
    assert repo.git("log", "-1", "--format=%an <%ae>", NOTES_ON_COMMITS) == "idse <idse@localhost>"


WRITER = """
import os, sys
from idse_orchestrator.wiring.application import Application
notes = Application(".", os.environ).recorder.notes
for commit in sys.argv[1:]:
    notes.write_many({commit: "Idse-Session: p/s\\n"}, "one of many")
"""


def test_writers_at_the_same_time_lose_nothing(repo, commits, notes):
    shares = [IDS[start:60:4] for start in range(4)]
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, *share], cwd=repo.path) for share in shares]
    assert [writer.wait() for writer in writers] == [0, 0, 0, 0]
    assert all(notes.read(commit) for commit in IDS[:60])
    assert repo.git("rev-list", "--count", NOTES_ON_COMMITS) == "61"
