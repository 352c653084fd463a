"""``idse run`` with an agent of the shell: real git, real processes, the real command."""

from __future__ import annotations

import pytest

from run_bed import BRANCH, THREE, WRITE, begin_project, check_invariants, events_of, states_of


@pytest.fixture
def project(repo, once):
    """Three tasks, complete; the code has one commit."""
    once(repo, lambda: begin_project(repo, THREE))
    return repo


def test_a_list_is_worked_off_and_merged(project):
    head = project.git("rev-parse", "HEAD")
    done = project.idse("run", "--agent", WRITE, "-j", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    assert states_of(project) == dict.fromkeys(("T001", "T002", "T003"), "done")
    assert project.git("diff", "--name-only", f"HEAD...{BRANCH}").split() == [
        "docs/greet.md",
        "src/greet.py",
        "tests/test_greet.py",
    ]
    assert project.git("rev-parse", "HEAD") == head
    assert project.git("status", "--porcelain") == ""
    check_invariants(project)
    assert [each["action"] for each in events_of(project, "T001")[1:]] == ["take", "finish", "accept"]
