"""The bundle of commit b729234, opened, and the code of that commit, unpacked.

Fixtures: `kept` is what `b729234.json` says of the bundle; `opened` is a repository with all its refs;
`ask` puts a question of `today.py` to the code under test; `older_idse` is the program of then.
"""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).parent
COMMIT = "b7292344eeb22a9d2ecdc894d2c4d9e6c53eb3f4"
LAUNCHER = """\
#!{python}
import sys
sys.path.insert(0, {source!r})
from idse_orchestrator.cli import main
assert main.__file__.startswith({source!r})
sys.exit(main.main())
"""


@pytest.fixture(scope="session")
def kept():
    return json.loads((HERE / "b729234.json").read_text(encoding="utf-8"))


@pytest.fixture
def fill():
    """``fill(repo, *refspecs)``: bring refs of the bundle, those of ledgers if none are given."""

    def bring(repo, *refspecs):
        repo.git("fetch", "-q", str(HERE / "b729234.bundle"), *(refspecs or ("refs/idse/*:refs/idse/*",)))
        return repo

    return bring


@pytest.fixture
def opened(repo, fill):
    return fill(repo)


@pytest.fixture
def ask():
    """``ask(question, repo, value)``: see `today.py`."""

    def put(question, repo, value=None, **env):
        words = (sys.executable, str(HERE / "today.py"), question, str(repo.path))
        done = repo.run(*words, stdin=json.dumps(value), env=env)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return put


@pytest.fixture(scope="session")
def older_source(sealed_session, tmp_path_factory):
    """The folder with the package of commit b729234; skips where this checkout does not have that commit."""
    root = HERE.parents[1]
    git = ("git", "-C", str(root))
    if subprocess.run(
        [*git, "cat-file", "-e", f"{COMMIT}^{{commit}}"], capture_output=True, check=False
    ).returncode:
        pytest.skip(f"this checkout has no commit {COMMIT[:7]}: it is shallow, or no clone of the project")
    folder = tmp_path_factory.mktemp(COMMIT[:7])
    packed = subprocess.run([*git, "archive", COMMIT], capture_output=True, check=True)
    subprocess.run(["tar", "-x", "-C", str(folder)], input=packed.stdout, check=True)
    return folder / "src"


@pytest.fixture(scope="session")
def older_idse(older_source, tmp_path_factory):
    """Path of a program `idse` that runs the code of commit b729234; hooks it installs start it, too."""
    program = tmp_path_factory.mktemp("bin") / "idse"
    program.write_text(LAUNCHER.format(python=sys.executable, source=str(older_source)), encoding="utf-8")
    program.chmod(0o755)
    return str(program)
