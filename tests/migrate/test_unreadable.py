"""What cannot be read of a source keeps its session waiting, and nothing else.

A ledger is written whole: a session that was read in part only would never get the rest.
"""

from __future__ import annotations

import os

import pytest


@pytest.mark.parametrize(
    ("layout", "closed"),
    [
        ("C", "projects/portal/sessions/login/specs/spec.md"),
        ("C", "projects/portal/sessions/login/specs"),
        ("C", "projects/portal/sessions/login"),
        ("D", ".idse/projects/portal/sessions/login/specs"),
        ("E", "projects/portal/login/specs"),
        ("A", "specs/projects/portal/sessions/login"),
        ("F", "portal:login/specs"),
    ],
)
def test_its_session_waits_until_it_can_be(old, taker, run_bound, layout, closed):
    documents = old.session(layout)
    old.session("C", "audit")
    os.chmod(old.path / closed, 0)
    code, data = run_bound(old)
    os.chmod(old.path / closed, 0o700)
    assert taker.sessions() == ["portal/audit"]
    assert sum(data["counts"].values()) == len(data["files"])
    assert any(entry["path"] == closed and entry["fate"] == "unknown" for entry in data["files"])
    if not closed.endswith("/login"):
        assert code == 3
        assert [each["verdict"] for each in data["sessions"]] == ["new", "unreadable"]
    assert run_bound(old)[0] == 0
    assert taker.folder() == documents


def test_a_closed_folder_of_a_stage_keeps_all_of_its_sessions_waiting(old, taker, run_bound):
    documents = old.session("A")
    old.session("A", "audit")
    os.chmod(old.path / "specs", 0)
    assert run_bound(old)[0] == 3
    os.chmod(old.path / "specs", 0o700)
    assert taker.refs() == ""
    assert run_bound(old)[0] == 0
    assert taker.folder() == documents
