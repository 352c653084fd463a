"""A repository that several users share, by `core.sharedRepository`: each goes on with what others left."""

from __future__ import annotations

import os
import pathlib
import shutil
import stat
import subprocess
import sys
import tempfile

import pygit2
import pytest

import idse_orchestrator

BIN = pathlib.Path(sys.executable).parent
GROUP = 12100
LEFT_BY_GIT = {"COMMIT_EDITMSG", "FETCH_HEAD", "description", "gc.log", "gitdir", "commondir"}
"""Files that git itself leaves to the umask."""


def closed(common):
    """What idse made in a git directory that the group may not use."""
    found = []
    for folder, folders, names in os.walk(common):
        for path in (os.path.join(folder, name) for name in (*folders, *names)):
            mode = os.lstat(path).st_mode
            wanted = 0o2070 if stat.S_ISDIR(mode) else 0o060 if mode & stat.S_IWUSR else 0o040
            if stat.S_ISLNK(mode) or os.path.basename(path) in LEFT_BY_GIT:
                continue
            if mode & wanted != wanted:
                found.append(f"{os.path.relpath(path, common)} {stat.S_IMODE(mode):o}")
    return found


@pytest.fixture
def umask():
    before = os.umask(0o077)
    yield
    os.umask(before)


@pytest.fixture
def make_shared(umask, make_repo):
    """Makes a repository that its group shares, from its first file on."""

    def make(name, *options):
        repo = make_repo(name)
        shutil.rmtree(repo.path / ".git")
        repo.git("init", "-q", "--shared=group", *options)
        return repo

    return make


@pytest.fixture
def shared(make_shared, loop_of):
    """The same with project portal."""
    repo = make_shared("shared")
    loop = loop_of(repo)
    loop.does("init", "portal")
    repo.commit("start")
    return loop


class TestNothingIsClosed:
    """Whatever one user does under umask 077, the others of the group can go on."""

    def test_after_a_day_of_work(self, shared):
        shared.write_well("intent")
        shared.does("stage", "complete", "intent")
        shared.does("spawn", "login", "--title", "Login")
        shared.does("agents", "add", "claude", "--stage", "spec")
        shared.does("log")
        shared.repo.commit("documents")
        shared.repo.commit("code", allow_empty=True)
        shared.repo.git("commit", "-q", "--amend", "--allow-empty", "-m", "better")
        shared.repo.git("commit", "-q", "--amend", "--allow-empty", "-m", "best")
        assert os.listdir(shared.repo.path / ".git/idse/spool")
        assert closed(shared.repo.path / ".git") == []
        shared.does("doctor", "--fix")
        assert closed(shared.repo.path / ".git") == []

    def test_in_a_linked_work_tree(self, shared, loop_of):
        os.umask(0o007)  # git leaves the folder of a work tree to the umask
        beside = loop_of(shared.repo.worktree("beside"))
        os.umask(0o077)
        beside.does("switch", "__blueprint__")
        beside.write_well("intent")
        beside.repo.commit("documents")
        beside.repo.commit("code", allow_empty=True)
        assert closed(shared.repo.path / ".git") == []

    def test_where_idse_could_not_be_started(self, shared):
        hook = shared.repo.path / ".git/hooks/post-commit"
        hook.write_text(hook.read_text().replace(str(BIN / "idse"), "/nowhere/idse"))
        shared.edit("intent.md", "# Intent\n")
        path = os.pathsep.join(each for each in os.environ["PATH"].split(os.pathsep) if each != str(BIN))
        for name in ("pre-commit", "pre-merge-commit"):
            (shared.repo.path / ".git/hooks" / name).unlink()
        shared.repo.run("git", "commit", "-qam", "documents", env={"PATH": path})
        assert list((shared.repo.path / ".git/idse").glob("missed-*"))
        assert closed(shared.repo.path / ".git") == []

    def test_after_a_sync_in_both_directions(self, shared, make_shared, loop_of):
        agency = make_shared("agency.git", "--bare")
        two = make_shared("two")
        two.git("pull", "-q", str(shared.repo.path), "main")
        for loop in (shared, loop_of(two)):
            loop.does("sync", "setup", str(agency.path))
            loop.does("sync", "push" if loop is shared else "pull")
        other = loop_of(two)
        other.does("init", "portal")
        other.edit("intent.md", "# Intent\n\nhere\n")
        other.does("save")
        other.does("sync", "push")
        shared.edit("context.md", "# Context\n\nthere\n")
        shared.does("save")
        shared.does("sync", "pull")
        shared.does("sync", "push")
        for folder in (shared.repo.path / ".git", two.path / ".git", agency.path):
            assert closed(folder) == []

    def test_in_a_bare_repository(self, shared, make_shared):
        bare = make_shared("bare.git", "--bare")
        shared.does("spawn", "login", "--title", "Login")
        shared.repo.git("push", "-q", "--no-verify", str(bare.path), "refs/idse/*:refs/idse/*", "main")
        done = bare.idse("session", "archive", "portal/login")
        assert done.returncode == 0, done.stderr
        assert closed(bare.path) == []

    @pytest.mark.parametrize("value", ["false", "group", "all", "0640", "0660"])
    def test_what_a_hook_keeps_has_the_mode_that_git_would_give(self, shared, value):
        git, private = shared.repo.path / ".git", shared.repo.path / ".git/idse"
        shared.repo.git("config", "core.sharedRepository", value)
        shutil.rmtree(private / "spool", ignore_errors=True)
        shared.repo.commit("code", allow_empty=True)
        shared.repo.git("update-ref", "refs/heads/like/this", "HEAD")
        (kept,) = (private / "spool").iterdir()
        for ours, like in (kept, git / "refs/heads/like/this"), (kept.parent, git / "refs/heads/like"):
            assert oct(ours.stat().st_mode & 0o777) == oct(like.stat().st_mode & 0o777)


