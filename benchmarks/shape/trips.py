"""The files of ours that a command visits: it runs inside a child interpreter, under `sys.setprofile`.

A file is entered when a function of it is called; running the body of a module or a class is importing,
which is counted apart. What child processes do (git, its hooks) is not seen.

The child is ``python trips.py PACKAGE MODULE FUNCTION RESULT ARGUMENT…``: it calls the entry point of the
console script and writes what it saw to the file RESULT.
"""

from __future__ import annotations

import inspect
import json
import os
import sys
import threading
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bed import Bed

_IS_FUNCTION = inspect.CO_OPTIMIZED  # the body of a module or a class has no such flag
_REFS = 3  # the project, its first session, the sync point


@dataclass(frozen=True)
class Trip:
    """Paths of the files entered, and names of the modules imported."""

    entered: list[str]
    imported: list[str]


class Traveller:
    """Runs `idse` of the checkout `tree`, wherever another one is installed."""

    def __init__(self, bed: Bed, tree: str) -> None:
        self._bed = bed
        with open(os.path.join(tree, "pyproject.toml"), "rb") as file:
            entry = tomllib.load(file)["project"]["scripts"]["idse"]
        self._module, self._function = entry.split(":")
        self.environment = {**bed.environment, "PYTHONPATH": os.path.join(os.path.abspath(tree), "src")}

    def take(self, folder: str, *arguments: str) -> Trip:
        """Run a command in `folder`; it has to succeed."""
        result = os.path.join(self._bed.folder, "trip.json")
        package = self._module.partition(".")[0]
        child = (sys.executable, os.path.abspath(__file__), package, self._module, self._function, result)
        self._bed.run(*child, *arguments, cwd=folder, environment=self.environment)
        with open(result, encoding="utf-8") as file:
            return Trip(**json.load(file))


TRIPS = ("stage complete", "sync push", "status")


def trips(bed: Bed, tree: str) -> dict[str, Trip]:
    """What `TRIPS` visit, in a project that the same checkout makes.

    A look at a project just made, its first push to a bare Agency on this disk, and, after a commit with
    all hooks, the end of a stage whose document was filled in since.
    """
    idse = Traveller(bed, tree)
    folder, url = os.path.join(bed.folder, "project"), os.path.join(bed.folder, "agency.git")
    bed.run("git", "init", "-q", folder, cwd=bed.folder)
    bed.run("git", "init", "-q", "--bare", url, cwd=bed.folder)
    idse.take(folder, "init", "portal")
    found = {"status": idse.take(folder, "status")}
    idse.take(folder, "sync", "setup", url)
    found["sync push"] = idse.take(folder, "sync", "push")
    refs = bed.run("git", "for-each-ref", cwd=url).count("\n") + 1
    if refs != _REFS:
        raise RuntimeError(f"the push brought {refs} refs, and its trip is measured with {_REFS}")
    bed.run("git", "add", "-A", cwd=folder)
    bed.run("git", "commit", "-q", "-m", "start", cwd=folder, environment=idse.environment)
    _fill_in(folder, "intent.md")
    found["stage complete"] = idse.take(folder, "stage", "complete", "intent")
    return {name: found[name] for name in TRIPS}


def _fill_in(folder: str, document: str) -> None:
    path = os.path.join(folder, ".idse/projects/portal/sessions/__blueprint__", document)
    with open(path, encoding="utf-8") as file:
        text = file.read()
    with open(path, "w", encoding="utf-8") as file:
        file.write(text.replace("[REQUIRES INPUT]", "Answers within 2 seconds."))


def _travel(package: str, module: str, function: str, result: str, arguments: Sequence[str]) -> None:
    entered: set[str] = set()

    def see(frame: FrameType, event: str, _: object) -> None:
        code = frame.f_code
        if event == "call" and code.co_flags & _IS_FUNCTION:
            entered.add(code.co_filename)

    def leave(code: int) -> None:
        raise SystemExit(code)

    os._exit = leave
    sys.argv = ["idse", *arguments]
    threading.setprofile(see)
    sys.setprofile(see)
    try:
        getattr(__import__(module, fromlist=[function]), function)()
    finally:
        sys.setprofile(None)
        _write(package, entered, result)


def _write(package: str, entered: set[str], result: str) -> None:
    imported = sorted(name for name in sys.modules if name == package or name.startswith(f"{package}."))
    folder = os.path.dirname(sys.modules[package].__file__)
    paths = sorted(os.path.relpath(path, folder) for path in entered if path.startswith(folder + os.sep))
    with open(result, "w", encoding="utf-8") as file:
        json.dump({"entered": paths, "imported": imported}, file)


if __name__ == "__main__":
    _travel(*sys.argv[1:5], sys.argv[5:])
