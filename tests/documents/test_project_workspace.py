"""Where things stand under ``.idse/``, and what git ignores there."""

from __future__ import annotations

import subprocess

import pytest

from idse_orchestrator.documents.project_workspace import (
    GITIGNORE,
    GITIGNORE_PATH,
    build_folder,
    current_session_path,
    project_of,
    session_state_path,
    sessions_folder,
    view_of,
)


@pytest.mark.parametrize(
    ("path", "project", "view"),
    [
        (".idse/projects/p/CURRENT_SESSION", "p", ("p", "CURRENT_SESSION")),
        (".idse/projects/p/session_state.json", "p", ("p", "session_state.json")),
        (".idse/projects/p/sessions/s/session_state.json", "p", None),
        (".idse/projects/p/sessions/s/spec.md", "p", None),
        (".idse/projects/p", None, None),
        (".idse/projects/CURRENT_SESSION", None, None),
        ("projects/p/CURRENT_SESSION", None, None),
        (".idse/constitution.yaml", None, None),
    ],
)
def test_a_path_tells_its_project_and_whether_it_is_a_view(path, project, view):
    assert project_of(path) == project
    assert view_of(path) == view


def test_the_paths_of_a_project_belong_to_it():
    for path in (
        current_session_path("p"),
        session_state_path("p"),
        build_folder("p") + "/x",
        sessions_folder("p"),
    ):
        assert project_of(path) == "p"
    assert sessions_folder("p") == ".idse/projects/p/sessions"


def test_git_ignores_the_views_and_nothing_of_a_session(tmp_path):
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    (tmp_path / ".idse").mkdir()
    (tmp_path / GITIGNORE_PATH).write_bytes(GITIGNORE)
    views = [current_session_path("p"), session_state_path("p"), build_folder("p") + "/agents/s.profile.yaml"]
    others = [
        ".idse/projects/p/sessions/s/spec.md",
        ".idse/projects/p/sessions/build/spec.md",
        GITIGNORE_PATH,
    ]
    found = subprocess.run(
        ["git", "check-ignore", "--no-index", *views, *others],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.split() == views