class User:
    """One user of the machine, who works in a repository of his own or in one that is shared."""

    def __init__(self, number, home):
        self.words = ("setpriv", f"--reuid={number}", f"--regid={number}", f"--groups={GROUP}")
        self.words += ("--inh-caps=-all", "--bounding-set=-all", "sh", "-c", 'umask "$0"; exec "$@"')
        self.number = number
        self.home, self.idse_program = home, str(home.parent / "bin/idse")
        home.mkdir(mode=0o700)
        name = home.name
        (home / ".gitconfig").write_text(
            f"[user]\n\tname = {name}\n\temail = {name}@example.invalid\n[gc]\n\tauto = 0\n"
            '[init]\n\tdefaultBranch = main\n[protocol "file"]\n\tallow = always\n'
        )
        for path in (home, home / ".gitconfig"):
            os.chown(path, number, number)
        self.path = home

    def run(self, *argv, stdin=None, env=None, cwd=None, mask="077"):
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("GIT_CONFIG", "XDG_"))}
        return subprocess.run(
            [*self.words, mask, *argv],
            cwd=self.path / (cwd or "."),
            env={**kept, "HOME": str(self.home), "GIT_CONFIG_NOSYSTEM": "1", **(env or {})},
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )

    def git(self, *args, check=True, **options):
        done = self.run("git", *args, **options)
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    def idse(self, *args, **options):
        return self.run(self.idse_program, *args, **options)

    def write(self, rel, content):
        done = self.run("sh", "-c", 'mkdir -p "$(dirname "$1")" && cat >"$1"', "sh", str(rel), stdin=content)
        assert done.returncode == 0, done.stderr

    def commit(self, message, **_):
        self.git("add", "--all")
        self.git("commit", "-q", "--allow-empty", "-m", message)


PROGRAM = """\
#!/bin/sh
PYTHONPATH='{path}'
export PYTHONPATH
exec '{python}' -c 'import sys
from idse_orchestrator.cli.main import main
sys.argv[0] = "{program}"
sys.exit(main())' "$@"
"""


