"""What the tests of bad input share: a project that stands, and a repository held against its image.

Fixtures: `begun` is `repo` with project portal, session login and a first commit; `unchanged` is a
``with`` block that fails where anything in a repository differs after it; `refused` runs a command
that must end with a given code, leave everything as it was, and say no more than one error.
`short_project` is another one, for tests of what merges and commits bring to a ledger.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import os
import pathlib
import shutil
import stat
import subprocess
import sys

import pytest

from here import discover, ledger_writer
from idse_orchestrator.documents.project_workspace import ARTIFACTS
from idse_orchestrator.git.libgit2 import open_repository
from idse_orchestrator.ledger.events import Draft

FOLDER = ".idse/projects/portal/sessions/login"
_PRIVATE = ("contributed", "spool", "replica")
"""Of idse's own files in the git directory, those that mean something; the rest is caches and locks."""


def image_of(root: pathlib.Path) -> dict[str, tuple[str, str]]:
    """Every file, folder and link below `root`, with mode and content; git objects are left out.

    An object that nothing refers to is no change. Everything else is: refs, reflogs, settings, the
    index, hooks, documents, views, empty folders.
    """
    found = {}
    for folder, folders, names in os.walk(os.fsencode(root)):
        relative = os.path.relpath(folder, os.fsencode(root))
        if relative == b".git":
            folders[:] = [name for name in folders if name not in (b"objects", b"idse")]
        for name in folders + names:
            found[os.fsdecode(os.path.join(relative, name))] = _look(os.path.join(folder, name))
    private = root / ".git" / "idse"
    for name in _PRIVATE if private.is_dir() else ():
        for path in sorted((private / name).rglob("*")) or [private / name]:
            if path.is_file():
                found[str(path.relative_to(root))] = _look(os.fsencode(path))
    return found


def _look(path: bytes) -> tuple[str, str]:
    mode = os.lstat(path).st_mode
    if stat.S_ISLNK(mode):
        return oct(mode), os.fsdecode(os.readlink(path))
    if not stat.S_ISREG(mode):
        return oct(mode), ""
    with open(path, "rb") as file:
        return oct(mode), hashlib.sha1(file.read()).hexdigest()


@pytest.fixture
def unchanged():
    """Makes a ``with`` block for a repository, which must be the same after it as before."""

    @contextlib.contextmanager
    def keep(repo):
        before = image_of(repo.path)
        yield
        after = image_of(repo.path)
        assert {path for path in {*before, *after} if before.get(path) != after.get(path)} == set()

    return keep


@pytest.fixture
def refused(unchanged):
    """``refused(repo, code, exit_code, *argv)``: standard error of a command that had to be refused."""

    def run(repo, code, exit_code, *argv, env=None, cwd=None, wrap=()):
        program = str(pathlib.Path(sys.executable).parent / "idse")
        with unchanged(repo):
            done = repo.run(*wrap, program, *argv, env=env, cwd=cwd)
        assert done.returncode == exit_code, done.stdout + done.stderr
        assert done.stdout == ""
        assert done.stderr.startswith(f"error[{code}]: "), done.stderr
        assert done.stderr.count("error[") == 1
        assert "Traceback" not in done.stderr
        return done.stderr

    return run


@pytest.fixture
def begun(repo, once):
    """`repo` with project portal, session login current, all of it committed."""

    def make():
        for command in (("init", "portal"), ("spawn", "login", "--title", "Login")):
            done = repo.idse(*command)
            assert done.returncode == 0, done.stderr
        repo.git("add", ".idse")
        repo.git("commit", "--quiet", "-m", "begin")

    once(repo, make)
    return repo


@pytest.fixture
def short_project(loop):
    """A `Loop` whose intent has one line, recorded by a commit."""
    loop.edit("intent.md", "# Intent\n\n## Goal\n\none\n")
    loop.repo.commit("one")
    return loop


class Ledgers:
    """Ledgers of sessions of project portal in a repository, written at whatever date a test needs."""

    def __init__(self, repo):
        self.repo = repo
        self.now = 0
        self.repository = discover(str(repo.path))
        self.store = open_repository(self.repository.common_dir)
        self.writer = ledger_writer(self.repository, clock=lambda: self.now)
        self.files = {}

    def say(self, session, day, **texts):
        """Record the documents `texts` (stage to text) of a session on an ISO date; the ledger's new tip."""
        self.now = int(dt.datetime.fromisoformat(f"{day}T12:00:00+00:00").timestamp())
        files = self.files.setdefault(session, {})
        files |= {ARTIFACTS[stage]: text for stage, text in texts.items()}
        tree = self._tree({path: text for path, text in files.items() if text is not None})
        created = {"project": "portal", "session": session, "type": "feature"}
        edited = {"changed": {}, "source": "save"}
        return self.writer.append(
            "portal",
            session,
            lambda tip: Draft("edited" if tip else "created", edited if tip else created, tree),
        ).commit

    def _tree(self, files):
        builder = self.store.TreeBuilder()
        folders = {}
        for path, text in files.items():
            folder, slash, name = path.rpartition("/")
            data = text if isinstance(text, bytes) else text.encode()
            if slash:
                folders.setdefault(folder, {})[name] = data
            else:
                builder.insert(name, self.store.create_blob(data), 0o100644)
        for folder, inner in folders.items():
            builder.insert(folder, self._tree(inner), 0o040000)
        return str(builder.write())


@pytest.fixture
def ledgers_of():
    """``ledgers_of(repo)``: write ledgers of project portal at any date; see `Ledgers`."""
    return Ledgers


@pytest.fixture
def as_nobody():
    """The words that run a command as a user who owns nothing here; skips where that is not possible."""
    words = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
    if os.geteuid() != 0:
        pytest.skip("only root can act as another user")
    if shutil.which("setpriv") is None or subprocess.run([*words, "true"], check=False).returncode != 0:
        pytest.skip("setpriv cannot act as another user here")
    own = subprocess.run([*words, sys.executable, "-c", ""], check=False, capture_output=True)
    if own.returncode != 0:
        pytest.skip("another user may not run this Python: it is in a folder of its owner's")
    return words


@pytest.fixture
def read_only_git():
    """The words that run a command with a read-only .git; skips where mounting is not permitted."""
    script = 'mount --bind .git .git && mount -o remount,ro,bind .git && exec "$@"'
    words = ("unshare", "--mount", "sh", "-c", script, "sh")
    probe = 'd=$(mktemp -d) && mount --bind "$d" "$d"'
    tried = ("unshare", "--mount", "sh", "-c", probe)
    if shutil.which("unshare") is None or subprocess.run(tried, check=False, capture_output=True).returncode:
        pytest.skip("mounting is not permitted here (no root, a container, or macOS)")
    return words


@pytest.fixture
def small_disk(tmp_path):
    """A folder on a disk of two megabytes; skips where mounting is not permitted."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ("mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder))
    if shutil.which("mount") is None or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("mounting is not permitted here (no root, a container, or macOS)")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)
