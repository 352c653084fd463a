"""Sources of older layouts, written by hand: facts about where files stood, with words of our own."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import pathlib

STAGES = ("intent", "context", "spec", "plan", "tasks", "implementation", "feedback")
FOLDERS = {
    "intent": "intents",
    "context": "contexts",
    "spec": "specs",
    "plan": "plans",
    "tasks": "tasks",
    "implementation": "implementation",
    "feedback": "feedback",
}
NAMES = {**{stage: f"{stage}.md" for stage in STAGES}, "implementation": "README.md"}
FLAT = {
    **{stage: f"{stage}.md" for stage in STAGES[:5]},
    "implementation": "implementation/README.md",
    "feedback": "feedback/feedback.md",
}

LAYOUTS = {
    "A": "{folder}/projects/{project}/sessions/{session}/{name}",
    "B": "{folder}/current/{name}",
    "C": "projects/{project}/sessions/{session}/{folder}/{name}",
    "D": ".idse/projects/{project}/sessions/{session}/{folder}/{name}",
    "E": "projects/{project}/{session}/{folder}/{name}",
    "F": "{project}:{session}/{folder}/{name}",
    "G": ".idse/projects/{project}/sessions/{session}/{flat}",
}

STUB = "# Legacy path notice\n\nThis document now stands elsewhere.\n"


def words(stage: str, about: str = "passkeys") -> str:
    """A document with something in it."""
    return f"# {stage.title()}\n\nPeople sign in with {about}, and nothing of it is left open here.\n"


class Old:
    """A folder that an older tool left behind, at `path`."""

    def __init__(self, path: pathlib.Path) -> None:
        self.path = path
        path.mkdir(parents=True, exist_ok=True)

    def put(self, path: str | bytes, content: str | bytes = "") -> str | bytes:
        """Write a file below the folder; returns its path."""
        target = os.path.join(os.fsencode(self.path), os.fsencode(path))
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
        return path

    def json(self, path: str, value: object) -> None:
        """Write a file of JSON."""
        self.put(path, json.dumps(value))

    def where(self, layout: str, stage: str, session: str = "login", project: str = "portal") -> str:
        """Where a layout has the document of a stage."""
        return LAYOUTS[layout].format(
            folder=FOLDERS[stage], name=NAMES[stage], flat=FLAT[stage], session=session, project=project
        )

    def session(self, layout: str, session: str = "login", project: str = "portal", about: str = "passkeys"):
        """All seven documents of a session in one layout; their bytes by their place in a session."""
        for stage in STAGES:
            self.put(self.where(layout, stage, session, project), words(stage, about))
        return {FLAT[stage]: words(stage, about).encode() for stage in STAGES}

    def snapshot(self) -> dict[bytes, tuple]:
        """Everything in it, folders and their times too, nothing followed and nothing opened but files."""
        found = {}
        for folder, folders, files in os.walk(os.fsencode(self.path)):
            for name in [b".", *folders, *files]:
                path = os.path.join(folder, name)
                about = os.lstat(path)
                content = b""
                if stat.S_ISREG(about.st_mode):
                    with open(path, "rb") as file:
                        content = hashlib.sha256(file.read()).digest()
                elif stat.S_ISLNK(about.st_mode):
                    content = os.readlink(path)
                found[path] = (about.st_mode, about.st_mtime_ns, about.st_size, content)
        return found

    def files(self) -> list[str]:
        """Paths of everything that is no folder, git's own left out."""
        found = []
        for folder, folders, files in os.walk(self.path):
            links = [name for name in folders if os.path.islink(os.path.join(folder, name))]
            folders[:] = [name for name in folders if name != ".git"]
            found += [os.path.relpath(os.path.join(folder, name), self.path) for name in (*files, *links)]
        return sorted(found, key=os.fsencode)


@pytest.fixture
def old(tmp_path):
    return Old(tmp_path / "old")


@pytest.fixture
def make_old(tmp_path):
    return lambda name: Old(tmp_path / name)