def _give_idse(*users):
    """Gives users an idse that they may run; skips where no interpreter of this version is open to them."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    package = pathlib.Path(idse_orchestrator.__file__).parents[1]
    path = os.pathsep.join(map(str, (package, pathlib.Path(pygit2.__file__).parents[1])))
    program = pathlib.Path(users[0].idse_program)
    for python in (os.path.realpath(sys.executable), f"/usr/bin/{version}", f"/usr/local/bin/{version}"):
        program.write_text(PROGRAM.format(path=path, python=python, program=program))
        program.chmod(0o755)
        if all(user.idse("--version").returncode == 0 for user in users):
            return
    pytest.skip("no Python of this environment is open to other users")


@pytest.fixture
def users(loop_of):
    """Two users, `anna` and `bob`, and a folder `srv` of their group; skips where nobody can become both."""
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("only root can become two users, with setpriv")
    top = pathlib.Path(tempfile.mkdtemp(prefix="idse-users-", dir="/tmp"))
    try:
        top.chmod(0o711)
        (top / "bin").mkdir(mode=0o755)
        two = [loop_of(User(number, top / name)) for number, name in ((12001, "anna"), (12002, "bob"))]
        _give_idse(*two)
        yield (top / "srv", *two)
    finally:
        shutil.rmtree(top)


@pytest.fixture
def folder_of_the_group(users):
    """Makes a folder that is the group's, as whoever looks after the machine does."""

    def make(name):
        path = users[0] / name
        path.mkdir(parents=True)
        for each in (users[0], path):
            os.chown(each, 0, GROUP)
            each.chmod(0o2770)
        return path

    return make


@pytest.fixture
def both(users, folder_of_the_group):
    """Anna with project portal in a shared repository, and bob with a work tree of his own of it."""
    _, anna, bob = users
    where = folder_of_the_group("repo")
    for user in (anna, bob):
        user.git("config", "--global", "safe.directory", "*")
    anna.git("init", "-q", "--shared=group", str(where))
    anna.repo.path = where
    anna.does("init", "portal")
    anna.commit("start")
    bob.git("-C", str(where), "worktree", "add", "-q", "-b", "bob", str(bob.home / "work"), mask="007")
    bob.repo.path = bob.home / "work"
    return anna, bob


