"""`idse sync pull` brings the folder of the session that is worked on, where this work tree has none."""

from __future__ import annotations

import json
import shutil

import pytest

LOGIN = ".idse/projects/portal/sessions/login"


@pytest.fixture
def shared(loop, bare_remote):
    """A project that was pushed; the session login is worked on, and no branch has its folder."""
    loop.does("spawn", "login")
    loop.does("sync", "setup", str(bare_remote.path))
    loop.does("sync", "push")
    loop.before = (loop.path / LOGIN / "intent.md").read_bytes()
    shutil.rmtree(loop.path / LOGIN)
    return loop


def test_a_missing_folder_comes_with_a_pull(shared):
    done = shared.does("sync", "pull")
    assert f"brought {LOGIN}/ from its ledger (7 files)" in done.stderr
    assert (shared.path / LOGIN / "intent.md").read_bytes() == shared.before
    assert shared.status()["differs"] == []
    assert "brought" not in shared.does("sync", "pull").stderr


def test_as_json_it_says_what_it_brought(shared):
    told = json.loads(shared.does("sync", "pull", "--json").stdout)["data"]
    assert told["brought"] == {"project": "portal", "session": "login", "files": 7}
    assert json.loads(shared.does("sync", "pull", "--json").stdout)["data"]["brought"] is None


def test_what_was_pulled_just_now_is_what_comes(shared, make_repo, bare_remote):
    other = make_repo("other")
    assert other.idse("init", "portal", "--agency", str(bare_remote.path)).returncode == 0
    assert other.idse("sync", "pull").returncode == 0
    assert other.idse("switch", "login").returncode == 0
    other.write(f"{LOGIN}/intent.md", "# Intent\n\nNewer.\n")
    assert other.idse("save").returncode == 0
    assert other.idse("sync", "push").returncode == 0
    shared.does("sync", "pull")
    assert (shared.path / LOGIN / "intent.md").read_text() == "# Intent\n\nNewer.\n"


def test_a_folder_that_is_there_is_left_alone(shared):
    shared.write(f"{LOGIN}/intent.md", "mine\n")
    assert "brought" not in shared.does("sync", "pull").stderr
    assert [each.name for each in (shared.path / LOGIN).iterdir()] == ["intent.md"]


def test_a_folder_that_another_branch_has_stays_there(loop, bare_remote):
    """Over it, git would not switch back."""
    loop.does("sync", "setup", str(bare_remote.path))
    loop.git("switch", "-q", "--orphan", "pages")
    loop.git("commit", "-q", "--allow-empty", "-m", "no documents here")
    for _ in range(2):  # the second brings nothing new
        done = loop.does("sync", "pull")
        assert "portal/__blueprint__ has its folder on main, not here (idse restore brings it)" in done.stderr
        assert loop.git("status", "--porcelain") == ""
    assert json.loads(loop.does("sync", "pull", "--json").stdout)["data"]["brought"] is None
    loop.git("switch", "-q", "main")
    shutil.rmtree(loop.path / loop.FOLDER)
    assert loop.FOLDER in loop.does("sync", "pull").stderr  # this branch has it


def test_other_sessions_stay_where_they_are(shared):
    shared.does("switch", "__blueprint__")
    shutil.rmtree(shared.path / shared.FOLDER)
    assert shared.FOLDER in shared.does("sync", "pull").stderr
    assert not (shared.path / LOGIN).exists()


def test_a_bare_repository_pulls_as_ever(shared, bare_remote, make_repo):
    bare = make_repo("more.git", bare=True)
    assert bare.idse("sync", "setup", str(bare_remote.path)).returncode == 0
    done = bare.idse("sync", "pull")
    assert done.returncode == 0, done.stderr
