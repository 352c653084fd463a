"""Every check of `idse doctor` is broken, told, and mended where that is safe."""

from __future__ import annotations

import json
import os
import sys
import time

import pytest

VIEW = ".idse/projects/demo/CURRENT_SESSION"
LEDGER = "refs/idse/sessions/demo/__blueprint__"


@pytest.fixture
def project(repo, once):
    """A repository that `idse init demo` made, committed."""

    def make():
        assert repo.idse("init", "demo").returncode == 0
        repo.commit("start")
        repo.idse("status")

    once(repo, make)
    return repo


def checks(repo, *flags, **env):
    done = repo.idse("doctor", "--json", *flags, env=env)
    data = json.loads(done.stdout)["data"]
    assert (done.returncode == 0) == data["healthy"]
    return {check["name"]: check for check in data["checks"]}


def verdict(repo, name, *flags, **env):
    return checks(repo, *flags, **env)[name]["verdict"]


def mended(repo, name):
    """The verdicts before, with and after ``--fix``."""
    before = verdict(repo, name)
    fixed = checks(repo, "--fix")[name]
    assert fixed["verdict"] != "fixed" or fixed["done"]
    return before, fixed["verdict"], verdict(repo, name)


def old(path):
    then = time.time() - 3600
    os.utime(path, (then, then))


def dead_process(repo):
    return int(repo.run(sys.executable, "-c", "import os; print(os.getpid())").stdout)


def test_it_prints_what_is_wrong_and_one_line_for_the_rest(project):
    done = project.idse("doctor")
    names = checks(project)
    assert len(done.stdout.splitlines()) == 1
    wells = sum(each["verdict"] == "ok" for each in names.values())
    assert wells == len(names)
    assert done.stdout == f"ok       {wells} checks: idse doctor -v shows all\n"
    os.unlink(project.path / ".git" / "hooks" / "pre-commit")
    lines = project.idse("doctor").stdout.splitlines()
    wrong = [line for line in lines if line.startswith(("warning ", "problem "))]
    assert any("hooks" in line for line in wrong)
    assert lines[-1].startswith("ok ")
    assert not any(line.startswith("ok ") for line in lines[:-1])


def test_with_v_it_prints_every_check(project):
    shown = project.idse("doctor", "-v").stdout.splitlines()
    names = checks(project)
    assert [line[9:26].strip() for line in shown if not line.startswith(" ")] == [name[:17] for name in names]


def test_a_fresh_project_is_healthy(project):
    found = checks(project)
    assert {check["verdict"] for check in found.values()} <= {"ok", "note"}
    assert verdict(project, "spool", "--fix") in ("ok", "fixed")


def test_looking_writes_nothing(project):
    (project.path / VIEW).write_text("wrong")
    project.git("config", "--unset-all", "notes.displayRef")
    before = project.git("config", "-l", "--local")
    project.idse("doctor")
    assert (project.path / VIEW).read_text() == "wrong"
    assert project.git("config", "-l", "--local") == before


def test_a_repository_without_a_project_is_told_what_to_type(repo):
    assert "idse init NAME" in repo.idse("doctor").stdout


def test_views_that_differ_from_the_refs_are_written_again(project):
    (project.path / VIEW).write_text("another")
    assert mended(project, "views") == ("warning", "fixed", "ok")
    assert (project.path / VIEW).read_text() == "__blueprint__"


def test_views_that_are_gone_are_written_again(project):
    (project.path / VIEW).unlink()
    assert mended(project, "views") == ("warning", "fixed", "ok")


def test_a_current_session_without_a_ledger_becomes_the_blueprint(project):
    for ref in ("refs/worktree/idse/session", "refs/worktree/idse/sessions/demo"):
        project.git("symbolic-ref", ref, "refs/idse/sessions/demo/gone")
    assert mended(project, "current session") == ("problem", "fixed", "ok")
    assert project.git("symbolic-ref", "refs/worktree/idse/session") == LEDGER


def test_a_current_session_of_a_project_without_ledgers_is_forgotten(project):
    project.git("symbolic-ref", "refs/worktree/idse/sessions/ghost", "refs/idse/sessions/ghost/a")
    assert mended(project, "current session") == ("problem", "fixed", "ok")
    assert not (project.path / ".git/refs/worktree/idse/sessions/ghost").exists()


