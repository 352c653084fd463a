"""Repositories, disks and environments that idse refuses, or serves although they are odd."""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import sys

import pytest

FOLDER = ".idse/projects/portal/sessions/login"
INTENT = f"{FOLDER}/intent.md"
LEDGER = "refs/idse/sessions/portal/login"
IDSE = str(pathlib.Path(sys.executable).parent / "idse")
WRITERS = [
    ("save",),
    ("stage", "start", "context"),
    ("spawn", "more"),
    ("switch", "__blueprint__"),
    ("init", "other"),
    ("session", "set", "--title", "x"),
    ("hooks", "uninstall"),
]


@pytest.mark.parametrize("command", [("init", "portal"), ("status",), ("save",), ("doctor",)])
def test_a_repository_of_another_kind_is_refused(make_repo, refused, command):
    wide = make_repo("wide")
    shutil.rmtree(wide.path / ".git")
    wide.git("init", "--quiet", "--object-format=sha256")
    partial = make_repo("partial")
    partial.git("config", "extensions.partialClone", "origin")
    tables = make_repo("tables")
    tables.git("config", "core.repositoryformatversion", "1")
    tables.git("config", "extensions.refStorage", "reftable")
    bare = make_repo("bare.git", bare=True)
    for repo, words in (
        (wide, "this repository uses sha256 object ids"),
        (partial, "this is a partial clone"),
        (tables, "this repository keeps its refs in reftables"),
        (bare, "this is a bare repository"),
    ):
        told = refused(repo, "IDSE003", 2, *command)
        assert told.startswith(f"error[IDSE003]: {words}\n")
        assert re.search("   = (fix|hint): ", told)
        assert "\\t" not in told


def test_inside_the_git_directory_nothing_is_found(begun, refused):
    assert refused(begun, "IDSE002", 2, "status", cwd=".git") == (
        "error[IDSE002]: this folder is inside a git directory, where there are no documents\n"
        f"  --> {begun.path}/.git\n"
        "   = hint:  go to the work tree\n"
        "   = help:  idse help IDSE002\n"
    )


@pytest.mark.parametrize("command", [("status",), ("save",), ("init", "other")])
def test_a_repository_of_somebody_else_is_refused(begun, refused, as_nobody, command):
    _open_to_all(begun.path)
    assert refused(begun, "IDSE003", 2, *command, wrap=as_nobody) == (
        "error[IDSE003]: this repository belongs to another user\n"
        f"  --> {begun.path}\n"
        "   = cause: git refuses it, and so does idse: its hooks and settings could run commands as you\n"
        f"   = fix:   git config --global --add safe.directory {begun.path}  # if you trust it\n"
        "   = help:  idse help IDSE003\n"
    )


@pytest.mark.parametrize("command", WRITERS)
def test_a_read_only_git_directory_changes_nothing(begun, refused, read_only_git, command):
    begun.write(INTENT, "# Intent\n\nNew.\n")
    told = refused(begun, "IDSE015", 2, *command, wrap=read_only_git)
    assert told.startswith("error[IDSE015]: the repository cannot be written\n")
    assert "Read-only file system" in told
    assert "   = hint:  " in told


def test_a_read_only_git_directory_begins_no_project(repo, refused, read_only_git):
    assert refused(repo, "IDSE015", 2, "init", "portal", wrap=read_only_git) == (
        "error[IDSE015]: the repository cannot be written\n"
        f"  --> {repo.path}/.git/idse\n"
        "   = cause: Read-only file system\n"
        "   = hint:  make the repository writable for you, then run the command again\n"
        "   = help:  idse help IDSE015\n"
    )


@pytest.mark.parametrize("command", [("status",), ("log",), ("validate",), ("fsck",), ("session", "list")])
def test_a_read_only_git_directory_can_be_read(begun, unchanged, read_only_git, command):
    with unchanged(begun):
        done = begun.run(*read_only_git, IDSE, *command)
    assert done.returncode == 0, done.stderr
    assert done.stdout == begun.idse(*command).stdout


