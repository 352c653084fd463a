"""A ledger whose ref is gone: what is left tells where it stood, and nothing begins anew over it."""

from __future__ import annotations

import pytest

REF = "refs/idse/sessions/portal/__blueprint__"
PROJECT = "refs/idse/projects/portal"


@pytest.fixture
def finished(loop):
    """An intent that is complete and committed."""
    loop.finish("intent")
    loop.commit("intent")
    return loop


def by_git(project, ref):
    """Git takes the reflog away, too."""
    project.git("update-ref", "-d", ref)


def by_hand(project, ref):
    (project.path / ".git" / ref).unlink()


def told(project):
    lines = project.idse("doctor", "-v").stdout.splitlines()
    return next(line for line in lines if "lost ledgers" in line)


@pytest.mark.parametrize("lose", [by_git, by_hand])
def test_doctor_names_it_and_brings_it_back(finished, lose):
    before = finished.tip()
    note = finished.note().split("Idse-Ledger: ")[1].split()[0]
    lose(finished, REF)
    assert told(finished).startswith("problem")
    assert f"{REF} is gone" in told(finished)
    assert finished.idse("doctor").returncode == 1
    finished.idse("doctor", "--fix")
    assert finished.tip() == (before if lose is by_hand else note)
    assert finished.stage("intent")["status"] == "complete"
    assert finished.idse("fsck").returncode == 0
    assert told(finished).startswith("ok")
    assert finished.git("reflog", "show", REF) != ""


def test_the_ledger_of_a_project(finished):
    before = finished.tip(PROJECT)
    by_hand(finished, PROJECT)
    assert PROJECT in told(finished)
    finished.idse("doctor", "--fix")
    assert finished.tip(PROJECT) == before


def test_what_was_fetched_last_tells_of_it(finished, bare_remote):
    finished.does("sync", "setup", str(bare_remote.path))
    finished.does("sync", "push")
    before = finished.tip()
    by_git(finished, REF)
    by_git(finished, "refs/idse/notes/commits")
    assert "the last fetch from agency" in told(finished)
    finished.idse("doctor", "--fix")
    assert finished.tip() == before


def test_the_newest_of_those_that_are_known_counts(finished):
    finished.edit("spec.md", "more\n")
    finished.commit("more")
    newest = finished.note().split("Idse-Ledger: ")[1].split()[0]
    by_git(finished, REF)
    finished.idse("doctor", "--fix")
    assert finished.tip() == newest


@pytest.mark.parametrize("options", [(), ("--new-ledger",)])
def test_init_begins_nothing_over_it(finished, options):
    by_hand(finished, REF)
    done = finished.idse("init", "portal", *options)
    assert done.returncode != 0
    assert "idse doctor --fix" in done.stderr
    assert REF not in finished.git("for-each-ref")


def test_a_commit_that_is_no_ledger_is_not_taken_for_one(finished):
    by_git(finished, REF)
    finished.git("update-ref", "refs/idse-local/remotes/agency/sessions/portal/login", "HEAD")
    finished.idse("doctor", "--fix")
    assert "refs/idse/sessions/portal/login" not in finished.git("for-each-ref")


def test_after_uninstall_a_project_may_begin_anew(finished):
    finished.does("uninstall", "--ledgers", "--yes")
    assert "lost" not in finished.idse("init", "portal", "--new-ledger").stderr
    assert finished.stage("intent")["status"] != "complete"


def fetched(project, ref, commit):
    project.git("update-ref", ref.replace("refs/idse", "refs/idse-local/remotes/agency"), commit)


def test_what_was_fetched_and_never_taken_in_is_not_lost(finished):
    other = "refs/idse/sessions/portal/other"
    finished.does("session", "new", "other")
    fetched(finished, other, finished.tip(other))
    by_git(finished, other)
    finished.run("rm", "-r", ".idse/projects/portal/sessions/other")
    assert told(finished).startswith("ok")
    finished.idse("doctor", "--fix")
    assert other not in finished.git("for-each-ref", "refs/idse/")


def test_what_was_fetched_is_judged_before_it_is_brought_back(finished):
    """Nobody has judged what plain `git fetch` brought; this one goes back to source code."""
    hostile = finished.git("commit-tree", f"{REF}^{{tree}}", "-p", "HEAD", "-m", "x")
    by_git(finished, REF)
    by_git(finished, "refs/idse/notes/commits")
    fetched(finished, REF, hostile)
    assert told(finished).startswith("ok")
    finished.idse("doctor", "--fix")
    assert REF not in finished.git("for-each-ref", "refs/idse/")