def test_the_setting_that_shows_notes_is_set_again(project):
    project.git("config", "--unset-all", "notes.displayRef")
    assert mended(project, "notes in git log") == ("warning", "fixed", "ok")


def test_a_lock_file_of_a_killed_process_is_removed_and_a_young_one_is_left(project):
    stale = project.path / ".git" / f"{LEDGER}.lock"
    stale.write_text("")
    assert verdict(project, "lock files") == "ok"
    old(stale)
    assert mended(project, "lock files") == ("problem", "fixed", "ok")
    assert not stale.exists()


def test_files_of_dead_processes_go_and_those_of_living_ones_stay(project):
    private = project.path / ".git" / "idse"
    dead = dead_process(project)
    gone = [private / f"index.{dead}", private / f"index.{dead}.lock", private / f"replica.{dead}.tmp"]
    kept = [private / f"index.{os.getpid()}", private / "index.tmp", private / "12345"]
    for path in (*gone, *kept):
        path.write_text("x")
        old(path)
    assert mended(project, "leftovers") == ("warning", "fixed", "ok")
    assert not any(path.exists() for path in gone)
    assert all(path.exists() for path in kept)


def test_commits_that_wait_for_their_note_get_it(project):
    project.write("main.py", "x")
    commit = project.commit("code")
    assert verdict(project, "spool") == "note"
    assert verdict(project, "spool", "--fix") == "fixed"
    assert "Idse-Session: demo/__blueprint__" in project.git("log", "-1", commit)


def test_a_missing_reflog_is_begun(project):
    (project.path / ".git/logs" / LEDGER).unlink()
    assert mended(project, "reflogs") == ("warning", "fixed", "ok")


def test_a_ref_that_points_at_source_code_is_named_and_left_alone(project):
    project.git("pack-refs", "--all")
    code = project.git("rev-parse", "HEAD")
    for ref in (
        "refs/idse/sessions/demo/foreign",
        "refs/idse/projects/foreign",
        "refs/idse/notes/foreign",
        "refs/idse/sessions/odd",
    ):
        project.git("update-ref", ref, code)
        before = checks(project)
        assert before["ledger refs"]["verdict"] == "problem"
        assert ref in before["ledger refs"]["says"]
        assert "idse fsck" in before["ledger refs"]["fix"][0]
        assert before["reflogs"]["verdict"] == "ok"
        assert checks(project, "--fix")["ledger refs"]["verdict"] == "problem"
        assert not (project.path / ".git/logs" / ref).exists()
        assert project.git("rev-parse", ref) == code
        project.git("update-ref", "-d", ref)
    assert verdict(project, "ledger refs") == "ok"


def test_a_ref_that_points_at_no_commit_or_holds_no_id_is_a_problem(project):
    blob = project.git("hash-object", "-w", "--stdin", stdin="x")
    project.git("update-ref", "refs/idse/sessions/demo/blob", blob)
    project.write(".git/refs/idse/sessions/demo/rubbish", "rubbish")
    found = checks(project)["ledger refs"]
    assert found["verdict"] == "problem"
    assert "refs/idse/sessions/demo/blob" in found["says"]
    assert "refs/idse/sessions/demo/rubbish" in found["says"]


def test_a_ref_of_a_kind_that_this_idse_does_not_know_is_a_note_and_left_alone(project):
    project.git("update-ref", "refs/idse/later/thing", project.git("rev-parse", LEDGER))
    found = checks(project, "--fix")["ledger refs"]
    assert (found["verdict"], "refs/idse/later/thing" in found["says"]) == ("note", True)
    assert not (project.path / ".git/logs/refs/idse/later/thing").exists()


def test_packed_refs_are_fine(project):
    project.git("pack-refs", "--all")
    assert {check["verdict"] for check in checks(project).values()} <= {"ok", "note"}


def test_a_hook_that_git_will_not_run_is_made_to_run(project):
    (project.path / ".git/hooks/pre-commit").chmod(0o644)
    assert mended(project, "hooks") == ("problem", "fixed", "ok")


def test_a_hook_that_was_removed_comes_back_beside_the_others(project):
    (project.path / ".git/hooks/post-commit").unlink()
    assert mended(project, "hooks") == ("problem", "fixed", "ok")


def test_a_hook_that_was_edited_is_never_touched(project):
    hook = project.path / ".git/hooks/pre-commit"
    hook.write_text(hook.read_text() + "echo mine\n")
    assert mended(project, "hooks") == ("problem", "problem", "problem")
    assert hook.read_text().endswith("echo mine\n")


