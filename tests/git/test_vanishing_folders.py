"""`git gc` takes empty object folders away while others write into them: no event is refused for that."""

from __future__ import annotations

import contextlib
import pathlib
import subprocess
import sys

import pygit2
import pytest

from here import discover, git_notes, ledger_writer
from idse_orchestrator.git.libgit2 import open_repository
from idse_orchestrator.git.objects import commit_object
from idse_orchestrator.ledger.events import Draft

SWEEPER = """
import os, sys
names = [f"{number:02x}" for number in range(256)]
os.chdir(sys.argv[1])
print(flush=True)
while True:
    for name in names:
        try:
            os.rmdir(name)
        except OSError:
            pass
"""


@pytest.fixture(params=["own", "shared"])
def swept(repo, request):
    """A repository whose empty object folders go as soon as they are seen."""
    if request.param == "shared":
        repo.git("config", "core.sharedRepository", "group")
    store = pathlib.Path(repo.path, ".git/objects")
    sweeper = subprocess.Popen([sys.executable, "-c", SWEEPER, str(store)], stdout=subprocess.PIPE)
    with contextlib.closing(sweeper.stdout) as ready:
        ready.readline()
        yield repo
        sweeper.kill()
        sweeper.wait()


def test_events_and_notes_are_written_all_the_same(swept):
    repository = discover(str(swept.path))
    writer, notes = ledger_writer(repository), git_notes(repository)
    for number in range(60):
        tip = writer.append("portal", f"s{number}", lambda _: Draft("created", {}))
        assert tip.state.events == 1
        assert notes.write_many({f"{number:040x}": "idse: a note"}, "idse: note") != ()
    assert swept.git("fsck", "--connectivity-only") == ""


def test_a_commit_that_cannot_be_stored_has_no_id(repo):
    git = discover(str(repo.path)).git
    tree = git.text("mktree", stdin=b"").strip()
    for number in range(256):
        folder = pathlib.Path(repo.path, f".git/objects/{number:02x}")
        if not folder.exists():
            folder.write_bytes(b"in the way of a folder")
    opened = open_repository(f"{repo.path}/.git")
    who = pygit2.Signature("Ada", "ada@example.org", 1, 0)
    with pytest.raises((OSError, pygit2.GitError)):
        commit_object(opened, who, "never stored", pygit2.Oid(hex=tree), [])


def test_what_the_git_program_writes_is_written_all_the_same(swept):
    git = discover(str(swept.path)).git
    for number in range(60):
        blob = git.bytes("hash-object", "-w", "--stdin", stdin=b"%d" % number).decode().strip()
        assert swept.git("cat-file", "blob", blob) == str(number)
