"""What idse makes in a git directory has the mode that plain git gives there, whatever is shared.

git itself is asked: it makes the same things in a twin repository, under the same umask.
"""

from __future__ import annotations

import os
import pathlib
import stat

import pytest

from here import discover
from idse_orchestrator.base import files
from idse_orchestrator.errors import StorageError
from idse_orchestrator.git.libgit2 import libgit2, move_ref, open_repository
from idse_orchestrator.git.objects import BLOB, commit_object, make_tree, objects_of, write_objects
from idse_orchestrator.git.vault import Vault, ledger_lock, write_log
from idse_orchestrator.worktree.after_commit import AfterCommit
from idse_orchestrator.worktree.code_commits import GitMissedCommits, Missed

REF = "refs/idse/sessions/portal/login"
AT = "2024-01-02T03:04:05+00:00"
SECONDS = 1704164645
UMASKS = (0o077, 0o027, 0o022)
VALUES = (
    *("umask", "false", "off", "no", "0", ""),
    *("group", "true", "1", "yes", "ON"),
    *("all", "world", "everybody", "2"),
    *("0640", "640", "0660", "0600", "0664", "0666", "0777"),
)
SOME = ("umask", "group", "all", "0640", "0600")
NO_VALUE = "\tsharedRepository\n"


def modes(*folders):
    """The mode of each file and folder below `folders`, by its path there."""
    found = {}
    for top in folders:
        for folder, _, names in os.walk(top):
            for path in (folder, *(os.path.join(folder, name) for name in names)):
                place = os.path.join(os.path.basename(top), os.path.relpath(path, top))
                found[place] = oct(stat.S_IMODE(os.lstat(path).st_mode))
    return found


def written(common):
    return modes(*(os.path.join(common, name) for name in ("objects", "refs", "logs")))


@pytest.fixture
def umask(request):
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


@pytest.fixture
def twins(make_repo):
    """Makes two repositories alike, one for git and one for idse: `how` sets up each."""

    def make(how, *, bare=False):
        pair = [make_repo(name, at=AT, bare=bare) for name in ("plain", "ours")]
        for repo in pair:
            how(repo)
        return pair

    return make


def common(repo):
    return repo.git("rev-parse", "--path-format=absolute", "--git-common-dir")


def configured(value):
    return lambda repo: repo.git("config", "core.sharedRepository", value)


def written_by_git(repo):
    blob = repo.git("hash-object", "-w", "--stdin", stdin="text")
    tree = repo.git("mktree", stdin=f"100644 blob {blob}\tfile\n")
    commit = repo.git("commit-tree", tree, stdin="message\n")
    repo.git("update-ref", "--create-reflog", "-m", "why", REF, commit, "0" * 40)


def written_by_idse(repo):
    vault = discover(str(repo.path))
    git = open_repository(vault.common_dir)

    def tree():
        builder = git.TreeBuilder()
        builder.insert("file", git.create_blob("text"), 0o100644)
        return builder.write()

    who = libgit2().Signature("Test Author", "author@example.invalid", SECONDS, 0)
    made = write_objects(REF, tree)
    commit = write_objects(REF, lambda: commit_object(git, who, "message\n", made, []))
    move_ref(git, REF, str(commit), None, "why", who)


def holds_alike(plain, ours):
    """Both hold the same, in the same modes."""
    assert written(common(ours)) == written(common(plain))
    for path in (REF, f"logs/{REF}"):
        texts = [pathlib.Path(common(repo), path).read_text() for repo in (plain, ours)]
        assert texts[0] == texts[1]
    assert ours.git("fsck", "--strict") == ""


@pytest.mark.parametrize("umask", UMASKS[:1], indirect=True, ids=oct)
@pytest.mark.parametrize("value", VALUES)
def test_every_value_of_the_setting(twins, umask, value):
    plain, ours = twins(configured(value))
    written_by_git(plain)
    written_by_idse(ours)
    holds_alike(plain, ours)