def test_hooks_that_nobody_wanted_are_not_installed(project):
    project.idse("hooks", "uninstall")
    assert mended(project, "hooks") == ("warning", "warning", "warning")
    assert not (project.path / ".git/hooks/pre-commit").exists()


def test_hooks_in_a_folder_that_git_does_not_look_at_are_a_problem(project):
    project.git("config", "core.hooksPath", "elsewhere")
    assert verdict(project, "hooks") == "problem"


@pytest.mark.parametrize("content", [None, b"", b"projects/*/build/"])
def test_views_are_kept_out_of_commits_again(project, content):
    path = project.path / ".idse/.gitignore"
    path.unlink() if content is None else path.write_bytes(content)
    assert mended(project, "ignored views") == ("warning", "fixed", "ok")
    assert project.git("check-ignore", VIEW) == VIEW
    assert path.read_bytes().startswith(content or b"")


def test_folders_without_ledger_and_ledgers_without_folder_are_notes(project):
    project.idse("session", "new", "login")
    assert verdict(project, "sessions") == "ok"
    os.rename(
        project.path / ".idse/projects/demo/sessions/login",
        project.path / ".idse/projects/demo/sessions/moved",
    )
    found = checks(project)["sessions"]
    assert found["verdict"] == "note"
    assert "demo/moved" in found["says"]
    assert "demo/login" in found["says"]


def test_a_corrupt_ledger_is_a_problem_that_leads_to_fsck(project):
    tree = project.git("mktree", stdin="")
    commit = project.git("commit-tree", tree, "-m", "x")
    project.git("update-ref", LEDGER, commit)
    found = checks(project, "--fix")
    assert found["views"]["verdict"] == "problem"
    assert any("idse fsck" in step for step in found["views"]["fix"])


def test_nobody_at_the_keyboard_is_a_problem(project):
    project.git("config", "--global", "--unset", "user.email")
    project.git("config", "--global", "user.useConfigOnly", "true")
    assert verdict(project, "identity") == "problem"


def test_an_old_git_is_a_problem(project, tmp_path):
    real = project.run("sh", "-c", "command -v git").stdout.strip()
    fake = project.write(
        "../bin/git", f'#!/bin/sh\n[ "$1" = version ] && echo git version 2.30.9 || exec {real} "$@"\n'
    )
    fake.chmod(0o755)
    found = checks(project, PATH=f"{fake.parent}{os.pathsep}{os.environ['PATH']}")["git"]
    assert (found["verdict"], found["fix"]) == ("problem", [])
    assert found["says"].endswith("; install git 2.31 or newer")


def test_idse_off_the_path_is_a_note(project):
    path = os.pathsep.join(
        os.path.dirname(project.run("sh", "-c", f"command -v {name}").stdout.strip())
        for name in ("git", "sh")
    )
    done = project.run(sys.executable, "-m", "idse_orchestrator", "doctor", "--json", env={"PATH": path})
    found = {check["name"]: check for check in json.loads(done.stdout)["data"]["checks"]}
    assert found["idse"]["verdict"] in ("note", "warning")


def test_a_private_place_that_is_a_file_is_a_problem(repo):
    repo.write(".git/idse", "not a folder")
    assert verdict(repo, "private folder") == "problem"


def test_a_shallow_clone_is_a_note(project, tmp_path):
    project.git("clone", "--quiet", "--depth=1", f"file://{project.path}", str(tmp_path / "shallow"))
    done = project.idse("doctor", "--json", cwd=str(tmp_path / "shallow"))
    found = {check["name"]: check for check in json.loads(done.stdout)["data"]["checks"]}
    assert found["repository"]["verdict"] == "note"


def test_a_linked_worktree_is_judged_by_its_own_current_session(project):
    other = project.worktree("other")
    other.idse("switch", "__blueprint__")
    other.git("symbolic-ref", "refs/worktree/idse/session", "refs/idse/sessions/demo/gone")
    assert verdict(project, "current session") == "ok"
    assert verdict(other, "current session") == "problem"
    assert "fixed" in mended(other, "current session")


def test_mending_twice_changes_nothing_more(project):
    (project.path / VIEW).write_text("another")
    project.idse("doctor", "--fix")
    found = checks(project, "--fix")
    assert "fixed" not in {check["verdict"] for check in found.values()}
