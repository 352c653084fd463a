"""Commits that no hook recorded: what they brought still reaches the ledger, and never as a conflict."""

from __future__ import annotations

import pytest

INTENT = ".idse/projects/portal/sessions/__blueprint__/intent.md"
IN_LEDGER = "refs/idse/sessions/portal/__blueprint__:artifacts/intent.md"


@pytest.fixture
def project(repo):
    """A project whose first commit is recorded, with a one-line intent."""
    assert repo.idse("init", "portal").returncode == 0
    repo.write(INTENT, "# Intent\n\n## Goal\n\none\n")
    repo.git("add", "-A")
    repo.commit("start")
    return repo


def commit_without_hooks(repo, text):
    repo.write(INTENT, f"# Intent\n\n## Goal\n\n{text}\n")
    repo.git("add", "-A")
    repo.git("-c", "core.hooksPath=/dev/null", "commit", "-qm", text)


def test_the_next_commit_brings_what_was_missed_along(project):
    commit_without_hooks(project, "two")
    project.write(INTENT, "# Intent\n\n## Goal\n\nthree\n")
    project.git("add", "-A")
    project.commit("three")
    assert project.git("show", IN_LEDGER) == "# Intent\n\n## Goal\n\nthree"


def test_saving_brings_what_was_missed_along(project):
    commit_without_hooks(project, "two")
    done = project.idse("save")
    assert done.returncode == 0, done.stderr
    assert "saved intent.md" in done.stderr
    assert project.git("show", IN_LEDGER) == "# Intent\n\n## Goal\n\ntwo"


def test_completing_a_stage_takes_what_was_missed(project):
    commit_without_hooks(project, "two")
    commit_without_hooks(project, "three")
    project.idse("stage", "complete", "intent")  # its gate says no, and that is not the point
    assert "conflict" not in project.idse("save").stderr
    assert project.git("show", IN_LEDGER) == "# Intent\n\n## Goal\n\nthree"


def test_a_branch_that_was_only_switched_to_takes_nothing_away(project):
    project.git("switch", "-qc", "side")
    project.git("switch", "-q", "main")
    project.write(INTENT, "# Intent\n\n## Goal\n\none\n\nmore on main\n")
    project.git("add", "-A")
    project.commit("main")
    project.git("switch", "-q", "side")
    project.write(INTENT, "# Intent on the side\n\n## Goal\n\none\n")
    project.git("add", "-A")
    project.commit("side")
    assert project.git("show", IN_LEDGER) == "# Intent on the side\n\n## Goal\n\none\n\nmore on main"


def test_an_amended_commit_is_measured_from_the_commit_it_replaces(project):
    project.write(INTENT, "# Intent\n\n## Goal\n\ntwo\n")
    project.git("commit", "-qam", "two")
    project.write(INTENT, "# Intent\n\n## Goal\n\nthree\n")
    project.git("commit", "-qa", "--amend", "-m", "three")
    assert project.git("show", IN_LEDGER) == "# Intent\n\n## Goal\n\nthree"


def test_without_a_reflog_a_commit_is_measured_from_its_parent(project):
    project.git("config", "core.logAllRefUpdates", "false")
    (project.path / ".git/logs/HEAD").unlink()
    project.write(INTENT, "# Intent\n\n## Goal\n\ntwo\n")
    project.git("commit", "-qam", "two")
    assert project.git("show", IN_LEDGER) == "# Intent\n\n## Goal\n\ntwo"
