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


def test_what_had_to_take_another_name_was_not_decided_by_the_merge_and_stays(divided, loop_of):
    other = loop_of(divided.worktree("other"))
    other.edit("note.md", "of the other work tree\n")
    other.does("save", "portal/__blueprint__")
    divided.git("merge", "side", check=False)
    divided.edit("intent.md", "# Intent\n\n## Goal\n\none\nb\na\n")
    divided.edit("Note.md", "of the merge\n")
    divided.git("add", "-A")
    divided.git("commit", "-qm", "merge")
    assert divided.ledger("intent.md") == "# Intent\n\n## Goal\n\none\nb\na\n"
    assert (divided.ledger("Note.md"), divided.ledger("note.md~")) == (
        "of the merge\n",
        "of the other work tree\n",
    )
