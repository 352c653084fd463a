"""What is published works where nothing else is: the wheel, in an empty environment."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile

import pytest

ROOT = pathlib.Path(__file__).parents[2]
SHIPPED = "idse_orchestrator/_shipped/"

# With `-n`, one worker builds and installs once for all tests of this file.
pytestmark = pytest.mark.xdist_group("wheel")


def run(*argv, cwd, **extra):
    done = subprocess.run(
        [str(word) for word in argv],
        cwd=cwd,
        env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1", **extra},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, f"{argv}\n{done.stdout}{done.stderr}"
    return done.stdout


def own_files():
    """Relative paths of what is the project's: all but what git ignores; all, in an unpacked archive."""
    if not (ROOT / ".git").exists():
        return [path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*")]
    # The home of a test does not know which folders the user of this machine trusts.
    git = ("git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    return run(*git, cwd=ROOT).split("\0")


def files_below(folder):
    """Path to bytes of every file below a folder of the checkout."""
    return {
        f"{folder}/{path.relative_to(ROOT / folder).as_posix()}": path.read_bytes()
        for path in sorted((ROOT / folder).rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


def shipped_in(wheel):
    """Path (as at the root of a checkout) to bytes of every shipped file of a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if name.startswith(SHIPPED)]
        return {name.removeprefix(SHIPPED): archive.read(name) for name in names}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The source archive and the wheel, both made from a copy of our own files, as CI would see them."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("dist")
    for name in own_files():
        if name and (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, source / name)
    build = (sys.executable, "-m", "build", "--no-isolation", "--outdir", target)
    run(*build, "--sdist", "--wheel", source, cwd=source)
    return next(target.glob("*.tar.gz")), next(target.glob("*.whl"))


@pytest.fixture(scope="module")
def unpacked(built, tmp_path_factory):
    """The folder a source archive unpacks to."""
    target = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(built[0]) as archive:
        archive.extractall(target, filter="data")
    return next(target.iterdir())


@pytest.fixture(scope="module")
def empty_environment(built, tmp_path_factory):
    """The folder of commands of a new environment that holds the wheel and what it depends on."""
    target = tmp_path_factory.mktemp("environment")
    venv.create(target, with_pip=True, symlinks=True)
    run(target / "bin" / "pip", "install", "--quiet", built[1], cwd=target)
    return target / "bin"


@pytest.fixture
def idse(empty_environment, repo):
    """Runs the installed command in a fresh repository, with its own environment first on the path."""
    path = f"{empty_environment}{os.pathsep}{os.environ['PATH']}"
    return lambda *args: run(empty_environment / "idse", *args, cwd=repo.path, PATH=path)


@pytest.mark.parametrize("folder", ["hooks", "templates"])
def test_the_wheel_carries_every_shipped_file_unchanged(built, folder):
    expected = files_below(folder)
    assert expected
    shipped = shipped_in(built[1])
    assert {name: shipped.get(name) for name in expected} == expected


def test_the_wheel_carries_the_constitution_and_says_it_is_typed(built):
    names = zipfile.ZipFile(built[1]).namelist()
    assert "idse_orchestrator/constitution.yaml" in names
    assert "idse_orchestrator/py.typed" in names


def test_the_wheel_carries_nothing_but_the_package_and_its_license(built):
    names = zipfile.ZipFile(built[1]).namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"idse_orchestrator"}
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_a_wheel_made_from_the_source_archive_carries_the_same(built, unpacked, tmp_path):
    run(sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", tmp_path, cwd=unpacked)
    again = next(tmp_path.glob("*.whl"))
    assert shipped_in(again) == shipped_in(built[1])
    assert sorted(zipfile.ZipFile(again).namelist()) == sorted(zipfile.ZipFile(built[1]).namelist())


@pytest.mark.parametrize(
    "name",
    ["LICENSE", "README.md", "CHANGELOG.md", "hooks", "templates", "tests/conftest.py", ".ci/run"],
)
def test_the_source_archive_can_be_tested(unpacked, name):
    assert (unpacked / name).exists()


def test_the_source_archive_holds_no_view_of_a_worktree(unpacked):
    names = {path.name for path in unpacked.rglob("*")}
    assert not names & {"CURRENT_SESSION", "session_state.json", ".venv", ".git"}


def test_the_installed_command_tells_the_version_of_the_wheel(built, idse):
    version = built[1].name.split("-")[1]
    assert version in idse("--version")


def test_the_installed_package_finds_its_shipped_folders_in_itself(empty_environment, tmp_path):
    ask = "from idse_orchestrator.base.files import shipped_folder; print(shipped_folder(%r))"
    for name in ("hooks", "templates"):
        folder = run(empty_environment / "python", "-c", ask % name, cwd=tmp_path).strip()
        assert pathlib.Path(folder).is_relative_to(empty_environment.parent)
        assert any(pathlib.Path(folder).iterdir())


def test_the_installed_command_starts_a_project_with_its_templates_and_hooks(idse, repo):
    idse("init", "demo")
    assert repo.read(".idse/projects/demo/sessions/__blueprint__/intent.md")
    assert repo.git("for-each-ref", "--format=%(refname)", "refs/idse/sessions/demo/")
    assert idse("hooks", "status")
    assert (repo.path / ".git/hooks/pre-commit").is_file()


def test_a_commit_passes_the_installed_hooks_and_is_recorded(idse, repo, empty_environment, monkeypatch):
    monkeypatch.setenv("PATH", f"{empty_environment}{os.pathsep}{os.environ['PATH']}")
    idse("init", "demo")
    commit = repo.commit("start")
    notes = repo.git("ls-tree", "-r", "--name-only", "refs/idse/notes/commits")
    assert commit in notes.replace("/", "").split()