@pytest.mark.parametrize("command", WRITERS)
def test_somebody_who_may_only_read_changes_nothing(begun, refused, as_nobody, sealed, command):
    _open_to_all(begun.path)
    begun.write(INTENT, "# Intent\n\nNew.\n")
    begun.git("config", "--global", "--add", "safe.directory", "*")
    _open_to_all(sealed)
    told = refused(begun, "IDSE015", 2, *command, wrap=as_nobody)
    assert "Permission denied" in told
    assert "   = hint:  " in told


def _open_to_all(path):
    for folder in (path, *list(path.parents)[:-2]):
        folder.chmod(folder.stat().st_mode | 0o055)
    for inner in path.rglob("*"):
        if not inner.is_symlink():
            inner.chmod(inner.stat().st_mode | (0o055 if inner.is_dir() else 0o044))


def _on(repo, folder):
    small = type(repo)(folder)
    small.git("init", "--quiet")
    return small


def _fill(folder, leave):
    """Leave `leave` bytes of the disk."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            pass
    os.truncate(filler, filler.stat().st_size - leave)
    return filler


def _names(repo):
    listed = repo.git("ls-files", "--others", "--exclude=filler", "--exclude=.git").splitlines()
    return sorted(listed), repo.git("for-each-ref", "--format=%(refname)")


@pytest.mark.parametrize("leave", [0, 8192, 20480, 40960, 61440, 86016])
def test_init_on_a_full_disk_is_completed_by_the_next_one(repo, small_disk, leave):
    repo.idse("init", "portal")
    small = _on(repo, small_disk)
    filler = _fill(small_disk, leave)
    done = small.idse("init", "portal")
    assert done.returncode in (0, 2)
    assert "IDSE000" not in done.stderr
    assert "Traceback" not in done.stderr
    if leave == 0:
        assert done.stderr.startswith("error[IDSE015]: the repository cannot be written\n")
        assert "   = hint:  free some space, then run the command again\n" in done.stderr
        assert not (small_disk / ".idse").exists()
    filler.unlink()
    assert small.idse("init", "portal").returncode == 0
    assert _names(small) == _names(repo)
    assert small.idse("fsck").returncode == 0


@pytest.mark.parametrize("leave", [0, 4096, 8192, 16384, 28672])
def test_save_on_a_full_disk_loses_nothing(repo, small_disk, unchanged, leave):
    small = _on(repo, small_disk)
    small.idse("init", "portal")
    small.write(".idse/projects/portal/sessions/__blueprint__/intent.md", "# Intent\n\nNew.\n")
    filler = _fill(small_disk, leave)
    before = small.git("for-each-ref")
    done = small.idse("save")
    assert done.returncode in (0, 2), done.stderr
    if done.returncode == 2:
        assert done.stderr.startswith("error[IDSE015]: the repository cannot be written\n")
        assert "   = hint:  " in done.stderr
        assert leave or small.git("for-each-ref") == before
    filler.unlink()
    assert small.idse("save").returncode == 0
    assert small.git("show", "refs/idse/sessions/portal/__blueprint__:artifacts/intent.md").endswith("New.")
    assert small.idse("fsck").returncode == 0


def test_a_commit_on_a_full_disk_is_gits_own_failure(repo, small_disk):
    small = _on(repo, small_disk)
    small.idse("init", "portal")
    small.git("add", ".idse")
    filler = _fill(small_disk, 0)
    before = small.git("for-each-ref")
    assert small.run("git", "commit", "-m", "no room").returncode != 0
    assert small.git("for-each-ref") == before
    filler.unlink()
    small.git("commit", "--quiet", "-m", "room")
    assert small.idse("fsck").returncode == 0


@pytest.mark.parametrize("leave", [8, 12, 16])
def test_a_disk_that_fills_up_between_the_commit_and_its_record_loses_no_text(repo, small_disk, leave):
    """commit-msg runs when pre-commit is done: the kilobytes it leaves are enough for git, and not for us."""
    small = _on(repo, small_disk)
    small.idse("init", "portal")
    small.git("add", ".idse")
    small.git("commit", "--quiet", "-m", "begun")
    fill = small.write(
        ".git/hooks/commit-msg",
        f"#!/bin/sh\ncat /dev/zero >../disk/filler 2>/dev/null\ntruncate -s -{leave}k ../disk/filler\n",
    )
    fill.chmod(0o755)
    small.write(".idse/projects/portal/sessions/__blueprint__/intent.md", "# Intent\n\nNew.\n")
    small.git("add", ".idse")
    code = small.git("rev-parse", "HEAD")
    done = small.run("git", "commit", "-qm", "full")
    assert done.returncode == 0
    assert small.git("rev-parse", "HEAD^") == code
    assert "post-commit did not record: the repository cannot be written (idse doctor)\n" in done.stderr
    (small_disk / "filler").unlink()
    fill.unlink()
    assert small.idse("save").returncode == 0
    assert small.git("show", "refs/idse/sessions/portal/__blueprint__:artifacts/intent.md").endswith("New.")
    assert small.idse("fsck").returncode == 0


def test_hooks_that_cannot_be_written_are_told_and_the_rest_stands(repo):
    shutil.rmtree(repo.path / ".git/hooks")
    (repo.path / ".git/hooks").write_text("a file\n")
    done = repo.idse("init", "portal")
    assert done.returncode == 2
    assert done.stderr == (
        "error[IDSE015]: the repository cannot be written\n"
        f"  --> {repo.path}/.git/hooks\n"
        "   = cause: File exists\n"
        "   = hint:  move away what stands there, then run the command again\n"
        "   = help:  idse help IDSE015\n"
    )
    assert repo.idse("status").returncode == 0
    assert repo.read(".idse/projects/portal/CURRENT_SESSION") == b"__blueprint__"
    (repo.path / ".git/hooks").unlink()
    assert "hooks: pre-commit" in repo.idse("init", "portal").stderr


def test_an_index_that_is_not_merged_is_told(begun, refused):
    begun.git("checkout", "--quiet", "-b", "side")
    begun.write(INTENT, "one\n")
    begun.commit("one")
    begun.git("checkout", "--quiet", "main")
    begun.write(INTENT, "two\n")
    begun.commit("two")
    begun.git("merge", "side", check=False)
    assert refused(begun, "IDSE012", 3, "validate", "--staged") == (
        f"error[IDSE012]: {INTENT} is not merged yet\n"
        f"  --> {INTENT}\n"
        "   = cause: the index holds several versions of it until the conflict is resolved\n"
        f"   = fix:   git add :/{INTENT}  # once it is edited\n"
        "   = help:  idse help IDSE012\n"
    )
    assert begun.idse("status").returncode == 0
    assert "error[IDSE106]" in begun.idse("validate", "--format", "concise").stdout


def test_a_detached_head_is_recorded_like_a_branch(begun):
    begun.git("checkout", "--quiet", "--detach")
    begun.write(INTENT, "# Intent\n\nDetached.\n")
    begun.commit("detached")
    assert begun.git("show", f"{LEDGER}:artifacts/intent.md").endswith("Detached.")
    assert "nothing to save" in begun.idse("save").stderr


def test_a_shallow_clone_is_adopted_and_recorded(begun, tmp_path):
    begun.write(INTENT, "# Intent\n\nSecond.\n")
    begun.commit("second")
    begun.git("clone", "--quiet", "--depth=1", f"file://{begun.path}", str(tmp_path / "shallow"))
    shallow = type(begun)(tmp_path / "shallow")
    assert shallow.idse("init").returncode == 0
    assert shallow.idse("switch", "login").returncode == 0
    shallow.write(INTENT, "# Intent\n\nThird.\n")
    shallow.commit("third")
    assert shallow.git("show", f"{LEDGER}:artifacts/intent.md").endswith("Third.")
    assert shallow.idse("fsck").returncode == 0


def test_a_submodule_has_ledgers_of_its_own(begun, make_repo):
    outer = make_repo("outer")
    outer.git("submodule", "--quiet", "add", str(begun.path), "inner")
    outer.git("commit", "--quiet", "-m", "with a submodule")
    inner = type(begun)(outer.path / "inner")
    assert inner.idse("init").returncode == 0
    assert inner.idse("switch", "login").returncode == 0
    inner.write(INTENT, "# Intent\n\nInner.\n")
    inner.commit("inner")
    assert inner.git("show", f"{LEDGER}:artifacts/intent.md").endswith("Inner.")
    assert outer.git("for-each-ref", "refs/idse") == ""


def test_a_linked_worktree_has_a_session_of_its_own(begun):
    linked = begun.worktree("linked")
    assert linked.idse("switch", "__blueprint__").returncode == 0
    linked.write(INTENT, "# Intent\n\nLinked.\n")
    linked.commit("linked")
    assert begun.git("show", f"{LEDGER}:artifacts/intent.md").endswith("Linked.")
    assert begun.idse("status").stdout.startswith("portal/login ")
    assert linked.idse("status").stdout.startswith("portal/__blueprint__ ")


NOBODY = {"GIT_CONFIG_GLOBAL": "/dev/null", "EMAIL": ""}


@pytest.mark.parametrize("command", [("save",), ("spawn", "more"), ("init", "other"), ("session", "archive")])
def test_nobody_writes_without_a_name(begun, refused, command):
    begun.git("config", "user.useConfigOnly", "true")
    begun.write(INTENT, "# Intent\n\nNew.\n")
    assert refused(begun, "IDSE009", 2, *command, env=NOBODY) == (
        "error[IDSE009]: git does not know who you are\n"
        "   = cause: every event in a ledger names its author\n"
        '   = fix:   git config user.name "Your Name" && git config user.email you@example.org\n'
        "   = help:  idse help IDSE009\n"
    )


def test_the_identity_is_the_one_git_uses(begun, tmp_path):
    other = tmp_path / "other-config"
    other.write_text("[user]\n\tname = Somebody\n\temail = some@example.invalid\n")
    begun.write(INTENT, "# Intent\n\nNew.\n")
    assert begun.idse("save", env={"GIT_CONFIG_GLOBAL": str(other)}).returncode == 0
    assert begun.git("log", "-1", "--format=%an <%ae>", LEDGER) == "Somebody <some@example.invalid>"


def test_without_a_home_everything_works_with_a_name(begun):
    begun.write(INTENT, "# Intent\n\nHomeless.\n")
    names = {"GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@example.invalid"}
    homeless = ("env", "-u", "HOME", "-u", "XDG_CONFIG_HOME", "-u", "GIT_CONFIG_GLOBAL", IDSE)
    for command in (("status",), ("save",), ("log",), ("validate",), ("spawn", "more")):
        done = begun.run(*homeless, *command, env=names)
        assert done.returncode == 0, done.stderr
    assert begun.git("log", "-1", "--format=%an", LEDGER) == "A"


@pytest.mark.parametrize("command", [("status",), ("init", "other"), ("log",), ("doctor",), ("save",)])
def test_without_git_it_is_said_what_to_install(begun, refused, command):
    told = refused(begun, "IDSE016", 2, *command, env={"PATH": str(begun.path)})
    assert told == (
        "error[IDSE016]: git cannot be started\n"
        "   = cause: [Errno 2] No such file or directory: 'git'\n"
        "   = hint:  install git 2.31 or newer\n"
        "   = help:  idse help IDSE016\n"
    )
