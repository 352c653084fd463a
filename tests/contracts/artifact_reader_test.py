"""What every ArtifactReader promises, held against each source of documents over the same files."""

from __future__ import annotations

import hashlib
import os
import stat

import pytest

from here import discover
from idse_orchestrator.constitution.commit_reader import CommitReader, LedgerTipReader
from idse_orchestrator.documents.project_workspace import EXECUTABLE, REGULAR, SYMLINK, FileEntry
from idse_orchestrator.worktree.index_reader import IndexReader
from idse_orchestrator.worktree.worktree_reader import WorktreeReader

SESSION = ".idse/projects/portal/sessions/login"
TOO_LARGE = 8 * 1024 * 1024 + 1

DOCUMENTS = {
    "intent.md": (REGULAR, b"# Intent\n\nLet people in.\n"),
    "context.md": (REGULAR, b"# Context\r\n\r\nline ends of another system\r\n"),
    "spec.md": (REGULAR, b"\xff\xfe not UTF-8, and a NUL \0\n"),
    "plan.md": (REGULAR, b""),
    "tasks.md": (SYMLINK, b"../elsewhere/tasks.md"),
    "implementation/README.md": (EXECUTABLE, b"#!/bin/sh\n"),
    "feedback/feedback.md": (REGULAR, b"no line break at the end"),
    "side file with spaces.md": (REGULAR, b"side\n"),
    "line\nbreak.md": (REGULAR, b"odd name\n"),
    '"quoted".md': (REGULAR, b"odd name too\n"),
    "übersicht.md": (REGULAR, "größer\n".encode()),
    "notes/.gitignore": (REGULAR, b"*.log\n"),
}
LEGACY = (
    "specs/current/spec.md",
    "specs/projects/portal/sessions/login/spec.md",
    "projects/portal/sessions/login/intents/intent.md",
)
UNRELATED = (
    "specs/engine.md",
    "projects/website/index.html",
    "tasks/current/job.py",
    "src/plans/current/plan.md",
)


def blob(data):
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


EXPECTED = {
    f"{SESSION}/{name}": FileEntry(mode, blob(data), len(data)) for name, (mode, data) in DOCUMENTS.items()
}


def put(repo, documents):
    for name, (mode, data) in documents.items():
        target = repo.path / SESSION / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if mode == SYMLINK:
            os.symlink(data, target)
            continue
        target.write_bytes(data)
        if mode == EXECUTABLE:
            target.chmod(target.stat().st_mode | stat.S_IXUSR)


def untracked(repo):
    return WorktreeReader(discover(str(repo.path)))


def tracked(repo):
    repo.commit()
    return WorktreeReader(discover(str(repo.path)))


def touched(repo):
    """Git's bookkeeping no longer vouches for any file, although none has other content."""
    repo.commit()
    for path in repo.git("ls-files", "-z").split("\0")[:-1]:
        os.utime(repo.path / path, ns=(1, 1), follow_symlinks=False)
    return WorktreeReader(discover(str(repo.path)))


def staged(repo):
    repo.git("add", "--all")
    return IndexReader(discover(str(repo.path)), {})


def staged_elsewhere(repo):
    """The index stands where GIT_INDEX_FILE says, as in `git commit --only`."""
    repo.git("add", "--all", env={"GIT_INDEX_FILE": ".git/other-index"})
    return IndexReader(discover(str(repo.path)), {"GIT_INDEX_FILE": ".git/other-index"})


def committed(repo):
    repo.commit()
    return CommitReader(discover(str(repo.path)), "HEAD")


def committed_elsewhere(repo):
    """A commit of a branch that no work tree has checked out."""
    commit = repo.commit()
    repo.git("checkout", "--quiet", "--orphan", "other")
    repo.git("rm", "-rfq", ".")
    return CommitReader(discover(str(repo.path)), commit[:12])


def in_a_ledger(repo):
    commit = repo.commit()
    folder = repo.git("rev-parse", "--quiet", "--verify", f"{commit}:{SESSION}", check=False)
    listing = f"040000 tree {folder}\tartifacts\n" if folder else ""
    tree = repo.git("mktree", stdin=listing)
    tip = repo.git("commit-tree", tree, "-m", "created")
    return LedgerTipReader(discover(str(repo.path)).git, "portal", "login", tip)


WORKTREES = [untracked, tracked, touched]
INDEXES = [staged, staged_elsewhere]
COMMITS = [committed, committed_elsewhere]
BRANCHES = [*WORKTREES, *INDEXES, *COMMITS]
SOURCES = [*BRANCHES, in_a_ledger]
every_source = pytest.mark.parametrize("source", SOURCES)


@every_source
def test_every_file_has_the_mode_id_and_size_git_records(repo, source):
    put(repo, DOCUMENTS)
    assert dict(source(repo).paths()) == EXPECTED


@every_source
def test_every_file_reads_as_the_bytes_its_id_stands_for(repo, source):
    put(repo, DOCUMENTS)
    reader = source(repo)
    contents = reader.read_many(reader.paths())
    assert contents == {f"{SESSION}/{name}": data for name, (_, data) in DOCUMENTS.items()}


@every_source
def test_only_what_was_asked_for_is_read(repo, source):
    put(repo, DOCUMENTS)
    reader = source(repo)
    assert reader.read_many([f"{SESSION}/intent.md"]) == {f"{SESSION}/intent.md": DOCUMENTS["intent.md"][1]}
    assert reader.read_many([]) == {}


@every_source
def test_a_source_without_documents_is_empty(repo, source):
    repo.write("README.md", "nothing of ours\n")
    reader = source(repo)
    assert reader.paths() == {}
    assert list(reader.legacy_paths()) == []


@every_source
def test_a_file_above_eight_mebibytes_shows_its_size_and_is_not_loaded(repo, source):
    put(repo, {"report.json": (REGULAR, b"x" * TOO_LARGE), "intent.md": DOCUMENTS["intent.md"]})
    reader = source(repo)
    large = f"{SESSION}/report.json"
    assert reader.paths()[large].size == TOO_LARGE
    assert reader.read_many(reader.paths()) == {large: b"", f"{SESSION}/intent.md": DOCUMENTS["intent.md"][1]}


@every_source
def test_names_that_are_not_utf8_survive(repo, source):
    name = os.fsdecode(b"caf\xe9.md")
    try:
        put(repo, {name: (REGULAR, b"text\n")})
    except OSError:
        pytest.skip("this file system has no such names")
    reader = source(repo)
    assert reader.read_many(reader.paths()) == {f"{SESSION}/{name}": b"text\n"}


@every_source
def test_reading_writes_nothing(repo, source):
    put(repo, DOCUMENTS)
    reader = source(repo)
    before = everything_in(repo)
    reader.read_many(reader.paths())
    reader.legacy_paths()
    assert everything_in(repo) == before


def everything_in(repo):
    return {
        path: (path.lstat().st_mtime_ns, path.lstat().st_size, path.lstat().st_mode)
        for path in repo.path.rglob("*")
    }


@pytest.mark.parametrize("source", BRANCHES)
def test_files_of_older_layouts_are_named_and_others_are_not(repo, source):
    for path in (*LEGACY, *UNRELATED):
        repo.write(path, "text\n")
    assert list(source(repo).legacy_paths()) == sorted(LEGACY)


@every_source
def test_a_source_says_what_it_is_called(repo, source):
    put(repo, DOCUMENTS)
    first, *_ = source(repo).description.split()
    assert first in {"worktree", "index", "commit", "ledger"}
