"""Two branches write at one place: the merge that decides between them decides for the ledger, too."""

from __future__ import annotations

import pytest

INTENT = ".idse/projects/portal/sessions/__blueprint__/intent.md"
IN_LEDGER = "refs/idse/sessions/portal/__blueprint__:artifacts/intent.md"


@pytest.fixture
def divided(repo):
    """A project in which `side` and `main` each added a line at the end of the intent."""
    assert repo.idse("init", "portal").returncode == 0
    repo.write(INTENT, "# Intent\n\n## Goal\n\none\n")
    repo.git("add", "-A")
    repo.commit("start")
    repo.git("switch", "-qc", "side")
    repo.write(INTENT, "# Intent\n\n## Goal\n\none\na\n")
    repo.git("commit", "-qam", "a")
    repo.git("switch", "-q", "main")
    repo.write(INTENT, "# Intent\n\n## Goal\n\none\nb\n")
    repo.git("commit", "-qam", "b")
    return repo


def test_a_resolved_merge_resolves_the_ledger(divided):
    assert "<<<<<<<" in divided.git("show", IN_LEDGER)
    divided.git("merge", "side", check=False)
    divided.write(INTENT, "# Intent\n\n## Goal\n\none\nb\na\n")
    divided.git("add", "-A")
    done = divided.run("git", "commit", "-qm", "merge")
    assert "conflict" not in done.stderr
    assert divided.git("show", IN_LEDGER) == "# Intent\n\n## Goal\n\none\nb\na"
    assert divided.idse("fsck").returncode == 0


def test_the_text_that_lost_is_still_in_the_ledgers_history(divided):
    divided.git("merge", "side", check=False)
    divided.write(INTENT, "# Intent\n\n## Goal\n\none\nb, and what a meant\n")
    divided.git("add", "-A")
    divided.git("commit", "-qm", "merge")
    assert divided.git("show", IN_LEDGER) == "# Intent\n\n## Goal\n\none\nb, and what a meant"
    history = divided.git("log", "-p", "--format=%s", "refs/idse/sessions/portal/__blueprint__")
    assert "\n+a\n" in history
