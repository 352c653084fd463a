"""The test bed: real git and the real `idse` command, sealed from the machine that runs the tests.

Fixtures: `sealed` (autouse) is the environment every process of a test sees; `repo` is a fresh
repository without a commit, `make_repo` makes more of them, `bare_remote` is an empty one to push to.
"""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping

import pytest
from hypothesis import settings

from advice import commands_in, filled, problem_with

BIN = pathlib.Path(sys.executable).parent
"""Where the console commands of the environment that runs the tests stand; never a version manager's shim."""

PATIENCE = 300
"""Seconds after which a process counts as hung. A guard for the test run, not an assertion."""

CONFIGURATION = """\
[user]
	name = Test Author
	email = author@example.invalid
[init]
	defaultBranch = main
[commit]
	gpgsign = false
[tag]
	gpgsign = false
[gc]
	auto = 0
[maintenance]
	auto = false
[protocol "file"]
	allow = always
"""

_DROPPED_PREFIXES = ("GIT_", "IDSE_", "XDG_", "LC_", "CLICOLOR", "PRE_COMMIT", "HUSKY", "LEFTHOOK")
_DROPPED = (
    "CI",
    "COLUMNS",
    "EDITOR",
    "FORCE_COLOR",
    "GITHUB_ACTIONS",
    "LANGUAGE",
    "LESS",
    "LINES",
    "NO_COLOR",
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONUNBUFFERED",
    "TTY_COMPATIBLE",
    "VIRTUAL_ENV",
    "VISUAL",
)

settings.register_profile("dev", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.register_profile("soak", deadline=None, max_examples=5_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if "CI" in os.environ else "dev"))


def pytest_addoption(parser: pytest.Parser) -> None:
    """The switch that lets documentation catch up with the tool."""
    parser.addoption(
        "--update-pictures",
        action="store_true",
        help="write the pictures in docs/pictures anew, as the pages look today",
    )
    parser.addoption(
        "--update-console",
        action="store_true",
        help="rewrite what the console blocks of README.md and docs/ show instead of failing",
    )


