"""What an attempt left, as git's objects: the supervisor commits it, never the agent.

The tree is that of the supervisor's own index. What is never taken is told: nested repositories, links that
lead out of the tree, odd modes, the documents of sessions. A result is a commit on the base of its attempt,
below ``refs/idse-local/results/``; what the agent put out beside code is a tree of its own, in a commit
below ``refs/idse-local/outputs/``.
"""

from __future__ import annotations

import os
import posixpath
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.git.libgit2 import RefMovedError, libgit2, move_ref, open_repository
from idse_orchestrator.git.objects import commit_object, write_objects
from idse_orchestrator.runner.model.evidence import is_refused_place

if TYPE_CHECKING:
    from idse_orchestrator.git.libgit2 import pygit2

LINK, GITLINK, FOLDER = 0o120000, 0o160000, 0o040000
TAKEN = (0o100644, 0o100755, LINK)
_MOST_READ = 1 << 20
"""Bytes of a file that is looked into for markers and secrets; a larger one is data."""

MOST_OUTPUTS = 1000
MOST_OUTPUT_BYTES = 64 << 20

TrailerValues = Mapping[str, str]


class Found(NamedTuple):
    """What differs from the base. `refused` says of what is never taken why; `texts` are small new files."""

    tree: str
    changed: tuple[str, ...]
    refused: tuple[str, ...]
    texts: tuple[tuple[str, str], ...]


class Outputs(NamedTuple):
    """Files that an attempt put out: the tree with them ("" : none), and their paths; `left_out` says why."""

    tree: str = ""
    paths: tuple[str, ...] = ()
    left_out: str = ""


class Results:
    """Reads and keeps the results of one repository, signed as `who` (name and email)."""

    def __init__(self, common_dir: str, who: tuple[str, str], clock: Callable[[], float] = time.time) -> None:
        self._common_dir = common_dir
        self._who = who
        self._clock = clock
        self._opened: pygit2.Repository | None = None

    @property
    def git(self) -> pygit2.Repository:
        """The repository as libgit2 has it."""
        if self._opened is None:
            self._opened = open_repository(self._common_dir)
        return self._opened

    def read(self, index: str, base: str) -> Found:
        """Returns what the index at that path holds that the commit `base` does not. Raises StorageError."""
        tree = write_objects(index, lambda: libgit2().Index(index).write_tree(self.git))
        before = self._commit(base).tree
        changed, refused, texts = [], [], []
        for delta in before.diff_to_tree(self.git[tree].peel(libgit2().Tree)).deltas:
            path = (delta.new_file.raw_path or delta.old_file.raw_path).decode("utf-8", "surrogateescape")
            changed.append(path)
            is_there = delta.status_char() != "D"
            trouble = self._trouble(path, delta.new_file.mode if is_there else 0, str(delta.new_file.id))
            if trouble:
                refused.append(trouble)
            elif is_there and delta.new_file.mode != LINK:
                texts.append((path, str(delta.new_file.id)))
        return Found(str(tree), tuple(dict.fromkeys(changed)), tuple(refused), tuple(texts))

    def text(self, blob: str) -> bytes:
        """Returns what a changed file holds, b"" where it is large."""
        found = self.git[blob].peel(libgit2().Blob)
        return found.data if found.size <= _MOST_READ else b""

    def _trouble(self, path: str, mode: int, blob: str) -> str:
        if is_refused_place(path):
            return f"{path}: no task changes what is there"
        if mode == GITLINK:
            return f"{path}: a repository within the repository"
        if mode and mode not in TAKEN:
            return f"{path}: its mode is {mode:o}"
        if mode == LINK and leads_out(path, self.git[blob].peel(libgit2().Blob).data):
            return f"{path}: a link that leads out of the tree"
        return ""

    def commit(self, tree: str, base: str, subject: str, trailers: TrailerValues) -> str:
        """Returns a commit of `tree` on `base`. Raises StorageError."""
        lines = "\n".join(f"{key}: {value}" for key, value in trailers.items())
        parents = [libgit2().Oid(hex=base)] if base else []
        message = f"{' '.join(subject.split())[:200] or 'work'}\n\n{lines}\n"
        oid = libgit2().Oid(hex=tree)
        made = write_objects(
            "a result", lambda: commit_object(self.git, self.signature(), message, oid, parents)
        )
        return str(made)

    def keep(self, ref: str, commit: str) -> None:
        """Has `ref` name `commit`, whatever it named. The caller holds the lock of tasks."""
        for _ in range(3):
            before = self.tip(ref)
            if before == commit:
                return
            with suppress(RefMovedError):
                move_ref(
                    self.git, ref, commit, before or None, "idse: the result of an attempt", self.signature()
                )
                return

    def tip(self, ref: str) -> str:
        """Returns the commit that `ref` names, "" where there is none."""
        try:
            return str(self.git.lookup_reference(ref).peel(libgit2().Commit).id)
        except (KeyError, ValueError, libgit2().GitError):
            return ""

    def outputs(self, folder: str) -> Outputs:
        """Returns the plain files in `folder` as a tree; links and what else stands there are passed by."""
        tree: dict[str, Any] = {}
        paths: list[str] = []
        size, left_out = 0, ""
        for path, place in _plain_files(folder):
            data = _read_plain(place, MOST_OUTPUT_BYTES - size)
            if data is None or len(paths) >= MOST_OUTPUTS or not is_encodable(path):
                most = f"{MOST_OUTPUTS} files and {MOST_OUTPUT_BYTES >> 20} MiB"
                left_out = f"{path}: beyond {most}, or no plain file with a plain name"
                continue
            size += len(data)
            paths.append(path)
            *above, name = path.split("/")
            into = tree
            for each in above:
                into = into.setdefault(each, {})
            into[name] = str(write_objects(path, partial(self.git.create_blob, data)))
        return Outputs(self._folder(tree) if paths else "", tuple(paths), left_out)

    def _folder(self, entries: Mapping[str, Any]) -> str:
        builder = self.git.TreeBuilder()
        for name, value in entries.items():
            if isinstance(value, dict):
                builder.insert(name, libgit2().Oid(hex=self._folder(value)), FOLDER)
            else:
                builder.insert(name, libgit2().Oid(hex=str(value)), TAKEN[0])
        return str(write_objects("an output", builder.write))

    def _commit(self, name: str) -> pygit2.Commit:
        found: pygit2.Commit = self.git[name].peel(libgit2().Commit)
        return found

    def empty_tree(self) -> str:
        """Returns the tree without files."""
        return str(write_objects("a tree", self.git.TreeBuilder().write))

    def signature(self) -> pygit2.Signature:
        """Returns who commits, and when."""
        now = int(self._clock())
        signature: pygit2.Signature = libgit2().Signature(
            *self._who, now, time.localtime(now).tm_gmtoff // 60
        )
        return signature