class TestTwoUsers:
    def test_each_goes_on_with_what_the_other_left(self, both, folder_of_the_group):
        anna, bob = both
        agency = folder_of_the_group("agency.git")
        anna.git("init", "-q", "--bare", "--shared=group", str(agency))
        anna.does("sync", "setup", str(agency))
        anna.does("spawn", "login", "--title", "Login")
        anna.does("switch", "__blueprint__")
        anna.edit("context.md", "# Context\n\nof anna\n")
        anna.commit("anna edits")
        anna.commit("anna codes")
        anna.does("sync", "push")

        bob.does("switch", "__blueprint__")
        bob.does("restore", "--force")
        bob.write_well("intent")
        bob.does("save")
        bob.does("stage", "complete", "intent")
        bob.commit("bob edits")
        bob.commit("bob codes")
        bob.git("commit", "-q", "--amend", "--allow-empty", "-m", "bob codes better")
        bob.does("agents", "add", "claude", "--stage", "spec")
        bob.does("sync", "push")
        bob.does("sync", "pull")
        bob.git("fetch", "-q", "agency")
        bob.git("gc", "-q")
        bob.does("doctor", "--fix")
        bob.does("spawn", "search", "--title", "Search")
        made = bob.path / ".idse/projects/portal/sessions/search"
        assert made.stat().st_gid == bob.number, "documents are bob's own"
        bob.run("mkdir", "like", cwd=made.parent)
        assert oct(made.stat().st_mode) == oct((made.parent / "like").stat().st_mode)

        anna.does("switch", "__blueprint__")
        anna.does("restore", "--force")
        assert anna.stage("intent")["status"] == "complete"
        anna.edit("context.md", "# Context\n\nof anna, later\n")
        anna.does("save")
        anna.does("stage", "reopen", "intent", "-m", "more")
        anna.commit("anna again")
        anna.does("sync", "push")
        anna.git("gc", "-q")
        anna.does("doctor", "--fix")
        anna.does("fsck")
        bob.does("sync", "pull")
        assert bob.tip() == anna.tip() == bob.git("-C", str(agency), "rev-parse", bob.REF)
        assert closed(anna.path / ".git") == closed(agency) == []
        notes = bob.git("log", "-2", "--format=%an %N", "bob")
        assert "Idse-Session: portal/__blueprint__" in notes

    def test_git_decides_whether_a_repository_of_another_user_is_served(self, both):
        """A work tree of bob's own is his own for git, whoever owns the repository that it belongs to."""
        anna, bob = both
        bob.git("config", "--global", "--unset-all", "safe.directory")
        bob.git("status")
        bob.does("status")
        bob.does("switch", "__blueprint__")
        bob.edit("intent.md", "# Intent\n")
        bob.does("save")
        bob.repo.path = anna.path
        for command in ("status", "save", "doctor"):
            done = bob.idse(command)
            assert done.returncode == 2, done.stdout + done.stderr
            assert "belongs to another user" in done.stderr
            assert f"safe.directory {anna.path}" in done.stderr
        bob.git("config", "--global", "safe.directory", str(anna.path))
        bob.does("status")

    def test_what_a_killed_command_of_another_user_left_stops_nobody(self, both):
        anna, bob = both
        private = anna.path / ".git/idse"
        left = "mkdir -p new-folder/a incoming-1-x/pack; touch new-folder/a/b index.1; chmod -R go-rwx ."
        anna.run("sh", "-c", left, cwd=private)
        anna.run("chmod", "2770", ".", cwd=private)
        for name in ("lock", "current.lock", "init.lock"):
            anna.run("sh", "-c", f"touch {name}; chmod 640 {name}", cwd=private)
        anna.run("sh", "-c", "test -d cache && chmod -R g-rwx cache; chmod 640 replica", cwd=private)
        bob.does("switch", "__blueprint__")
        bob.edit("intent.md", "# Intent\n\nof bob\n")
        bob.does("save")
        bob.does("spawn", "login", "--title", "Login")
        bob.commit("bob edits")
        bob.does("validate", "--all")

    @pytest.mark.parametrize(
        "what",
        [
            "idse/replica",
            "idse/lock",
            "refs/idse",
            "refs/idse/sessions/portal/__blueprint__",
            "objects/??",
            "logs/refs/idse/sessions/portal/__blueprint__",
        ],
    )
    def test_what_another_user_closed_is_told_in_words(self, both, what):
        """By an older idse, before the repository was shared, or by hand: it is not missing, nor damaged."""
        anna, bob = both
        bob.does("switch", "__blueprint__")
        bob.edit("intent.md", "# Intent\n\nof bob\n")
        before = anna.tip()
        close = 'for path in $0; do chmod go-rwx "$path"; done'
        anna.run("sh", "-c", close, what, cwd=anna.path / ".git")
        reading = () if what.startswith(("idse/", "logs/")) else ("status", "next")
        for command in ("save", *reading):
            done = bob.idse(command)
            assert (done.returncode, "damaged" in done.stderr) == (2, False), done.stderr
            assert what.partition("/?")[0] in done.stderr  # of objects, git says so
        if reading:
            done = bob.idse("init", "portal")
            assert done.returncode == 2, done.stdout + done.stderr
        bob.idse("doctor", "--fix")  # what is closed is not lost: nothing is set back
        assert anna.tip() == before
        assert f"chmod -R g+rwX {anna.path}/.git" in bob.idse("doctor").stdout + bob.idse("doctor").stderr
        done = anna.idse("doctor")
        assert "not shared as core.sharedRepository wants it" in done.stdout
        anna.does("doctor", "--fix")
        assert closed(anna.path / ".git") == []
        bob.does("save")
