"""A folder to measure in: sealed from the machine's git settings, with the environment's own idse."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from functools import cached_property

HERE = os.path.dirname(os.path.abspath(__file__))
IDSE = os.path.join(os.path.dirname(sys.executable), "idse")
FLOORS = (sys.executable, os.path.join(HERE, "floors.py"))
PYTHON = (sys.executable, "-c", "pass")

_CONFIGURATION = """\
[user]
	name = Bench Author
	email = bench@example.invalid
[init]
	defaultBranch = main
[gc]
	auto = 0
[maintenance]
	auto = false
"""
_DROPPED = ("GIT_", "IDSE_", "PYTHON", "XDG_")


class Bed:
    """Everything one row needs; repositories are folders of `folder`."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        os.makedirs(folder)

    @cached_property
    def environment(self) -> dict[str, str]:
        """What measured processes see: no Python settings, so code is read byte-compiled."""
        configuration = os.path.join(self.folder, "gitconfig")
        with open(configuration, "w", encoding="utf-8") as file:
            file.write(_CONFIGURATION)
        kept = {key: value for key, value in os.environ.items() if not key.startswith(_DROPPED)}
        own = os.path.dirname(sys.executable)
        return {
            **kept,
            "HOME": self.folder,
            "GIT_CONFIG_GLOBAL": configuration,
            "GIT_CONFIG_NOSYSTEM": "1",
            "LC_ALL": "C.UTF-8",
            "PATH": own + os.pathsep + os.environ.get("PATH", os.defpath),
        }

    def run(
        self, *command: str, cwd: str, stdin: str | None = None, environment: Mapping[str, str] | None = None
    ) -> str:
        """Run something that is not measured and return what it printed; it has to succeed."""
        given = self.environment if environment is None else environment
        done = subprocess.run(
            command, cwd=cwd, env=given, input=stdin, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            words = (done.stderr or done.stdout).strip().split("\n")[0]
            raise RuntimeError(f"{' '.join(command[:4])} ended with {done.returncode}: {words}")
        return done.stdout.strip()

    def project(self, name: str) -> str:
        """A repository in which ``idse init portal`` ran and was committed; its path."""
        path = os.path.join(self.folder, name)
        self.run("git", "init", "-q", path, cwd=self.folder)
        self.run(IDSE, "init", "portal", cwd=path)
        self.run("git", "add", "-A", cwd=path)
        self.run("git", "commit", "-q", "-m", "start", cwd=path)
        return path

    def build(self, path: str, what: str, size: int) -> None:
        """Let ``build.py`` add `size` of `what` to a repository; apart, so that this process stays small."""
        self.run(sys.executable, os.path.join(HERE, "build.py"), path, what, str(size), cwd=path)
        self.run("git", "pack-refs", "--all", cwd=path)

    def write(self, path: str, text: str) -> None:
        """Write a file with its folders."""
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
