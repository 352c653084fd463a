"""`idse uninstall` leaves what people wrote, and nothing of idse's own."""

from __future__ import annotations

import os
import pathlib

import pytest


def surroundings(repo):
    """Everything outside of documents and ledgers that somebody might find changed."""
    hooks = repo.path / ".git" / "hooks"
    files = {path.name: (path.read_bytes(), path.stat().st_mode) for path in sorted(hooks.iterdir())}
    return (
        repo.git("config", "-l", "--local"),
        files,
        sorted(path.name for path in (repo.path / ".git").iterdir()),
    )


@pytest.fixture
def before(repo):
    repo.write("README.md", "x")
    repo.commit()
    hook = repo.write(".git/hooks/pre-commit", "#!/bin/sh\nexit 0\n")
    hook.chmod(0o755)
    repo.git("config", "notes.displayRef", "refs/notes/mine")
    repo.git("log", "-1")
    return surroundings(repo)


@pytest.fixture
def project(repo, before):
    assert repo.idse("init", "demo").returncode == 0
    repo.commit("start")
    repo.idse("config", "set", "agent", "robot")
    return repo


def test_after_init_and_uninstall_everything_is_as_it_was(project, before):
    refs = project.git("for-each-ref", "refs/idse")
    done = project.idse("uninstall")
    assert done.returncode == 0, done.stderr
    config, hooks, names = surroundings(project)
    assert (config, hooks) == before[:2]
    assert set(names) == {*before[2]}
    assert project.git("for-each-ref", "refs/worktree") == ""
    assert not (project.path / ".git/refs/worktree").exists()
    assert project.git("for-each-ref", "refs/idse") == refs
    assert project.git("status", "--porcelain", "--ignored") == ""
    assert "kept: the documents in" in done.stderr


@pytest.mark.parametrize("own", [True, False])
def test_the_remote_of_the_agency_goes_where_setup_made_it(repo, bare_remote, before, own):
    if not own:
        repo.git("remote", "add", "agency", str(bare_remote.path))
        before = surroundings(repo)
    assert repo.idse("init", "demo").returncode == 0
    assert repo.idse("sync", "setup", str(bare_remote.path)).returncode == 0
    repo.git("push", "--quiet", "agency")
    repo.git("fetch", "--quiet", "agency")
    assert repo.git("for-each-ref", "refs/idse-local") != ""
    done = repo.idse("uninstall")
    assert done.returncode == 0, done.stderr
    config, hooks, _ = surroundings(repo)
    assert (config, hooks) == before[:2]
    assert repo.git("for-each-ref", "refs/idse-local") == ""
    assert not (repo.path / ".git/refs/idse-local").exists()


@pytest.mark.parametrize("flags", [(), ("--ledgers", "--yes")])
def test_what_syncs_left_goes_too_and_the_backup_has_the_sync_points(repo, bare_remote, before, flags):
    assert repo.idse("init", "demo").returncode == 0
    assert repo.idse("sync", "setup", str(bare_remote.path)).returncode == 0
    assert repo.idse("sync", "push").returncode == 0
    sync = repo.git("for-each-ref", "--format=%(refname)", "refs/idse/sync")
    tip = repo.git("rev-parse", sync)
    repo.git("update-ref", f"refs/idse-local/pending/{tip}", tip)
    repo.git("pack-refs", "--all")
    refs = repo.git("for-each-ref", "refs/idse/")
    done = repo.idse("uninstall", *flags)
    assert done.returncode == 0, done.stderr
    config, hooks, names = surroundings(repo)
    assert (config, hooks) == before[:2]
    assert repo.git("for-each-ref", "refs/idse-local") == ""
    for folder in ("refs", "logs/refs"):
        assert not (repo.path / ".git" / folder / "idse-local").exists()
    if not flags:
        assert repo.git("for-each-ref", "refs/idse/") == refs
        return
    bundle = done.stdout.strip()
    left = {*names} - {*before[2], pathlib.Path(bundle).name, "packed-refs"}
    assert (left, repo.git("for-each-ref", "refs/idse/")) == (set(), "")
    heads = repo.git("bundle", "list-heads", bundle).splitlines()
    assert sorted(line.split()[1] for line in heads) == [line.split()[2] for line in refs.splitlines()]
    assert f"{tip} {sync}" in heads
    repo.git("fetch", "--quiet", bundle, "refs/idse/*:refs/idse/*")
    assert repo.git("for-each-ref", "refs/idse/") == refs
    assert repo.idse("fsck").returncode == 0


def test_a_dry_run_prints_the_plan_and_changes_nothing(project):
    before = surroundings(project)
    done = project.idse("uninstall", "--dry-run", "--ledgers")
    assert surroundings(project) == before
    assert "remove setting: notes.displayRef=refs/idse/notes/*\n" in done.stdout
    assert "remove setting: idse.agent=robot\n" in done.stdout
    assert f"remove hook: {project.path}/.git/hooks/pre-commit\n" in done.stdout
    assert "remove ledger: refs/idse/projects/demo\n" in done.stdout


@pytest.mark.parametrize("flags", [(), ("--no-input",)])
def test_ledgers_go_only_when_somebody_says_yes(project, flags):
    refs = project.git("for-each-ref", "refs/idse")
    done = project.idse("uninstall", "--ledgers", *flags)
    assert "--ledgers --yes" not in done.stderr, "an error never spells out a destructive command"
    assert (done.returncode, "IDSE018" in done.stderr) == (2, True)
    assert project.git("for-each-ref", "refs/idse") == refs
    assert (project.path / ".git/hooks.idse-chained/pre-commit").exists()


