"""Commits that no hook recorded: what they brought still reaches the ledger, and never as a conflict."""

from __future__ import annotations


def commit_without_hooks(repo, text):
    repo.edit("intent.md", f"# Intent\n\n## Goal\n\n{text}\n")
    repo.git("add", "-A")
    repo.git("-c", "core.hooksPath=/dev/null", "commit", "-qm", text)


def test_the_next_commit_brings_what_was_missed_along(short_project):
    commit_without_hooks(short_project, "two")
    short_project.edit("intent.md", "# Intent\n\n## Goal\n\nthree\n")
    short_project.git("add", "-A")
    short_project.commit("three")
    assert short_project.ledger("intent.md") == "# Intent\n\n## Goal\n\nthree\n"


def test_saving_brings_what_was_missed_along(short_project):
    commit_without_hooks(short_project, "two")
    done = short_project.idse("save")
    assert done.returncode == 0, done.stderr
    assert "saved intent.md" in done.stderr
    assert short_project.ledger("intent.md") == "# Intent\n\n## Goal\n\ntwo\n"


def test_completing_a_stage_takes_what_was_missed(short_project):
    commit_without_hooks(short_project, "two")
    commit_without_hooks(short_project, "three")
    short_project.idse("stage", "complete", "intent")  # its gate says no, and that is not the point
    assert "conflict" not in short_project.idse("save").stderr
    assert short_project.ledger("intent.md") == "# Intent\n\n## Goal\n\nthree\n"


def test_a_branch_that_was_only_switched_to_takes_nothing_away(short_project):
    short_project.git("switch", "-qc", "side")
    short_project.git("switch", "-q", "main")
    short_project.edit("intent.md", "# Intent\n\n## Goal\n\none\n\nmore on main\n")
    short_project.git("add", "-A")
    short_project.commit("main")
    short_project.git("switch", "-q", "side")
    short_project.edit("intent.md", "# Intent on the side\n\n## Goal\n\none\n")
    short_project.git("add", "-A")
    short_project.commit("side")
    assert short_project.ledger("intent.md") == "# Intent on the side\n\n## Goal\n\none\n\nmore on main\n"


def test_an_amended_commit_is_measured_from_the_commit_it_replaces(short_project):
    short_project.edit("intent.md", "# Intent\n\n## Goal\n\ntwo\n")
    short_project.git("commit", "-qam", "two")
    short_project.edit("intent.md", "# Intent\n\n## Goal\n\nthree\n")
    short_project.git("commit", "-qa", "--amend", "-m", "three")
    assert short_project.ledger("intent.md") == "# Intent\n\n## Goal\n\nthree\n"


def test_without_a_reflog_a_commit_is_measured_from_its_parent(short_project):
    short_project.git("config", "core.logAllRefUpdates", "false")
    (short_project.path / ".git/logs/HEAD").unlink()
    short_project.edit("intent.md", "# Intent\n\n## Goal\n\ntwo\n")
    short_project.git("commit", "-qam", "two")
    assert short_project.ledger("intent.md") == "# Intent\n\n## Goal\n\ntwo\n"
