"""A clean filter that git requires and that is not installed: told as what it is, nothing is half done."""

from __future__ import annotations

import pytest

SPEC = ".idse/projects/portal/sessions/__blueprint__/spec.md"


def break_filter(repo, pattern="*.md"):
    repo.git("config", "filter.lfs.clean", "no-such-program clean %f")
    repo.git("config", "filter.lfs.required", "true")
    (repo.path / ".git/info").mkdir(exist_ok=True)
    (repo.path / ".git/info/attributes").write_text(f"{pattern} filter=lfs\n")


@pytest.mark.parametrize("pattern", ["*.md", "*", "intent.md", ".idse/** "])
def test_init_changes_nothing_and_says_which_filter(repo, pattern, unchanged):
    repo.commit(allow_empty=True)
    break_filter(repo, pattern)
    before = repo.git("for-each-ref")
    done = repo.idse("init", "portal")
    assert (done.returncode, "does not run" in done.stderr) == (1, True), done.stderr
    assert "no-such-program" in done.stderr
    assert repo.git("for-each-ref") == before
    assert not (repo.path / ".idse/projects").exists()
    (repo.path / ".git/info/attributes").unlink()
    assert repo.idse("init", "portal").returncode == 0


def test_a_new_session_is_not_begun_half(loop):
    break_filter(loop.repo)
    before = loop.git("for-each-ref")
    done = loop.repo.idse("spawn", "login")
    assert (done.returncode, "does not run" in done.stderr) == (1, True), done.stderr
    assert loop.git("for-each-ref") == before
    assert not (loop.path / ".idse/projects/portal/sessions/login").exists()


def test_save_says_so_and_keeps_the_ledger(loop):
    loop.edit("spec.md", "# Spec\n\nmore\n")
    break_filter(loop.repo)
    tip = loop.tip()
    done = loop.repo.idse("save")
    assert (done.returncode, "does not run" in done.stderr) == (1, True), done.stderr
    assert loop.tip() == tip


def test_a_filter_that_is_not_required_stops_nobody(repo):
    break_filter(repo)
    repo.git("config", "--unset", "filter.lfs.required")
    assert repo.idse("init", "portal").returncode == 0