class Repo:
    """A real repository at `path`; with `at` (an ISO date) every commit made through it has that date."""

    def __init__(self, path: pathlib.Path, at: str | None = None) -> None:
        self.path = path
        self.at = at

    def run(
        self,
        *argv: str,
        stdin: str | None = None,
        env: Mapping[str, str] | None = None,
        cwd: str | os.PathLike[str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run any program here and return what happened. Without `stdin` it reads nothing.

        `cwd` is relative to `path`; `env` is added to the sealed environment.
        """
        return subprocess.run(
            argv,
            cwd=self.path / (cwd or "."),
            env={**os.environ, **self._dates(), **(env or {})},
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",
            timeout=PATIENCE,
            check=False,
        )

    def git(
        self,
        *args: str,
        check: bool = True,
        stdin: str | None = None,
        env: Mapping[str, str] | None = None,
    ) -> str:
        """Standard output of git, stripped; a git that fails fails the test, unless `check` is False."""
        done = self.run("git", *args, stdin=stdin, env=env)
        if check and done.returncode != 0:
            pytest.fail(f"git {' '.join(args)} ended with {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout.strip()

    def idse(
        self,
        *args: str,
        stdin: str | None = None,
        env: Mapping[str, str] | None = None,
        cwd: str | os.PathLike[str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Runs the real console command; the exit code is for the test to judge.

        Whatever it advises to type has to be a command line that its own parser takes.
        """
        done = self.run(str(BIN / "idse"), *args, stdin=stdin, env=env, cwd=cwd)
        for command in commands_in(done.stdout + done.stderr):
            assert problem_with(filled(command)) == "", command
        return done

    def write(self, rel: str | os.PathLike[str], content: str | bytes) -> pathlib.Path:
        """Write a file, with its folders; text is written as UTF-8 and line breaks stay as they are."""
        target = self.path / rel
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)
        return target

    def read(self, rel: str | os.PathLike[str]) -> bytes:
        """The bytes of a file."""
        return (self.path / rel).read_bytes()

    def commit(
        self, message: str = "a commit", *paths: str, no_verify: bool = False, allow_empty: bool = False
    ) -> str:
        """Stage `paths` (or everything), commit, and return the new commit's id."""
        self.git("add", *(("--", *paths) if paths else ("--all",)))
        flags = ["--no-verify"] * no_verify + ["--allow-empty"] * allow_empty
        self.git("commit", "--quiet", *flags, "-m", message)
        return self.git("rev-parse", "HEAD")

    def clone(self, name: str) -> Repo:
        """A clone in a folder `name` beside this repository."""
        target = self.path.parent / name
        self.git("clone", "--quiet", str(self.path), str(target))
        return Repo(target, self.at)

    def worktree(self, name: str) -> Repo:
        """A linked worktree in a folder `name` beside this repository, on a new branch `name`."""
        target = self.path.parent / name
        self.git("worktree", "add", "--quiet", "-b", name, str(target))
        return Repo(target, self.at)

    def _dates(self) -> dict[str, str]:
        return {"GIT_AUTHOR_DATE": self.at, "GIT_COMMITTER_DATE": self.at} if self.at else {}


def _seal(monkeypatch: pytest.MonkeyPatch, home: pathlib.Path) -> None:
    for name in [n for n in os.environ if n.startswith(_DROPPED_PREFIXES) or n in _DROPPED]:
        monkeypatch.delenv(name)
    configuration = home / ".gitconfig"
    configuration.write_text(CONFIGURATION, encoding="utf-8")
    path = os.environ.get("PATH", os.defpath)
    for name, value in {
        "HOME": str(home),
        "USERPROFILE": str(home),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "XDG_CACHE_HOME": str(home / ".cache"),
        "XDG_DATA_HOME": str(home / ".local" / "share"),
        "XDG_STATE_HOME": str(home / ".local" / "state"),
        "GIT_CONFIG_GLOBAL": str(configuration),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_EDITOR": ":",
        "GIT_PAGER": "cat",
        "PAGER": "cat",
        "TERM": "dumb",
        "TZ": "UTC",
        "LC_ALL": "C.UTF-8",
        "PATH": path if path.startswith(f"{BIN}{os.pathsep}") else f"{BIN}{os.pathsep}{path}",
    }.items():
        monkeypatch.setenv(name, value)
    _seal_libgit2(home)


def _seal_libgit2(home: pathlib.Path) -> None:
    """libgit2 keeps the home it saw when it was imported, so tell it of every new one."""
    from idse_orchestrator.git.libgit2 import libgit2

    pygit2 = libgit2()
    level = pygit2.enums.ConfigLevel
    for where, folder in {
        level.GLOBAL: str(home),
        level.XDG: str(home / ".config" / "git"),
        level.SYSTEM: "",
        level.PROGRAMDATA: "",
    }.items():
        pygit2.settings.search_path[where] = folder or str(home / "nowhere")


@pytest.fixture(scope="session", autouse=True)
def sealed_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Seals what session and module fixtures start, before any test has a folder of its own."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        _seal(monkeypatch, tmp_path_factory.mktemp("home"))
        yield


@pytest.fixture(autouse=True)
def sealed(
    tmp_path: pathlib.Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> pathlib.Path:
    """A home of the test's own, no inherited git or idse settings; the working folder is `tmp_path`.

    Returns the home. No search for a repository climbs above `tmp_path`.
    """
    home = tmp_path_factory.mktemp("home")
    _seal(monkeypatch, home)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.chdir(tmp_path)
    return home


@pytest.fixture
def make_repo(tmp_path: pathlib.Path) -> Callable[..., Repo]:
    """``make_repo(name="repo", at=None, bare=False)``: a fresh repository without a commit."""

    def make(name: str = "repo", *, at: str | None = None, bare: bool = False) -> Repo:
        path = tmp_path / name
        path.mkdir(parents=True)
        repo = Repo(path, at)
        repo.git("init", "--quiet", *(["--bare"] if bare else []))
        return repo

    return make


@pytest.fixture
def repo(make_repo: Callable[..., Repo]) -> Repo:
    """A fresh repository on branch `main`, without a commit."""
    return make_repo()


@pytest.fixture
def bare_remote(make_repo: Callable[..., Repo]) -> Repo:
    """An empty bare repository; its `path` is the URL to push to."""
    return make_repo("remote.git", bare=True)


@pytest.fixture
def bound_idse() -> tuple[str, ...]:
    """The words that run idse so that modes of files bind it; skips where root cannot give up that right."""
    idse = str(BIN / "idse")
    if os.geteuid() != 0:
        return (idse,)
    words = ("setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all")
    if shutil.which(words[0]) is None or subprocess.run([*words, "true"], check=False).returncode != 0:
        pytest.skip("setpriv cannot take rights away here")
    return (*words, idse)


FOLDER = ".idse/projects/portal/sessions/__blueprint__"
REF = "refs/idse/sessions/portal/__blueprint__"
OWN = pathlib.Path(__file__).parents[1] / ".idse/projects/idse-orchestrator/sessions/__blueprint__"
"""Real documents that keep every promise: those of this project."""


class Loop:
    """The project `portal` in a repository: its blueprint's documents, and what their ledger says.

    Everything a `Repo` can do it can do, too.
    """

    FOLDER = FOLDER
    REF = REF

    def __init__(self, repo: Repo) -> None:
        self.repo = repo

    def __getattr__(self, name: str) -> object:
        return getattr(self.repo, name)

    def does(self, *args: str, **options: object) -> subprocess.CompletedProcess[str]:
        """Run idse; it has to succeed."""
        done = self.repo.idse(*args, **options)
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    def edit(self, path: str, text: str) -> pathlib.Path:
        """Write one of the session's files."""
        return self.repo.write(f"{FOLDER}/{path}", text)

    def text(self, path: str) -> str:
        """One of the session's files, in the work tree."""
        return self.repo.read(f"{FOLDER}/{path}").decode()

    def ledger(self, path: str, ref: str = REF) -> str:
        """The same as the ledger holds it; "" where it does not."""
        return self.repo.run("git", "show", f"{ref}:artifacts/{path}").stdout

    def tip(self, ref: str = REF) -> str:
        """The ledger's newest commit."""
        return self.repo.git("rev-parse", ref)

    def events(self, ref: str = REF) -> list[dict]:
        """All events, the newest first."""
        commits = self.repo.git("rev-list", "--topo-order", ref).splitlines()
        return [json.loads(self.repo.git("show", f"{commit}:event.json")) for commit in commits]

    def status(self, *args: str, **options: object) -> dict:
        """The data of ``idse status --json``."""
        return json.loads(self.does("status", *args, "--json", **options).stdout)["data"]

    def stage(self, stage: str) -> dict:
        """What the status says of one stage."""
        return next(each for each in self.status()["stages"] if each["stage"] == stage)

    def note(self, rev: str = "HEAD") -> str:
        """What plain `git log` shows of idse's notes on a commit."""
        return self.repo.git("log", "-1", "--format=%N", rev)

    def write_well(self, stage: str) -> None:
        """Write a document that keeps every promise of `stage`."""
        path = {"implementation": "implementation/README.md", "feedback": "feedback/feedback.md"}.get(
            stage, f"{stage}.md"
        )
        text = (OWN / path).read_text(encoding="utf-8").replace("- [ ]", "- [x]")
        self.edit(path, text + ("\nNo code: a test of documents\n" if stage == "implementation" else ""))

    def finish(self, *stages: str, begins_next: bool = True) -> None:
        """Write the documents of `stages`, and complete them one after the other."""
        for stage in stages:
            self.write_well(stage)
            if self.stage(stage)["status"] == "pending":
                self.does("stage", "start", stage)
            self.does("stage", "complete", stage, *(() if begins_next else ("--no-start",)))


@pytest.fixture
def loop_in() -> Callable[[Repo], Loop]:
    """``loop_in(repo)``: start the project in a repository, without committing."""

    def begin(repo: Repo) -> Loop:
        loop = Loop(repo)
        loop.does("init", "portal")
        return loop

    return begin


@pytest.fixture
def loop_of() -> Callable[[Repo], Loop]:
    """``loop_of(repo)``: look at a repository that has the project already, such as a worktree."""
    return Loop


_MADE: dict[str, pathlib.Path] = {}


@pytest.fixture
def once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Repo, Callable[[], object]], None]:
    """``once(repo, make)``: the first test makes it, the others get a copy of what it made of `repo`."""

    def once(repo: Repo, make: Callable[[], object]) -> None:
        key = f"{make.__code__.co_filename} {make.__qualname__}"
        if key not in _MADE:
            make()
            _MADE[key] = tmp_path_factory.mktemp("made") / "repo"
            shutil.copytree(repo.path, _MADE[key], symlinks=True)
            return
        shutil.rmtree(repo.path)
        shutil.copytree(_MADE[key], repo.path, symlinks=True)
        repo.git("update-index", "--refresh", "-q", check=False)

    return once


@pytest.fixture
def loop(repo: Repo, once: Callable[[Repo, Callable[[], object]], None]) -> Loop:
    """A started project with real hooks; its fresh templates are committed and recorded."""

    def make() -> None:
        Loop(repo).does("init", "portal")
        repo.commit("start")

    once(repo, make)
    return Loop(repo)
