"""Two branches write at one place: the merge that decides between them decides for the ledger, too."""

from __future__ import annotations

import pytest


@pytest.fixture
def divided(short_project):
    """A project in which `side` and `main` each added a line at the end of the intent."""
    repo = short_project
    repo.git("switch", "-qc", "side")
    repo.edit("intent.md", "# Intent\n\n## Goal\n\none\na\n")
    repo.git("commit", "-qam", "a")
    repo.git("switch", "-q", "main")
    repo.edit("intent.md", "# Intent\n\n## Goal\n\none\nb\n")
    repo.git("commit", "-qam", "b")
    return repo


def test_a_resolved_merge_resolves_the_ledger(divided):
    assert "<<<<<<<" in divided.ledger("intent.md")
    divided.git("merge", "side", check=False)
    divided.edit("intent.md", "# Intent\n\n## Goal\n\none\nb\na\n")
    divided.git("add", "-A")
    done = divided.run("git", "commit", "-qm", "merge")
    assert "conflict" not in done.stderr
    assert divided.ledger("intent.md") == "# Intent\n\n## Goal\n\none\nb\na\n"
    assert divided.idse("fsck").returncode == 0


def test_the_text_that_lost_is_still_in_the_ledgers_history(divided):
    divided.git("merge", "side", check=False)
    divided.edit("intent.md", "# Intent\n\n## Goal\n\none\nb, and what a meant\n")
    divided.git("add", "-A")
    divided.git("commit", "-qm", "merge")
    assert divided.ledger("intent.md") == "# Intent\n\n## Goal\n\none\nb, and what a meant\n"
    history = divided.git("log", "-p", "--format=%s", "refs/idse/sessions/portal/__blueprint__")
    assert "\n+a\n" in history
