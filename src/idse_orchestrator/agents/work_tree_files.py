"""The agent files of a work tree, and what we have to remember to take ours out without a trace.

The memory is a file in the git directory of the work tree: what each file was before we wrote it, what
we made of it, and which folders we made. Without it (in another clone) what is ours still goes.
"""

from __future__ import annotations

import fcntl
import json
import os
import stat
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from idse_orchestrator.base.files import (
    make_folder,
    remove_file,
    remove_quietly,
    storage_error,
    write_atomically,
)
from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.errors import IdseError

_MOST_LINES = 200
_FILE = "agent-told"


def forget_warnings(git_dir: str) -> None:
    """Forgets the warnings that agents had in the work tree whose git directory is `git_dir`."""
    remove_quietly(os.path.join(git_dir, "idse", _FILE))


class AgentMemory:
    """The memory of the work tree whose git directory is `git_dir`."""

    def __init__(self, git_dir: str) -> None:
        self._path = os.path.join(git_dir, "idse", _FILE)

    def is_new(self, what: str) -> bool:
        """Tests whether `what` was not known yet; from now on it was."""
        line = ascii(what)
        known = self._lines()
        if line in known:
            return False
        with suppress(IdseError):
            make_folder(os.path.dirname(self._path))
            write_atomically(
                self._path, "".join(f"{each}\n" for each in [*known, line][-_MOST_LINES:]).encode()
            )
        return True

    def _lines(self) -> list[str]:
        try:
            with open(self._path, encoding="ascii", errors="replace") as file:
                return file.read().splitlines()
        except OSError:
            return []


class Found(NamedTuple):
    """A file of a work tree: its bytes (None: there is none), its real path, and why it is not served."""

    content: bytes | None
    real: str
    refusal: str = ""


_MEMORY = "agent-files.json"
_LARGEST = 16 * 1024 * 1024
_MOST = 64 * _LARGEST