@pytest.mark.parametrize("umask", UMASKS, indirect=True, ids=oct)
@pytest.mark.parametrize("value", SOME)
@pytest.mark.parametrize("bare", [False, True], ids=["work tree", "bare"])
def test_objects_refs_and_reflogs(twins, umask, value, bare):
    plain, ours = twins(configured(value), bare=bare)
    written_by_git(plain)
    written_by_idse(ours)
    holds_alike(plain, ours)


@pytest.mark.parametrize("umask", UMASKS[:1], indirect=True, ids=oct)
@pytest.mark.parametrize(
    "how", ["nothing", "no value", "init", "home", "xdg", "included", "of a work tree", "no logs", "all logs"]
)
def test_wherever_the_setting_comes_from(twins, umask, how, sealed, monkeypatch):
    def set_up(repo):
        path = pathlib.Path(common(repo), "config")
        if how == "no value":
            path.write_text(path.read_text() + "[core]\n" + NO_VALUE)
        if how == "init":
            repo.git("init", "-q", "--shared=0640")
        if how == "included":
            (sealed / "more").write_text("[core]\n" + NO_VALUE)
            repo.git("config", "include.path", str(sealed / "more"))
        if how.endswith("logs"):
            repo.git("config", "core.logAllRefUpdates", "false" if how == "no logs" else "always")
        if how == "of a work tree":
            repo.git("config", "extensions.worktreeConfig", "true")
            repo.git("config", "--worktree", "core.sharedRepository", "world")

    plain, ours = twins(set_up)
    if how == "home":
        plain.git("config", "--global", "core.sharedRepository", "group")
    if how == "xdg":
        home = sealed / ".config" / "git"
        home.mkdir(parents=True)
        pathlib.Path(os.environ["GIT_CONFIG_GLOBAL"]).rename(sealed / ".gitconfig")
        monkeypatch.delenv("GIT_CONFIG_GLOBAL")
        (home / "config").write_text("[core]\n\tsharedrepository = group\n")
    written_by_git(plain)
    written_by_idse(ours)
    holds_alike(plain, ours)


@pytest.mark.parametrize("umask", UMASKS, indirect=True, ids=oct)
@pytest.mark.parametrize("value", SOME)
def test_objects_that_a_merge_made(twins, umask, value):
    plain, ours = twins(configured(value))
    blob = plain.git("hash-object", "-w", "--stdin", stdin="text")
    plain.git("mktree", stdin=f"100644 blob {blob}\tfile\n")
    objects = objects_of(discover(str(ours.path)).common_dir)
    tree = make_tree(objects, {"file": ("100644", objects.make(BLOB, b"text"))})
    objects.install(tree, REF)
    assert objects.read(tree, 2)
    assert written(common(ours)) == written(common(plain))


def idses_own_files(vault):
    """Has every kind of file made that idse keeps for itself; returns where."""
    write_log(vault.private, "a line")
    write_log(vault.private, "another")
    with ledger_lock(vault):
        pass
    files.replica_id(vault.private, 0)
    files.make_folder(os.path.join(vault.private, "a", "b"))
    files.write_atomically(os.path.join(vault.private, "a", "b", "c"), b"")
    files.write_new(os.path.join(vault.private, "a", "d"), b"")
    AfterCommit(vault)._keep("0" * 40, b"")
    assert GitMissedCommits(vault).keep(Missed("0" * 40, ""))


@pytest.mark.parametrize("umask", UMASKS, indirect=True, ids=oct)
@pytest.mark.parametrize("value", SOME)
@pytest.mark.parametrize("linked", [False, True], ids=["work tree", "linked"])
def test_idses_own_files(twins, umask, value, linked):
    plain, ours = twins(configured(value))
    written_by_git(plain)
    ours.commit(allow_empty=True)
    where = ours.worktree("beside") if linked else ours
    vault = discover(str(where.path))
    idses_own_files(vault)
    folder, file = (written(common(plain))[path] for path in ("refs/idse", f"refs/{REF[5:]}"))
    own = os.path.join(vault.git_dir, "idse")
    for top in {vault.private, own}:
        found = modes(top)
        assert found
        wrong = {
            path: mode
            for path, mode in found.items()
            if mode != (folder if os.path.isdir(os.path.join(top, os.path.relpath(path, "idse"))) else file)
        }
        assert wrong == {}