def leads_out(path: str, target: bytes) -> bool:
    """Tests whether a link at `path` leads out of the tree, or into git's own folder."""
    text = target.decode("utf-8", "surrogateescape")
    if not text or text.startswith("/") or "\0" in text:
        return True
    place = posixpath.normpath(posixpath.join(posixpath.dirname(path), text))
    return place == ".." or place.startswith("../") or is_refused_place(place)


def has_markers(data: bytes) -> bool:
    """Tests for the markers of a conflict, each at the beginning of a line, in their order."""
    if b"<<<<<<< " not in data or b">>>>>>> " not in data:
        return False
    wanted = [b"<<<<<<< ", b"=======", b">>>>>>> "]
    for line in data.split(b"\n"):
        if line.startswith(wanted[0]):
            wanted.pop(0)
            if not wanted:
                return True
    return False


def is_encodable(name: str) -> bool:
    """Tests whether `name` is UTF-8."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _plain_files(folder: str) -> Iterator[tuple[str, str]]:
    waiting = [("", folder)]
    while waiting:
        prefix, place = waiting.pop()
        try:
            with os.scandir(place) as entries:
                found = sorted(entries, key=lambda entry: entry.name)
        except OSError:
            continue
        for entry in found:
            path = f"{prefix}{entry.name}"
            if entry.name.casefold() == ".git":
                continue
            if entry.is_dir(follow_symlinks=False):
                waiting.append((f"{path}/", entry.path))
            elif entry.is_file(follow_symlinks=False):
                yield path, entry.path


def _read_plain(place: str, most: int) -> bytes | None:
    try:
        descriptor = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    with open(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        data = file.read(most + 1)
    return data if len(data) <= most else None