class GitAgentFiles:
    """The agent files of the work tree at `top`, whose git directory is `git_dir`."""

    def __init__(self, top: str, git_dir: str) -> None:
        self._top = top
        self._git_dir = git_dir
        self._memory = os.path.join(git_dir, "idse", _MEMORY)

    def where(self, path: str) -> str:
        """Returns the absolute path."""
        return os.path.join(self._top, path)

    def has(self, path: str) -> bool:
        """Tests whether something stands at a repository-relative path."""
        return os.path.lexists(self.where(path))

    def find(self, path: str) -> Found:
        """Finds what stands at a repository-relative path; a link is followed inside of the work tree."""
        place = self.where(path)
        real, top = os.path.realpath(place), os.path.realpath(self._top)
        if os.path.commonpath((real, top)) != top or ".git" in os.path.relpath(real, top).split(os.sep):
            return Found(None, real, "a symbolic link leads out of this work tree")
        try:
            seen = os.stat(real)
        except (FileNotFoundError, NotADirectoryError):
            return self._missing(place, real)
        except OSError as error:
            return Found(None, real, f"it cannot be read: {error.strerror}")
        if not stat.S_ISREG(seen.st_mode):
            return Found(None, real, "it is not a regular file")
        return _read(real) if seen.st_size <= _LARGEST else Found(None, real, "it is too large")

    def write(self, path: str, before: bytes | None, after: bytes, *, own: bool) -> None:
        """Makes the file `after`; folders are made, and remembered.

        `own`: what it was `before` is the user's alone, and is remembered, too.
        """
        with self._alone(path) as (real, memory, known):
            if own or (known is not None and before is not None and known["after"] == _digest(before)):
                kept = _encoded(before) if own or known is None else known["before"]
                memory["files"][self._relative(real)] = {"before": kept, "after": _digest(after)}
            for folder in self._missing_folders(os.path.dirname(real)):
                memory["folders"].append(self._relative(folder))
            make_folder(os.path.dirname(real))
            self._remember(memory)  # before the file: a run that is killed now has written nothing it forgets
            _replace(real, after)

    def take_away(self, path: str, now: bytes, rest: bytes | None) -> None:
        """Makes the file, which is `now`, what it was before we wrote it, if nobody changed it since.

        Else it becomes `rest`, and None removes it. Folders that were made for it go when they are empty.
        """
        with self._alone(path) as (real, memory, known):
            if known is not None and known["after"] == _digest(now):
                rest = _decoded(known["before"])
            if rest is None:
                remove_file(real)
                self._drop_folders(os.path.dirname(real), memory)
            else:
                _replace(real, rest)
            self._remember(memory)

    def remembered(self) -> list[str]:
        """Returns the paths of all files that were written here and not taken away."""
        return sorted(self._recall()["files"])

    def forget(self, path: str) -> None:
        """Forgets a file that somebody removed; folders that were made for it go when they are empty."""
        with self._alone(path) as (real, memory, known):
            if known is not None:
                if not os.path.lexists(real):
                    self._drop_folders(os.path.dirname(real), memory)
                self._remember(memory)

    @contextmanager
    def _alone(self, path: str) -> Iterator[tuple[str, dict[str, Any], dict[str, Any] | None]]:
        """Takes what is known of a file out of the memory; gives its real path, the memory, and that.

        Nobody else changes the memory meanwhile; the lock is on a folder, so it leaves no file behind.
        """
        try:
            descriptor = os.open(self._git_dir, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise storage_error(error, self._git_dir) from error
        try:
            with suppress(OSError):  # a file system without locks
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            real, memory = os.path.realpath(self.where(path)), self._recall()
            yield (
                real,
                memory,
                memory["files"].pop(self._relative(real), None),
            )  # two paths may lead to one file
        finally:
            os.close(descriptor)

    def _relative(self, real: str) -> str:
        return os.path.relpath(real, os.path.realpath(self._top))

    def _missing(self, place: str, real: str) -> Found:
        if os.path.islink(place):
            return Found(None, real, "it is a symbolic link to nothing")
        above = os.path.dirname(real)
        while not os.path.lexists(above):
            above = os.path.dirname(above)
        refusal = "" if os.path.isdir(above) else f"{self._relative(above)} is not a folder"
        return Found(None, real, refusal)

    def _missing_folders(self, folder: str) -> list[str]:
        found = []
        while not os.path.isdir(folder):
            found.append(folder)
            folder = os.path.dirname(folder)
        return found

    def _drop_folders(self, folder: str, memory: dict[str, Any]) -> None:
        """Those we made go if they are empty; so do they in a clone that does not know who made them."""
        top = os.path.realpath(self._top)
        made = {os.path.realpath(self.where(name)) for name in memory["folders"]}
        with suppress(OSError):  # somebody's file is in it
            while folder != top and (folder in made or memory["unknown"]):
                os.rmdir(folder)
                folder = os.path.dirname(folder)

    def _recall(self) -> dict[str, Any]:
        """Returns the memory; an empty one, marked `unknown`, where there is none that can be used."""
        try:
            with open(self._memory, "rb") as file:
                memory = json.loads(file.read(_MOST))
            _check(memory)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return {"files": {}, "folders": [], "unknown": True}
        return {**memory, "unknown": False}

    def _remember(self, memory: dict[str, Any]) -> None:
        if not memory["files"]:
            for name in sorted(memory["folders"], reverse=True):  # one that could not go before
                with suppress(OSError):
                    os.rmdir(self.where(name))
            forget_warnings(self._git_dir)
            with suppress(FileNotFoundError):
                os.unlink(self._memory)
            with suppress(OSError):  # idse has more to keep there
                os.rmdir(os.path.dirname(self._memory))
            return
        folders = sorted({name for name in memory["folders"] if os.path.isdir(self.where(name))})
        make_folder(os.path.dirname(self._memory))
        write_atomically(self._memory, json.dumps({"files": memory["files"], "folders": folders}).encode())


def _check(memory: Any) -> None:  # noqa: ANN401 - whatever the file holds
    for known in memory["files"].values():
        _decoded(known["before"])
        known["after"].lower()
    for name in memory["folders"]:
        os.path.join("", name)


def _read(real: str) -> Found:
    try:
        with open(real, "rb") as file:
            return Found(file.read(), real)
    except OSError as error:
        return Found(None, real, f"it cannot be read: {error.strerror}")


def _replace(real: str, content: bytes) -> None:
    """Writes in one step; the file keeps its mode."""
    mode = _mode(real)
    write_atomically(real, content, mode=0o666 if mode is None else mode)
    if mode is not None:
        os.chmod(real, mode)


def _mode(real: str) -> int | None:
    try:
        return stat.S_IMODE(os.stat(real).st_mode)
    except OSError:
        return None


def _digest(content: bytes) -> str:
    from hashlib import sha256

    return sha256(content).hexdigest()


def _encoded(content: bytes | None) -> str | None:
    return None if content is None else b64encode(content).decode()


def _decoded(text: str | None) -> bytes | None:
    return None if text is None else b64decode(text, validate=True)