class Taker:
    """A repository that takes over; everything a `Repo` can do it can do, too."""

    def __init__(self, repo) -> None:
        self.repo = repo

    def __getattr__(self, name: str) -> object:
        return getattr(self.repo, name)

    def migrate(self, source, *args: str, exits: int = 0, **options: object) -> dict:
        """The data of ``idse migrate --json``; it has to succeed, or to exit so."""
        path = str(getattr(source, "path", source))
        done = self.repo.idse("migrate", path, *args, "--json", **options)
        assert done.returncode == exits, done.stdout + done.stderr
        return json.loads(done.stdout)["data"]

    def refused(self, source, *args: str) -> dict:
        """The first diagnostic of a migration that has to fail."""
        done = self.repo.idse("migrate", str(getattr(source, "path", source)), *args, "--json")
        assert done.returncode != 0
        return json.loads(done.stdout)["diagnostics"][0]

    def sessions(self) -> list[str]:
        """Names of all sessions that have a ledger."""
        refs = self.repo.git("for-each-ref", "--format=%(refname)", "refs/idse/sessions/").split()
        return [ref.removeprefix("refs/idse/sessions/") for ref in refs]

    def folder(self, session: str = "portal/login") -> dict[str, bytes]:
        """What the ledger of a session holds now, by path."""
        ref = f"refs/idse/sessions/{session}:artifacts"
        listed = self.repo.run("git", "ls-tree", "-r", "-z", "--name-only", ref).stdout
        return {path: self.shown(session, path) for path in listed.split("\0") if path}

    def shown(self, session: str, path: str, commit: str = "") -> bytes:
        """A document as plain git shows it, byte for byte."""
        name = f"{commit or f'refs/idse/sessions/{session}'}:artifacts/{path}"
        return self.bytes("git", "cat-file", "blob", name)

    def bytes(self, *argv: str) -> bytes:
        """Standard output of a program, as it is."""
        return subprocess.run(argv, cwd=self.repo.path, capture_output=True, check=True).stdout

    def events(self, session: str = "portal/login") -> list[dict]:
        """All events, the oldest first."""
        commits = self.repo.git("rev-list", "--reverse", f"refs/idse/sessions/{session}").split()
        return [json.loads(self.repo.git("show", f"{commit}:event.json")) for commit in commits]

    def kinds(self, session: str = "portal/login") -> list[str]:
        """The kinds of all events, the oldest first."""
        return [event["kind"] for event in self.events(session)]

    def stages(self, session: str = "portal/login") -> dict[str, str]:
        """Stage to status."""
        state = json.loads(self.repo.git("show", f"refs/idse/sessions/{session}:state.json"))
        return {stage: record["status"] for stage, record in state["stages"].items()}

    def state(self, session: str = "portal/login") -> dict:
        """The whole state."""
        return json.loads(self.repo.git("show", f"refs/idse/sessions/{session}:state.json"))

    def refs(self) -> str:
        """Every ref and where it points."""
        return self.repo.git("for-each-ref", "--format=%(refname) %(objectname)")

    def is_sound(self) -> bool:
        """Whether every ledger is what its events make of it, and every session passes its rules."""
        checked = self.repo.idse("fsck")
        judged = self.repo.idse("validate", "-q")
        assert checked.returncode == 0, checked.stdout
        assert judged.returncode == 0, judged.stdout
        return True


@pytest.fixture
def taker(repo):
    return Taker(repo)


@pytest.fixture
def make_taker(make_repo):
    return lambda name: Taker(make_repo(name))


@pytest.fixture
def run_bound(taker, bound_idse):
    """Run ``idse migrate --json`` as somebody whom the modes of files concern; root reads everything."""

    def run(old):
        argv = [*bound_idse, "migrate", str(old.path), "--json"]
        done = subprocess.run(argv, cwd=taker.path, capture_output=True, text=True, check=False)
        return done.returncode, json.loads(done.stdout)["data"]

    return run


@pytest.fixture
def facts():
    """The constants of this file, for tests that vary them."""
    return {
        "LAYOUTS": LAYOUTS,
        "STAGES": STAGES,
        "FOLDERS": FOLDERS,
        "NAMES": NAMES,
        "FLAT": FLAT,
        "STUB": STUB,
    }
