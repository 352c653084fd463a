"""Private repositories of attempts, and what becomes of their files."""

from __future__ import annotations

import fcntl
import os
import stat
import subprocess

import pytest

from idse_orchestrator.errors import ConflictError
from idse_orchestrator.git.program import Git
from idse_orchestrator.runner.queue.integration import Integration
from idse_orchestrator.runner.queue.results import Results, has_markers
from idse_orchestrator.runner.work.child import run_to_end
from idse_orchestrator.runner.work.workspace import (
    Workspaces,
    make_place,
    release_place,
    sweep,
    work_root,
)
from idse_orchestrator.worktree.work_tree import discover

NAMES = ("portal", "login", "T001.1")
WHO = ("Test Author", "author@example.invalid")


@pytest.fixture
def bed(repo, tmp_path):
    """A repository with a commit, its workspaces, and one attempt on HEAD, checked out."""
    (repo.path / "src").mkdir()
    (repo.path / "src" / "a.py").write_text("a = 1\n")
    (repo.path / ".gitignore").write_text("*.log\n")
    repo.git("add", "-A")
    repo.git("commit", "-m", "first")
    return Bed(repo, str(tmp_path / "state"))


class Bed:
    def __init__(self, repo, state):
        self.repo = repo
        self.vault = discover(str(repo.path), os.environ)
        self.root = work_root(self.vault.common_dir, state)
        self.spaces = Workspaces(self.vault, self.root)
        self.results = Results(self.vault.common_dir, WHO)
        self.base = repo.git("rev-parse", "HEAD")
        self.place = self.make(NAMES)

    def make(self, names, base=None):
        base = base or self.base
        place = make_place(self.root, names)
        assert run_to_end(self.spaces.checkout(place, base)).ended.code == 0
        self.spaces.private(place, base)
        return place

    def write(self, path, text, place=None):
        file = os.path.join((place or self.place).workspace, path)
        os.makedirs(os.path.dirname(file), exist_ok=True)
        with open(file, "w") as stream:
            stream.write(text)

    def collect(self, place=None, base=None):
        place = place or self.place
        child = run_to_end(self.spaces.collect(place))
        assert child.ended.code == 0, child.words
        return self.results.read(place.own_index, base or self.base)

    def commit(self, found, base=None):
        return self.results.commit(
            found.tree, base or self.base, "T001: work", {"Idse-Task": "portal/login/T001"}
        )


def git_in(folder, *args):
    """Runs git there as the agent does: in its home, which lies beside."""
    env = {**os.environ, "GIT_CONFIG_GLOBAL": os.path.join(folder, "..", "home", ".gitconfig")}
    return subprocess.run(
        ["git", *args], cwd=folder, env=env, capture_output=True, text=True, check=True
    ).stdout.strip()


def test_the_agent_sees_a_repository_without_a_way_out(bed):
    space = bed.place.workspace
    assert git_in(space, "rev-parse", "HEAD") == bed.base
    assert git_in(space, "status", "--porcelain") == ""
    assert git_in(space, "remote") == ""
    assert git_in(space, "for-each-ref", "--format=%(refname)") == "refs/heads/work"
    git_in(space, "commit", "--allow-empty", "-m", "its own")
    assert bed.repo.git("rev-parse", "HEAD") == bed.base


def test_everything_is_private_and_outside_of_git(bed):
    for folder in (bed.root, bed.place.folder, bed.place.workspace, bed.place.out, bed.place.home):
        assert stat.S_IMODE(os.stat(folder).st_mode) == 0o700
    assert ".git" not in bed.place.workspace.split(os.sep)


def test_no_hook_filter_or_monitor_of_the_workspace_is_run(bed, tmp_path):
    (bed.repo.path / ".git" / "hooks").mkdir(exist_ok=True)
    hook = bed.repo.path / ".git" / "hooks" / "post-index-change"
    hook.write_text(f"#!/bin/sh\necho ran >>{tmp_path}/hooked\n")
    hook.chmod(0o755)
    other = bed.make(("portal", "login", "T002.1"))
    with open(os.path.join(other.workspace, ".git", "config"), "a") as file:
        file.write(
            f'[core]\n\tfsmonitor = "echo ran >>{tmp_path}/hooked"\n'
            f'[filter "x"]\n\tclean = touch {tmp_path}/hooked\n'
        )
    bed.write(".gitattributes", "* filter=x\n", other)
    bed.write("src/b.py", "b = 1\n", other)
    assert bed.collect(other).changed == (".gitattributes", "src/b.py")
    assert not (tmp_path / "hooked").exists()


def test_what_changed_is_told(bed):
    bed.write("src/a.py", "a = 2\n")
    bed.write("src/new.py", "<<<<<<< ours\na\n=======\nb\n>>>>>>> theirs\n")
    bed.write("build.log", "left out, as the repository ignores it")
    bed.write(".gitignore", "*.log\n*.tmp\n")
    found = bed.collect()
    assert found.changed == (".gitignore", "src/a.py", "src/new.py")
    assert found.refused == ()
    texts = {path: bed.results.text(blob) for path, blob in found.texts}
    assert {path for path, data in texts.items() if has_markers(data)} == {"src/new.py"}
    commit = bed.commit(found)
    assert bed.repo.git(
        "log", "-1", "--format=%an|%s|%(trailers:key=Idse-Task,valueonly)", commit
    ).startswith("Test Author|T001: work|portal/login/T001")
    assert bed.repo.git("diff", "--name-only", bed.base, commit).split() == list(found.changed)