def test_ledgers_that_went_come_back_from_the_backup(project):
    refs = project.git("for-each-ref", "refs/idse")
    done = project.idse("uninstall", "--ledgers", "--yes")
    assert done.returncode == 0, done.stderr
    assert project.git("for-each-ref", "refs/idse") == ""
    assert (project.path / ".idse/projects/demo/sessions/__blueprint__/spec.md").exists()
    assert not (project.path / ".git/idse").exists()
    project.git("fetch", "--quiet", done.stdout.strip(), "refs/idse/*:refs/idse/*")
    assert project.git("for-each-ref", "refs/idse") == refs
    assert project.idse("fsck").returncode == 0


def test_commits_that_waited_for_a_note_have_it_when_idse_is_gone(project):
    project.write("main.py", "x")
    commit = project.commit("code")
    assert project.idse("uninstall").returncode == 0
    shown = project.git("-c", "notes.displayRef=refs/idse/notes/*", "log", "-1", "--format=%N", commit)
    assert "demo/__blueprint__" in shown


def test_all_work_trees_are_cleared(project):
    other = project.worktree("other")
    assert other.idse("init", "demo").returncode == 0
    assert (other.path / ".idse/projects/demo/CURRENT_SESSION").exists()
    assert project.idse("uninstall").returncode == 0
    assert not (other.path / ".idse/projects/demo/CURRENT_SESSION").exists()
    assert other.git("for-each-ref", "refs/worktree") == ""
    assert not list((project.path / ".git/worktrees").glob("*/idse"))


def test_doing_it_twice_is_no_error(project):
    project.idse("uninstall")
    done = project.idse("uninstall")
    assert done.returncode == 0
    assert "nothing: idse has left nothing here" in done.stderr


def test_a_hook_that_somebody_edited_stays_and_is_told(project):
    hook = project.path / ".git/hooks/post-commit"
    hook.write_text(hook.read_text() + "echo mine\n")
    done = project.idse("uninstall")
    assert (done.returncode, "changed by hand" in done.stderr) == (3, True)
    assert hook.read_text().endswith("echo mine\n")


def test_it_can_be_installed_again(project):
    project.idse("uninstall")
    done = project.idse("init", "demo")
    assert done.returncode == 0, done.stderr
    assert project.idse("status").returncode == 0
    assert project.idse("doctor").returncode == 0


def folders(repo):
    git = repo.path / ".git"
    return {
        str(path.relative_to(git))
        for path in git.rglob("*")
        if path.is_dir() and "objects" not in path.relative_to(git).parts
    }


@pytest.fixture
def bare_bones(repo):
    """`repo` as git makes it without a template: with no folder for hooks."""
    for sample in (repo.path / ".git/hooks").iterdir():
        sample.unlink()
    (repo.path / ".git/hooks").rmdir()
    repo.write("README.md", "x")
    repo.commit()
    return repo


def test_no_empty_folder_is_left_where_there_was_none(bare_bones):
    before = folders(bare_bones)
    assert bare_bones.idse("init", "demo").returncode == 0
    bare_bones.commit("start")
    assert bare_bones.idse("uninstall", "--ledgers", "--yes").returncode == 0
    assert folders(bare_bones) == before


def test_ledgers_that_stay_keep_their_folders(bare_bones):
    bare_bones.idse("init", "demo")
    refs = bare_bones.git("for-each-ref", "refs/idse")
    assert bare_bones.idse("uninstall").returncode == 0
    assert bare_bones.git("for-each-ref", "refs/idse") == refs
    assert (bare_bones.path / ".git/logs/refs/idse/projects/demo").is_file()
    assert not (bare_bones.path / ".git/hooks").exists()


def test_a_folder_of_hooks_that_was_empty_before_stays(bare_bones):
    (bare_bones.path / ".git/hooks").mkdir()
    bare_bones.idse("init", "demo")
    assert bare_bones.idse("uninstall").returncode == 0
    assert (bare_bones.path / ".git/hooks").is_dir()


def test_a_folder_of_hooks_that_somebody_uses_now_stays(bare_bones):
    bare_bones.idse("init", "demo")
    mine = bare_bones.write(".git/hooks/commit-msg", "#!/bin/sh\n")
    assert bare_bones.idse("uninstall").returncode == 0
    assert mine.exists()


def test_hooks_uninstall_takes_its_empty_folder_along(bare_bones):
    bare_bones.idse("init", "demo")
    assert bare_bones.idse("hooks", "uninstall").returncode == 0
    assert not (bare_bones.path / ".git/hooks").exists()
    assert bare_bones.idse("hooks", "install").returncode == 0
    assert bare_bones.idse("uninstall").returncode == 0
    assert not (bare_bones.path / ".git/hooks").exists()


@pytest.mark.parametrize(
    "command", [("doctor", "--fix"), ("uninstall",), ("uninstall", "--ledgers", "--yes")]
)
def test_a_backup_that_was_stopped_half_way_is_cleared_away(project, command):
    left = project.path / ".git/idse-ledgers-20260101T000000Z.bundle.lock"
    left.write_bytes(b"half")
    os.utime(left, (0, 0))
    whole = project.path / ".git/idse-ledgers-20250101T000000Z.bundle"
    whole.write_bytes(b"somebody's backup")
    done = project.idse(*command)
    assert done.returncode == 0, done.stderr
    assert not left.exists()
    assert whole.exists()
