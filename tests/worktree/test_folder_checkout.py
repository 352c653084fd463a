"""Writing documents back never costs a text that was typed while nobody looked."""

from __future__ import annotations

import pytest

from here import discover
from idse_orchestrator.errors import ConflictError
from idse_orchestrator.worktree.capture import capture_folder
from idse_orchestrator.worktree.work_files import replace_folder

FOLDER = ".idse/projects/portal/sessions/login"


def tree(repo, text, path="spec.md"):
    (repo.path / FOLDER / "spec.md").unlink(missing_ok=True)
    repo.write(f"{FOLDER}/{path}", text)
    return capture_folder(discover(str(repo.path)), FOLDER).tree


@pytest.mark.parametrize("path", ["spec.md", "plan.md"])
def test_a_document_that_changed_since_it_was_looked_at_is_neither_overwritten_nor_removed(repo, path):
    after = tree(repo, "older\n", path)
    (repo.path / FOLDER / path).unlink()
    before = tree(repo, "newer\n")
    repo.write(f"{FOLDER}/spec.md", "typed meanwhile\n")
    with pytest.raises(ConflictError, match="changed") as caught:
        replace_folder(discover(str(repo.path)), FOLDER, before, after)
    assert caught.value.where == f"{FOLDER}/spec.md"
    assert (repo.path / FOLDER / "spec.md").read_text() == "typed meanwhile\n"


def test_a_name_may_hold_a_line_break(repo):
    after = tree(repo, "older\n", "a\nb.md")
    before = tree(repo, "newer\n", "a\nb.md")
    assert replace_folder(discover(str(repo.path)), FOLDER, before, after) == ["a\nb.md"]
    assert (repo.path / FOLDER / "a\nb.md").read_text() == "older\n"