def test_an_agent_that_commits_leaves_the_same_result(bed):
    bed.write("src/a.py", "a = 3\n")
    git_in(bed.place.workspace, "commit", "-qam", "by the agent")
    assert bed.collect().changed == ("src/a.py",)


@pytest.mark.parametrize(
    ("make", "trouble"),
    [
        (lambda space: [nested(space)], "sub: a repository within the repository"),
        (lambda space: os.symlink("/etc/passwd", f"{space}/out"), "out: a link that leads out of the tree"),
        (lambda space: os.symlink("../../x", f"{space}/src/up"), "src/up: a link that leads out of the tree"),
        (lambda space: os.symlink(".git/config", f"{space}/in"), "in: a link that leads out of the tree"),
        (lambda space: [documents(space)], ".idse/x.md: no task changes what is there"),
    ],
)
def test_what_is_never_taken(bed, make, trouble):
    make(bed.place.workspace)
    assert bed.collect().refused == (trouble,)


def nested(space):
    os.mkdir(f"{space}/sub")
    git_in(f"{space}/sub", "init", "-q")
    git_in(
        f"{space}/sub", "-c", "user.name=a", "-c", "user.email=b", "commit", "-q", "--allow-empty", "-m", "x"
    )


def documents(space):
    os.makedirs(f"{space}/.idse")
    with open(f"{space}/.idse/x.md", "w") as file:
        file.write("x")


def test_a_link_within_the_tree_is_taken(bed):
    os.symlink("a.py", f"{bed.place.workspace}/src/b.py")
    found = bed.collect()
    assert (found.changed, found.refused, found.texts) == (("src/b.py",), (), ())


def test_what_was_put_out_is_kept_and_links_are_not_followed(bed, tmp_path):
    (tmp_path / "secret").write_text("key")
    os.makedirs(f"{bed.place.out}/a")
    with open(f"{bed.place.out}/a/report.md", "w") as file:
        file.write("# Report\n")
    os.symlink(tmp_path / "secret", f"{bed.place.out}/link")
    os.mkfifo(f"{bed.place.out}/pipe")
    found = bed.results.outputs(bed.place.out)
    assert found.paths == ("a/report.md",)
    assert bed.repo.git("show", f"{found.tree}:a/report.md") == "# Report"


def test_results_are_merged_onto_the_branch_of_the_session(bed):
    branch = Integration(bed.results, bed.vault.common_dir, "idse/portal/login")
    bed.write("src/a.py", "a = 2\n")
    one = bed.commit(bed.collect())
    other_place = bed.make(("portal", "login", "T002.1"))
    bed.write("src/b.py", "b = 1\n", other_place)
    two = bed.commit(bed.collect(other_place))
    assert branch.merge(one, bed.base, "T001").into == one
    merged = branch.merge(two, bed.base, "T002")
    assert bed.repo.git("rev-list", "--parents", "-1", "idse/portal/login").split() == [merged.into, one, two]
    assert branch.merge(two, bed.base, "T002").into == merged.into  # once is enough
    assert branch.has(one)
    assert branch.has(two)
    assert bed.repo.git("diff", "--name-only", bed.base, merged.into).split() == ["src/a.py", "src/b.py"]


def test_a_conflict_is_told_and_moves_nothing(bed):
    branch = Integration(bed.results, bed.vault.common_dir, "idse/portal/login")
    commits = []
    for number in (2, 3):
        place = bed.make(("portal", "login", f"T00{number}.1"))
        bed.write("src/a.py", f"a = {number}\n", place)
        commits.append(bed.commit(bed.collect(place)))
    first = branch.merge(commits[0], bed.base, "one").into
    assert branch.merge(commits[1], bed.base, "two").conflicts == ("src/a.py",)
    assert branch.tip() == first


def test_a_branch_that_is_checked_out_is_left_alone(bed, tmp_path):
    branch = Integration(bed.results, bed.vault.common_dir, "idse/portal/login")
    bed.write("src/a.py", "a = 2\n")
    commit = bed.commit(bed.collect())
    bed.repo.git("worktree", "add", "-q", "-b", "idse/portal/login", str(tmp_path / "linked"))
    with pytest.raises(ConflictError, match="checked out"):
        branch.merge(commit, bed.base, "T001")
    assert branch.tip() == bed.base


def test_what_nobody_holds_is_swept_and_what_lives_is_not(bed):
    dead = bed.make(("portal", "login", "T002.1"))
    os.close(dead.lock)
    kept = bed.make(("portal", "login", "T003.1"))
    release_place(kept, keep=True)
    closed = bed.make(("portal", "login", "T004.1"))
    os.chmod(closed.workspace, 0o000)
    os.close(closed.lock)
    assert sweep(bed.root, keep_days=7) == [dead.folder, closed.folder]
    assert os.path.isdir(bed.place.workspace)
    assert os.path.isdir(kept.workspace)
    assert set(os.listdir(os.path.dirname(kept.folder))) == {"T001.1", "T003.1"}
    assert sweep(bed.root, keep_days=0) == [kept.folder]


def test_a_place_is_held(bed):
    other = os.open(bed.place.folder, os.O_RDONLY)
    with pytest.raises(BlockingIOError):
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(other)
    release_place(bed.place, keep=False)
    assert not os.path.exists(bed.place.folder)


def test_the_objects_of_a_borrower_are_found(bed, tmp_path):
    bed.repo.git("clone", "-q", "--shared", ".", str(tmp_path / "borrower"))
    vault = discover(str(tmp_path / "borrower"), os.environ)
    folders = Workspaces(vault, bed.root).object_folders()
    assert folders == (f"{vault.common_dir}/objects", f"{bed.vault.common_dir}/objects")
    assert isinstance(vault.git, Git)
