"""Objects that came from a remote are kept so that a process killed in between leaves no broken history."""

from __future__ import annotations

import os

import pytest

from here import discover
from idse_orchestrator.sync import incoming
from idse_orchestrator.sync.incoming import incoming_folder

SETTINGS = {"loose": "1000", "pack": "1"}


class KilledError(Exception):
    """What stands for kill -9: nothing after it runs."""


@pytest.fixture
def source(make_repo):
    """A repository with a history of files and folders."""
    other = make_repo("source")
    for number in range(6):
        other.write(f"folder-{number % 2}/{number}.txt", f"{number}\n")
        other.commit(str(number))
    return other


def fetched(repo, source, objects, limit):
    store = repo.path / ".git/objects"
    folders = {"GIT_OBJECT_DIRECTORY": objects.folder, "GIT_ALTERNATE_OBJECT_DIRECTORIES": str(store)}
    words = ("fetch", "-q", "--no-write-fetch-head", str(source.path), "HEAD")
    assert repo.run("git", "-c", f"fetch.unpackLimit={limit}", *words, env=folders).returncode == 0


def kept_until(repo, source, limit, moves, monkeypatch):
    """Keep, and die before the rename after `moves` others; whether that came about."""
    left = iter(range(moves))
    rename = os.rename

    def dying(*names):
        if next(left, None) is None:
            raise KilledError
        rename(*names)

    with incoming_folder(discover(str(repo.path))) as objects, monkeypatch.context() as patch:
        fetched(repo, source, objects, limit)
        patch.setattr(incoming.os, "rename", dying)
        try:
            objects.keep()
        except KilledError:
            return True
    return False


@pytest.mark.parametrize("kind", SETTINGS)
def test_whenever_it_is_killed_a_commit_has_all_it_leads_to(make_repo, source, kind, monkeypatch):
    for moves in range(100):
        repo = make_repo(f"repo-{moves}")
        killed = kept_until(repo, source, SETTINGS[kind], moves, monkeypatch)
        rows = repo.git("cat-file", "--batch-all-objects", "--batch-check").splitlines()
        commits = [row[:40] for row in rows if " commit " in row]
        repo.git("rev-list", "--verify-objects", "--quiet", "--stdin", stdin="\n".join(commits))
        if not killed:
            assert len(commits) == 6
            return
    raise AssertionError
