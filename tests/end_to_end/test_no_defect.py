"""What the machine refuses is told as that: nothing calls it a defect of idse (70), and hooks say 0 or 1."""

from __future__ import annotations

import os
import re
import shutil
import subprocess

import pytest

IDSE = shutil.which("idse")
FOLDER = ".idse/projects/portal/sessions/__blueprint__"
COMMANDS = ["status", "log", "validate", "save -m x", "stage complete intent", "spawn s2", "session list"]
COMMANDS += [
    "config set agent x",
    "sync push",
    "hooks install",
    "doctor",
    "hook pre-commit",
    "hook post-commit",
]


def told(loop, code, *commands, before="", env=None, known=(0, 1, 2, 3, 5)):
    """Run each command behind `before`; the errors say `code` where there are any, and at least one does."""
    said = []
    for command in commands or COMMANDS:
        done = loop.run("/bin/sh", "-c", f"{before} exec idse {command}", env=env)
        assert done.returncode in known, f"{command}: {done.returncode} {done.stderr}"
        assert "Traceback" not in done.stderr
        if command.startswith("hook "):
            assert done.returncode in (0, 1), done.stderr
        if f"error[{code}]" in done.stderr:
            said.append(command)
            assert re.search("= (fix|hint): ", done.stderr)
    assert said
    return said


@pytest.mark.parametrize("git", ["none", "no program", "not executable", "gone interpreter", "a folder"])
def test_a_git_that_cannot_be_started(loop, tmp_path, git):
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "idse").symlink_to(shutil.which("idse"))
    if git == "a folder":
        (folder / "git").mkdir()
    elif git != "none":
        text = {"no program": b"\0\1\2", "not executable": b"#!/bin/sh\n", "gone interpreter": b"#!/no/sh\n"}[
            git
        ]
        (folder / "git").write_bytes(text)
        (folder / "git").chmod(0o644 if git == "not executable" else 0o755)
    said = told(
        loop, "IDSE016", "status", "save", "log", "config list", "init portal", env={"PATH": str(folder)}
    )
    assert len(said) == 5
    assert loop.run(shutil.which("idse"), "hook", "pre-commit", env={"PATH": str(folder)}).returncode == 1


def test_documents_behind_a_symbolic_link(loop, tmp_path):
    shutil.move(loop.path / ".idse", tmp_path / "elsewhere")
    (loop.path / ".idse").symlink_to(tmp_path / "elsewhere")
    told(loop, "IDSE017")
    (loop.path / ".idse").unlink()
    shutil.move(tmp_path / "elsewhere", loop.path / ".idse")
    session = loop.path / FOLDER
    shutil.move(session, tmp_path / "session")
    session.symlink_to(tmp_path / "session")
    for command in COMMANDS:
        assert loop.idse(*command.split()).returncode in (0, 1, 2, 3, 5)


@pytest.mark.parametrize("link", [".idse", ".idse/projects", f"{FOLDER}/intent.md"])
def test_links_that_lead_nowhere_or_to_themselves(loop, link):
    path = loop.path / link
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    for target in ("nowhere", path.name):
        path.symlink_to(target)
        for command in COMMANDS:
            done = loop.idse(*command.split())
            assert done.returncode in (0, 1, 2, 3, 5), f"{command} {target}: {done.stderr}"
        path.unlink()


@pytest.mark.parametrize("blocks", [0, 1])
def test_files_that_may_not_grow(loop, blocks):
    loop.edit("intent.md", "# Intent\n\n" + "more words\n" * 400)
    told(loop, "IDSE015", before=f"ulimit -f {blocks};", known=(0, 1, 2, 3, 5, 75))


@pytest.mark.parametrize("most", [8, 10, 12, 14, 18])
def test_few_files_may_be_open(loop, most):
    for command in COMMANDS:
        done = loop.run("sh", "-c", f"ulimit -n {most}; exec idse {command}")
        assert done.returncode in (0, 1, 2, 3, 5, 75), f"{command}: {done.stderr}"
        if command.startswith("hook "):
            assert done.returncode in (0, 1)


def test_too_few_open_files_are_named(loop):
    told(loop, "IDSE025", "status", "save", "log", before="ulimit -n 7;", known=(75,))


def test_a_folder_that_is_gone(loop):
    (loop.path / "sub").mkdir()
    before = 'cd sub; rmdir "$PWD";'
    told(loop, "IDSE001", "status", "log", "save", "config list", before=before)


def test_a_configuration_that_somebody_holds(loop):
    loop.write(".git/config.lock", "")
    said = told(loop, "IDSE015", "config set agent x", "sync setup /nowhere")
    assert "config set agent x" in said
    assert loop.run("git", "config", "idse.agent").stdout == ""


def test_a_full_disk(loop, tmp_path):
    full = tmp_path / "full"
    full.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(full)], check=False)
    if mounted.returncode != 0:
        pytest.skip("no file system can be mounted here")
    try:
        shutil.copytree(loop.path, full / "repo", symlinks=True)
        with open(full / "filler", "wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"x" * 512)
            except OSError:
                pass
        for command in (*COMMANDS, "init other", "agents add codex --stage plan", "restore"):
            done = subprocess.run(
                [shutil.which("idse"), *command.split()],
                cwd=full / "repo", capture_output=True, check=False, env=os.environ, text=True,
            )  # fmt: skip
            assert done.returncode in (0, 1, 2, 3, 5), f"{command}: {done.stderr}"
            if command in ("save -m x", "config set agent x"):
                assert "error[IDSE015]" in done.stderr
    finally:
        subprocess.run(["umount", str(full)], check=True)
