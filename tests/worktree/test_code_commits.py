"""Which commits of a branch a ledger has already."""

from __future__ import annotations

from here import discover
from idse_orchestrator.worktree.code_commits import CodeChange, GitCodeCommits

KEY = ("portal", "__blueprint__")
INTENT = ".idse/projects/portal/sessions/__blueprint__/intent.md"
ALONE = ("-c", "core.hooksPath=/dev/null")


def test_a_rewritten_commit_is_known_by_the_note_that_went_along(loop):
    repo = loop.repo
    before = repo.git("rev-parse", "HEAD")
    repo.write(INTENT, "# Intent\n")
    repo.commit("say why")
    recorded = repo.git("rev-parse", "HEAD")
    repo.git(*ALONE, "commit", "-q", "--amend", "-m", "say why, in other words")
    rewritten = repo.git("rev-parse", "HEAD")
    repo.git("update-ref", "refs/notes/carried", "refs/idse/notes/commits")
    repo.git("notes", "--ref=carried", "copy", recorded, rewritten)
    repo.git("update-ref", "refs/idse/notes/commits", "refs/notes/carried")
    commits = GitCodeCommits(discover(str(repo.path)))
    assert commits.newest_known(KEY, CodeChange(before, recorded, "", before)) == recorded
    assert commits.newest_known(KEY, CodeChange(before, rewritten, "", before)) == rewritten
    repo.git(*ALONE, "commit", "-q", "--allow-empty", "-m", "nobody recorded this")
    assert commits.newest_known(KEY, CodeChange(rewritten, repo.git("rev-parse", "HEAD"), "", before)) == ""
