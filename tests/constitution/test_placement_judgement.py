"""Findings about where files stand."""

from __future__ import annotations

import pytest

from idse_orchestrator.constitution.placement_judgement import judge_placement
from idse_orchestrator.documents.project_workspace import REGULAR, FileEntry

P = ".idse/projects/portal"
ENTRY = FileEntry(REGULAR, "", 1)


@pytest.fixture
def judge(constitution):
    def look(paths=(), legacy=(), known=frozenset({("portal", "login")}), expected=None, contents=None):
        found = judge_placement(
            constitution, dict.fromkeys(paths, ENTRY), legacy, known, expected, contents or {}
        )
        return [(finding.rule, finding.severity, finding.path) for finding in found]

    return look


def test_a_known_session_at_its_place_has_no_finding(judge):
    paths = [
        f"{P}/sessions/login/{name}"
        for name in ("spec.md", "feedback/feedback.md", "implementation/README.md")
    ]
    assert judge(paths) == []


def test_a_folder_that_no_ledger_knows_is_named_once(judge):
    paths = [f"{P}/sessions/new/{name}" for name in ("context.md", "intent.md", "spec.md")]
    assert judge(paths) == [("IDSE705", "warning", f"{P}/sessions/new/intent.md")]


@pytest.mark.parametrize("known", [None, frozenset({("portal", "login")})])
@pytest.mark.parametrize("folder", ["a:b", "-x", "a..b", "x.lock", "ä"])
def test_a_folder_whose_name_no_session_can_have_blocks(folder, known, judge):
    paths = [f"{P}/sessions/{folder}/intent.md", f"{P}/sessions/{folder}/spec.md"]
    assert judge(paths, known=known) == [("IDSE707", "error", paths[0])]


def test_where_there_are_no_ledgers_nothing_is_unknown(judge):
    assert judge([f"{P}/sessions/new/intent.md"], known=None) == []


@pytest.mark.parametrize("name", ["CURRENT_SESSION", "session_state.json"])
def test_a_view_in_an_index_or_a_commit_blocks(name, judge):
    assert judge([f"{P}/{name}"]) == [("IDSE703", "error", f"{P}/{name}")]


@pytest.mark.parametrize(
    ("expected", "content", "found"),
    [(b"login", b"login", False), (b"login", b"other", True), (None, b"other", False)],
)
def test_a_view_in_a_worktree_may_be_there_but_not_differ(expected, content, found, judge):
    path = f"{P}/CURRENT_SESSION"
    views = {} if expected is None else {path: expected}
    findings = judge([path], expected=views, contents={path: content})
    assert findings == ([("IDSE704", "warning", path)] if found else [])


def test_an_older_layout_is_named_once_for_each_folder(judge):
    legacy = [
        "specs/projects/portal/sessions/a/spec.md",
        "specs/projects/portal/sessions/a/notes.md",
        "plans/projects/portal/sessions/a/plan.md",
        "projects/portal/sessions/b/intents/intent.md",
        "projects/portal/sessions/b/specs/spec.md",
    ]
    assert judge(legacy=legacy) == [
        ("IDSE701", "warning", "plans/projects/portal/sessions/a/plan.md"),
        ("IDSE701", "warning", "projects/portal/sessions/b/intents/intent.md"),
        ("IDSE701", "warning", "specs/projects/portal/sessions/a/notes.md"),
    ]


def test_stage_folders_inside_a_session_are_an_older_layout(judge):
    assert judge([f"{P}/sessions/login/intents/intent.md"]) == [
        ("IDSE701", "warning", f"{P}/sessions/login/intents/intent.md")
    ]


@pytest.mark.parametrize("path", ["specs/current/spec.md", ".idse/current/spec.md", f"{P}/current/spec.md"])
def test_a_write_to_current_blocks(path, judge):
    paths, legacy = ([path], []) if path.startswith(".idse") else ([], [path])
    assert judge(paths, legacy) == [("IDSE702", "error", path)]


def test_a_session_may_be_called_current(judge):
    assert judge([f"{P}/sessions/current/spec.md"], known={("portal", "current")}) == []