@pytest.mark.parametrize("umask", UMASKS, indirect=True, ids=oct)
@pytest.mark.parametrize("value", SOME)
def test_hooks_and_the_ignore_rules(tmp_path, make_repo, umask, value):
    """Git makes hooks and ``info/exclude`` from its templates, by the same setting."""
    template = tmp_path / "template"
    for name in ("hooks/post-commit", "info/exclude"):
        (template / name).parent.mkdir(parents=True)
        (template / name).write_text("#!/bin/sh\n")
    (template / "hooks/post-commit").chmod(0o755)
    plain = make_repo("plain")
    plain.git("config", "--global", "core.sharedRepository", value)
    plain.git("init", "-q", f"--template={template}", "twin")
    ours = make_repo("ours")
    done = ours.idse("hooks", "install")
    assert done.returncode == 0, done.stderr
    made, wanted = modes(ours.path / ".git"), modes(plain.path / "twin" / ".git")
    for name in ("hooks/post-commit", "info/exclude"):
        assert made[f".git/{name}"] == wanted[f".git/{name}"]


@pytest.mark.parametrize("umask", UMASKS[:1], indirect=True, ids=oct)
def test_a_work_tree_in_a_bare_repository_is_left_to_the_umask(repo, tmp_path, umask):
    repo.commit(allow_empty=True)
    bare = str(tmp_path / "bare")
    repo.git("clone", "-q", "--bare", str(repo.path), bare)
    repo.git("-C", bare, "config", "core.sharedRepository", "group")
    repo.git("-C", bare, "worktree", "add", "-q", "inside")
    top = discover(os.path.join(bare, "inside")).top
    files.make_folder(os.path.join(top, "ours"))
    files.write_atomically(os.path.join(top, "ours", "file"), b"")
    repo.run("sh", "-c", "mkdir like; : >like/file", cwd=top)
    found = modes(top)
    for path in ("", "/file"):
        assert found[f"inside/ours{path}"] == found[f"inside/like{path}"]


class TestWhatItCosts:
    def test_git_is_not_asked_where_no_file_says_anything(self, repo, tmp_path):
        traced = tmp_path / "trace"
        found = discover(str(repo.path))
        vault = Vault(found.common_dir, found.git.with_environment({"GIT_TRACE2_EVENT": str(traced)}))
        files.make_folder(os.path.join(vault.private, "a"))
        open_repository(vault.common_dir)
        assert not traced.exists()
        vault.git.attempt("version")
        assert traced.exists()


class TestWhatFails:
    def test_a_value_that_git_refuses_is_left_to_git_to_tell(self, repo):
        repo.git("config", "core.sharedRepository", "0040")
        vault = discover(str(repo.path))
        files.make_folder(os.path.join(vault.private, "a"))
        assert (
            "sharedRepository" in vault.git.attempt("hash-object", "-w", "--stdin", stdin=b"").stderr.decode()
        )

    def test_a_full_folder_of_objects_is_an_error_in_words(self, repo):
        repo.git("config", "core.sharedRepository", "group")
        git = open_repository(discover(str(repo.path)).common_dir)
        blob = repo.git("hash-object", "--stdin", stdin="text")
        empty = repo.git("hash-object", "-t", "tree", "--stdin", stdin="")
        for name in (blob, empty):
            repo.write(f".git/objects/{name[:2]}", "in the way")
        for write in (lambda: git.create_blob("text"), lambda: git.TreeBuilder().write()):
            for _ in range(50):  # a warm interpreter looks less closely at what an extension returns
                with pytest.raises(StorageError):
                    write_objects("here", write)
