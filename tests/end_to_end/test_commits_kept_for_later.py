"""A commit that idse could not record at the time: the next idse command that writes records it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest

FOLDER = ".idse/projects/portal/sessions/login"
LEDGER = "refs/idse/sessions/portal/login"
HOLD = """
import os, sys
from idse_orchestrator.git.vault import ledger_lock
from idse_orchestrator.worktree.work_tree import discover
with ledger_lock(discover(sys.argv[1], os.environ)):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def project(begun):
    """`begun` with the intent committed once more, so that its last event is that commit."""
    edit(begun, "one")
    begun.commit("one")
    return begun


@pytest.fixture
def busy(project):
    """Another process that holds the ledger lock until it is let go."""
    child = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(project.path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert child.stdout.readline() == b"held\n"
    yield child
    child.communicate(b"")


def edit(repo, text, name="intent.md"):
    repo.write(f"{FOLDER}/{name}", f"# Intent\n\n## Goal\n\n{text}\n")


def crashing(repo):
    """Put a program that dies at once in the place of idse; what puts it back."""
    for name in ("post-commit", "post-merge", "post-rewrite"):
        hook = repo.path / ".git/hooks" / name
        hook.with_suffix(".real").write_bytes(hook.read_bytes())
        lines = hook.read_text().splitlines(keepends=True)
        changed = [
            "idse_program=/bin/false\n" if line.startswith("idse_program=") else line for line in lines
        ]
        hook.write_text("".join(changed))


def healed(repo):
    for name in ("post-commit", "post-merge", "post-rewrite"):
        hook = repo.path / ".git/hooks" / name
        hook.write_bytes(hook.with_suffix(".real").read_bytes())


def committed(repo, text):
    """A commit of the intent that is not recorded."""
    crashing(repo)
    edit(repo, text)
    commit = repo.commit(text)
    healed(repo)
    return commit


def ledger(repo, name="intent.md"):
    return repo.git("show", f"{LEDGER}:artifacts/{name}").splitlines()[-1]


def links(repo):
    """The code commits of `edited` events, the newest first."""
    form = "--format=%(trailers:key=Idse-Kind,valueonly,separator=%x20) "
    form += "%(trailers:key=Idse-Code,valueonly,separator=%x20)"
    rows = [row.split() for row in repo.git("log", form, LEDGER).splitlines()]
    return [row[1] for row in rows if row[0] == "edited" and len(row) > 1]


def note(repo, commit):
    return repo.git("-c", "notes.displayRef=refs/idse/notes/*", "log", "-1", "--format=%N", commit)


def waiting(repo):
    data = json.loads(repo.idse("doctor", "--json").stdout)["data"]
    return next(check for check in data["checks"] if check["name"] == "spool")


def test_a_commit_whose_recorder_crashed_is_recorded_by_the_next_command_that_writes(project):
    commit = committed(project, "two")
    assert links(project)[0] != commit
    assert waiting(project)["verdict"] == "note"
    assert "1 commit waits to be recorded" in waiting(project)["says"]
    assert project.idse("session", "set", "--title", "Log in").returncode == 0
    assert links(project)[0] == commit
    assert ledger(project) == "two"
    assert "Idse-Session: portal/login" in note(project, commit)
    assert "Idse-Ledger: " in note(project, commit)
    assert waiting(project)["verdict"] == "ok"
    assert project.idse("fsck").returncode == 0


def test_a_commit_made_while_the_ledger_was_busy_is_recorded_later(project, busy):
    edit(project, "two")
    project.git("add", "-A")
    done = project.run("git", "commit", "-qm", "two")
    assert done.returncode == 0
    assert "post-commit did not record" in done.stderr
    commit = project.git("rev-parse", "HEAD")
    busy.communicate(b"")
    assert project.idse("save").returncode == 0
    assert (links(project)[0], ledger(project)) == (commit, "two")
    assert "portal/login" in note(project, commit)


def test_several_of_them_are_recorded_in_their_order_before_the_next_one(project):
    commits = [committed(project, text) for text in ("two", "three")]
    edit(project, "four")
    commits.append(project.commit("four"))
    assert links(project)[:3] == commits[::-1]
    assert ledger(project) == "four"
    assert all("portal/login" in note(project, commit) for commit in commits)


def test_a_commit_of_what_was_saved_and_edited_on_is_recorded_without_a_conflict(project):
    edit(project, "saved")
    assert project.idse("save").returncode == 0
    commit = committed(project, "committed")
    edit(project, "edited on")
    done = project.idse("save")
    assert (done.returncode, "conflict" in done.stderr) == (0, False)
    assert links(project)[0] == commit
    assert ledger(project) == "edited on"


def test_what_was_recorded_before_the_crash_is_not_recorded_twice(project):
    commit = project.git("rev-parse", "HEAD")
    before = links(project)
    project.write(f".git/idse/missed-{commit}", "")
    assert project.idse("session", "set", "--title", "Log in").returncode == 0
    assert links(project) == before
    assert waiting(project)["verdict"] == "ok"


def test_a_link_that_comes_after_newer_texts_takes_none_of_them_back(project):
    commit = committed(project, "two")
    waits = project.path / f".git/idse/missed-{commit}"
    waits.rename(project.path / "aside")
    edit(project, "three")
    assert project.idse("save").returncode == 0
    (project.path / "aside").rename(waits)
    assert project.idse("session", "set", "--title", "Log in").returncode == 0
    assert links(project)[0] == commit
    assert ledger(project) == "three"
    assert "portal/login" in note(project, commit)
    edit(project, "four")
    assert "conflict" not in project.idse("save").stderr
    assert ledger(project) == "four"


def test_commits_that_can_never_be_recorded_hold_no_other_back(project):
    blueprint = ".idse/projects/portal/sessions/__blueprint__/intent.md"
    broken = [committed(project, f"text {number}") for number in range(6)]
    crashing(project)
    project.write(blueprint, "# Intent\n\nNew.\n")
    good = project.commit("good")
    healed(project)
    sound = project.git("rev-parse", LEDGER)
    project.git("update-ref", LEDGER, project.git("commit-tree", "HEAD^{tree}", "-m", "no ledger"))
    for _ in range(2):
        project.idse("session", "set", "__blueprint__", "--title", "B")  # ends with what is damaged
    other = LEDGER.replace("login", "__blueprint__")
    shown = project.git("log", "--format=%(trailers:key=Idse-Code)", other)
    assert good in shown
    project.git("update-ref", LEDGER, sound)
    for _ in range(2):
        assert project.idse("session", "set", "__blueprint__", "--title", "C").returncode == 0
    assert set(links(project)) >= set(broken)
    assert ledger(project) == "text 5"


def test_a_commit_that_is_gone_waits_no_longer(project):
    project.write(f".git/idse/missed-{'12' * 20}", "")
    project.write(f".git/idse/missed-{'12' * 20}-{'34' * 20}", "")
    assert project.idse("session", "set", "--title", "Log in").returncode == 0
    assert waiting(project)["verdict"] == "ok"


def test_a_merge_whose_recorder_crashed_is_recorded_later(project):
    project.git("switch", "-qc", "side")
    project.git("-c", "core.hooksPath=/dev/null", "commit", "-q", "--allow-empty", "-m", "side")
    edit(project, "side")
    project.git("-c", "core.hooksPath=/dev/null", "commit", "-qam", "side")
    project.git("switch", "-q", "main")
    crashing(project)
    project.git("merge", "-q", "--no-ff", "-m", "merge", "side")
    healed(project)
    assert ledger(project) == "one"
    assert project.idse("session", "set", "--title", "Log in").returncode == 0
    assert ledger(project) == "side"
    assert links(project)[0] == project.git("rev-parse", "HEAD")


def test_a_rebase_whose_recorder_crashed_is_recorded_later(project):
    project.git("switch", "-qc", "side")
    edit(project, "plan", "plan.md")
    project.git("add", "-A")
    project.git("-c", "core.hooksPath=/dev/null", "commit", "-qm", "plan")
    project.git("switch", "-q", "main")
    project.write("code", "x")
    project.commit("code")
    crashing(project)
    project.git("rebase", "-q", "side")
    healed(project)
    assert project.idse("session", "set", "--title", "Log in").returncode == 0
    assert ledger(project, "plan.md") == "plan"


def test_each_work_tree_records_what_it_missed(project):
    other = project.worktree("other")
    assert other.idse("switch", "login").returncode == 0
    crashing(project)
    edit(other, "two")
    commit = other.commit("two")
    healed(project)
    assert project.idse("session", "set", "login", "--title", "Here").returncode == 0
    assert commit not in links(project)
    assert other.idse("session", "set", "login", "--title", "There").returncode == 0
    assert links(project)[0] == commit


def test_doctor_mends_it(project):
    commit = committed(project, "two")
    assert project.idse("doctor", "--fix").returncode == 0
    assert links(project)[0] == commit


def test_uninstall_records_it_first(project):
    commit = committed(project, "two")
    assert project.idse("uninstall").returncode == 0
    assert links(project)[0] == commit


@pytest.mark.parametrize("leave", [0, 4, 8])
def test_a_disk_that_is_full_after_the_commit_keeps_it_for_later(project, small_disk, leave):
    shutil.copytree(project.path, small_disk, dirs_exist_ok=True, symlinks=True)
    small = type(project)(small_disk)
    small.git("update-index", "--refresh", "-q")
    fill = small.write(
        ".git/hooks/commit-msg",
        f"#!/bin/sh\ncat /dev/zero >.git/filler 2>/dev/null\ntruncate -s -{12 + leave}k .git/filler\n",
    )
    fill.chmod(0o755)
    edit(small, "two")
    small.git("add", "-A")
    done = small.run("git", "commit", "-qm", "two")
    assert done.returncode == 0, done.stderr
    commit = small.git("rev-parse", "HEAD")
    assert commit not in links(small)
    os.unlink(small_disk / ".git/filler")
    fill.unlink()
    assert small.idse("session", "set", "--title", "Log in").returncode == 0
    assert (links(small)[0], ledger(small)) == (commit, "two")
    assert "portal/login" in note(small, commit)
    assert small.idse("fsck").returncode == 0
